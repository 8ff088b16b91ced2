/**
 * A model's weights with adapters at them.
 *
 * @module
 */
import { ADAPTER_TARGETS } from "./adapter_weights.ts";
import type { GPT2Parameters, LowRankUpdate } from "./parameters.ts";

/** What is added to weights, by their names without the last part: `blocks.3.qkvProjection`. */
export type LowRankUpdates = ReadonlyMap<string, readonly LowRankUpdate[]>;

/** The same weights, to which the forward pass adds `updates`. */
export function adaptParameters(
  parameters: GPT2Parameters,
  updates: LowRankUpdates,
): GPT2Parameters {
  const blocks = parameters.blocks.map((block) => {
    const adapted = ADAPTER_TARGETS.map((target) => [
      target,
      { ...block[target], updates: updates.get(`blocks.${block.layer}.${target}`) },
    ]);
    return { ...block, ...Object.fromEntries(adapted) };
  });
  return { ...parameters, blocks };
}
