/**
 * Which new tokens are computed together.
 *
 * @module
 */
import type { Hooks } from "./hooked_text.ts";
import { CACHE_STEP } from "./key_value_cache.ts";
import { numLogitsOf, type Span, type StepShape } from "./step_pass.ts";

/** Spans that are computed in one pass. */
export interface PlannedPass<S extends Span> {
  /** In the order of their tokens. */
  readonly spans: readonly S[];
  /** What the graph depends on. */
  readonly shape: StepShape;
  readonly hooks?: Hooks;
}

/**
 * Divides spans into passes: one for all of them that have the same hooks, where attention is ragged. Elsewhere, and where
 * it is to be looked into, a pass has texts that lie in neighbouring slots and have equally many new tokens, so that nothing
 * is padded.
 */
export function planPasses<S extends Span>(
  spans: readonly S[],
  isRagged: boolean,
): PlannedPass<S>[] {
  const ofHooks = Map.groupBy(spans, ({ hooked }) => hooked?.hooks);
  return [...ofHooks].flatMap(([hooks, own]) => {
    const isSpelled = hooks !== undefined && hooks.spelledLayers.size > 0;
    const plans = isRagged && !isSpelled ? [plan(own, true)] : planRectangles(own);
    return plans.map((pass) => ({ ...pass, hooks }));
  });
}

function planRectangles<S extends Span>(spans: readonly S[]): PlannedPass<S>[] {
  const groups: S[][] = [];
  for (const span of spans.toSorted((a, b) => a.slot - b.slot)) {
    const last = groups.at(-1)?.at(-1);
    const continues = last !== undefined && span.slot === last.slot + 1 &&
      span.tokens.length === last.tokens.length;
    if (continues) groups.at(-1)!.push(span);
    else groups.push([span]);
  }
  return groups.map((group) => plan(group, false));
}

function plan<S extends Span>(spans: readonly S[], isRagged: boolean): PlannedPass<S> {
  const numLogits = spans.reduce((sum, span) => sum + numLogitsOf(span), 0);
  const [{ slot: firstSlot, tokens: { length: seq } }] = spans;
  if (isRagged) {
    const numTokens = spans.reduce((sum, { tokens }) => sum + tokens.length, 0);
    return { spans, shape: { batch: 1, seq: numTokens, numLogits } };
  }
  const end = spans.reduce((most, { start }) => Math.max(most, start + seq), 0);
  const numKeys = Math.ceil(end / CACHE_STEP) * CACHE_STEP;
  return {
    spans,
    shape: { batch: spans.length, seq, numLogits, rectangle: { firstSlot, numKeys } },
  };
}
