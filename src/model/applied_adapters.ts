/**
 * Which adapters a text is read with.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { LowRankUpdates } from "./adapt_parameters.ts";
import type { Adapter, ScaledAdapter } from "./adapter.ts";
import type { Model } from "./model.ts";
import { ModelAdapter } from "./model_adapter.ts";
import type { LowRankUpdate } from "./parameters.ts";

/** One of several adapters. */
interface AppliedAdapter {
  readonly adapter: ModelAdapter;
  /** What it adds is multiplied by this. */
  readonly scale: number;
}

/** Adapters that are used together. */
export class AppliedAdapters {
  /** Texts with the same one have the same adapters, to the same degree: they are computed by the same graph. */
  readonly id: string;
  readonly #list: readonly AppliedAdapter[];

  /** @param list in the order in which they are added */
  constructor(list: readonly AppliedAdapter[]) {
    this.#list = list;
    this.id = JSON.stringify(list.map(({ adapter, scale }) => [adapter.id, scale]));
  }

  /** What they add to weights. */
  get updates(): LowRankUpdates {
    const updates = new Map<string, LowRankUpdate[]>();
    for (const { adapter, scale } of this.#list) {
      for (const { name, down, up, scale: own } of adapter.weights) {
        updates.set(name, [...updates.get(name) ?? [], { down, up, factor: scale * own }]);
      }
    }
    return updates;
  }

  /** @throws {TypeError} if one has been disposed of */
  checkUsable(): void {
    for (const { adapter } of this.#list) adapter.checkUsable();
  }
}

/**
 * Checks which adapters a caller wants.
 *
 * @param action what cannot be done otherwise: `generate`
 * @param adapters each alone or with a scale
 * @returns null if nothing is to be added
 * @throws {TypeError} if something is no adapter of this model, or has been disposed of
 * @throws {RangeError} if a scale is no finite number
 */
export function applyAdapters(
  action: string,
  model: Model,
  adapters: readonly (Adapter | ScaledAdapter)[],
): AppliedAdapters | null {
  const list = Array.from(adapters, (given): AppliedAdapter => {
    const { adapter, scale = 1 } = given instanceof ModelAdapter
      ? { adapter: given }
      : (given ?? {}) as Partial<ScaledAdapter>;
    if (!(adapter instanceof ModelAdapter)) {
      throw new TypeError(
        `Cannot ${action}: adapters must hold what loadAdapter() gave, or { adapter, scale } with ` +
          `that in it: received ${describe(given)}.`,
      );
    }
    if (adapter.model !== model) {
      throw new TypeError(
        `Cannot ${action}: an adapter belongs to the model that loaded it: received one of another ` +
          "model. Load it with this one.",
      );
    }
    if (typeof scale !== "number" || !Number.isFinite(scale)) {
      throw new (typeof scale === "number" ? InvalidArgumentError : TypeError)(
        `Cannot ${action}: the scale of an adapter must be a finite number: received ` +
          `${describe(scale)}.`,
      );
    }
    adapter.checkUsable();
    return { adapter, scale };
  }).filter(({ scale }) => scale !== 0);
  return list.length === 0 ? null : new AppliedAdapters(list);
}
