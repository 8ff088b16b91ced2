/**
 * How well a model predicts texts that it was not trained on.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import { Scoring } from "../engine/target_scores.ts";
import { NumericalError } from "../base/errors.ts";
import type { Batch } from "./training_graph.ts";

/** A loss, and of how many tokens it is the mean. */
export interface ValidationLoss {
  /** Mean cross-entropy of the tokens, in nats. */
  readonly loss: number;
  /** How many tokens. */
  readonly numTokens: number;
}

/** Texts that are read side by side. */
const TEXTS_AT_ONCE = 16;

/**
 * The mean loss of windows of text.
 *
 * @param windows batches of texts of `seq` tokens, and the token that follows each; -1 where none counts
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function validationLoss(
  engine: Engine,
  windows: Iterable<Batch>,
  seq: number,
  signal?: AbortSignal,
): Promise<ValidationLoss> {
  let sum = 0;
  let numTokens = 0;
  for (const texts of grouped(textsOf(windows, seq), TEXTS_AT_ONCE)) {
    using sequences = new DisposableStack();
    const requests = texts.map(({ tokens, targets }) => ({
      sequence: sequences.use(engine.open({ reservedLength: seq })),
      tokens,
      logits: "targets" as const,
      scoring: new Scoring(targets),
    }));
    await engine.step(requests, { signal });
    for (const { scoring: { scores } } of requests) {
      for (const { logProbability } of scores) sum -= logProbability;
      numTokens += scores.length;
    }
  }
  if (Number.isFinite(sum)) return { loss: sum / numTokens, numTokens };
  throw new NumericalError(
    `Cannot evaluate the model: the loss of ${numTokens} tokens is ${sum}. Check its weights.`,
  );
}

interface Text {
  readonly tokens: readonly number[];
  readonly targets: readonly number[];
}

function* textsOf(windows: Iterable<Batch>, seq: number): Generator<Text> {
  for (const { tokens, targets } of windows) {
    for (let start = 0; start < tokens.length; start += seq) {
      yield {
        tokens: Array.from(tokens.subarray(start, start + seq)),
        targets: Array.from(targets.subarray(start, start + seq)),
      };
    }
  }
}

function* grouped<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
