/**
 * Which new tokens are computed together.
 *
 * @module
 */
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { Hooks } from "./hooked_text.ts";
import { CACHE_STEP } from "./key_value_cache.ts";
import { numLogitsOf, type Span, type StepShape } from "./step_pass.ts";

/** Spans that are computed in one pass. */
export interface PlannedPass<S extends Span> {
  /** In the order of their tokens. */
  readonly spans: readonly S[];
  /** What the graph depends on. */
  readonly shape: StepShape;
  readonly adapters?: AppliedAdapters;
  readonly hooks?: Hooks;
}

/**
 * Divides spans into passes: one for all of them that have the same adapters and hooks, where attention is ragged. Elsewhere, and where
 * it is to be looked into, a pass has texts that lie in neighbouring slots and have equally many new tokens, so that nothing
 * is padded.
 */
export function planPasses<S extends Span>(
  spans: readonly S[],
  isRagged: boolean,
): PlannedPass<S>[] {
  const passes: PlannedPass<S>[] = [];
  for (const alike of Map.groupBy(spans, ({ adapters }) => adapters?.id).values()) {
    for (const [hooks, own] of Map.groupBy(alike, ({ hooked }) => hooked?.hooks)) {
      const isSpelled = hooks !== undefined && hooks.spelledLayers.size > 0;
      if (isRagged && !isSpelled) passes.push(plan(own, true, hooks));
      else for (const group of rectanglesOf(own)) passes.push(plan(group, false, hooks));
    }
  }
  return passes;
}

/** Those of neighbouring slots that have equally many new tokens. */
function rectanglesOf<S extends Span>(spans: readonly S[]): S[][] {
  const groups: S[][] = [];
  for (const span of spans.toSorted((a, b) => a.slot - b.slot)) {
    const last = groups.at(-1)?.at(-1);
    const continues = last !== undefined && span.slot === last.slot + 1 &&
      span.tokens.length === last.tokens.length;
    if (continues) groups.at(-1)!.push(span);
    else groups.push([span]);
  }
  return groups;
}

function plan<S extends Span>(
  spans: readonly S[],
  isRagged: boolean,
  hooks: Hooks | undefined,
): PlannedPass<S> {
  let [numTokens, numLogits, end] = [0, 0, 0];
  for (const span of spans) {
    numTokens += span.tokens.length;
    numLogits += numLogitsOf(span);
    end = Math.max(end, span.start + span.tokens.length);
  }
  const [{ adapters, slot: firstSlot, tokens: { length: seq } }] = spans;
  if (isRagged) return { spans, shape: { batch: 1, seq: numTokens, numLogits }, adapters, hooks };
  const numKeys = Math.ceil(end / CACHE_STEP) * CACHE_STEP;
  const rectangle = { firstSlot, numKeys };
  return { spans, shape: { batch: spans.length, seq, numLogits, rectangle }, adapters, hooks };
}
