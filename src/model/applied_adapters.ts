/**
 * Which adapters a text is read with.
 *
 * @module
 */
import type { LowRankUpdates } from "./adapt_parameters.ts";
import type { Adapter } from "./adapter.ts";
import type { LowRankUpdate } from "./parameters.ts";

/** An adapter, and how much of it. */
export interface ScaledAdapter {
  /** One of the model's. */
  readonly adapter: Adapter;
  /** What it adds is multiplied by this. */
  readonly scale: number;
}

/** Adapters that are used together. */
export class AppliedAdapters {
  /** Texts with the same one have the same adapters, to the same degree: they are computed by the same graph. */
  readonly id: string;
  /** Each with its scale, none of which is 0. */
  readonly list: readonly ScaledAdapter[];

  /** @param list in the order in which they are added */
  constructor(list: readonly ScaledAdapter[]) {
    this.list = list;
    this.id = JSON.stringify(list.map(({ adapter, scale }) => [adapter.id, scale]));
  }

  /** What they add to weights. */
  get updates(): LowRankUpdates {
    const updates = new Map<string, LowRankUpdate[]>();
    for (const { adapter, scale } of this.list) {
      for (const { name, down, up, scale: own } of adapter.weights) {
        updates.set(name, [...updates.get(name) ?? [], { down, up, factor: scale * own }]);
      }
    }
    return updates;
  }

  /** @throws {TypeError} if one has been disposed of */
  checkUsable(): void {
    for (const { adapter } of this.list) adapter.checkUsable();
  }
}
