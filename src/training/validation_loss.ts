/**
 * How well a model predicts texts that it was not trained on.
 *
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import { Scoring } from "../engine/target_scores.ts";
import { NumericalError } from "../base/errors.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import { checkArrays, checkIds } from "./check_batch.ts";
import type { Batch } from "./training_graph.ts";

/** A loss, and of how many tokens it is the mean. */
export interface ValidationLoss {
  /** Mean cross-entropy of the tokens, in nats. */
  readonly loss: number;
  /** How many tokens. */
  readonly numTokens: number;
}

const ACTION = "evaluate the model";

/** Texts that are read side by side. */
const TEXTS_AT_ONCE = 16;

/**
 * The mean loss of windows of text.
 *
 * @param windows batches of texts of `seq` tokens, and the token that follows each; -1 where none counts
 * @param options `adapters`: what is added to the weights, null for nothing. Default: what is added for all calls
 * @throws {TypeError} if a batch has another form, or no target counts
 * @throws {RangeError} if a token or target is not in the vocabulary
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function validationLoss(
  engine: Engine,
  windows: Iterable<Batch>,
  seq: number,
  { adapters, signal }: {
    readonly adapters?: AppliedAdapters | null;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ValidationLoss> {
  let sum = 0;
  let numTokens = 0;
  signal?.throwIfAborted();
  const { vocabSize } = engine.model.config;
  for (const texts of grouped(textsOf(windows, seq, vocabSize), TEXTS_AT_ONCE)) {
    using sequences = new DisposableStack();
    const requests = texts.map(({ tokens, targets }) => ({
      sequence: sequences.use(engine.open({ reservedLength: seq, adapters })),
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
  if (numTokens === 0) {
    throw new TypeError(
      `Cannot ${ACTION}: received no batch with a target that counts. ` +
        "If the batches come from a generator, it has been gone through already: pass what makes one each time.",
    );
  }
  if (Number.isFinite(sum)) return { loss: sum / numTokens, numTokens };
  throw new NumericalError(
    `Cannot ${ACTION}: the loss of ${numTokens} tokens is ${sum}. Check its weights.`,
  );
}

interface Text {
  readonly tokens: readonly number[];
  readonly targets: readonly number[];
}

function* textsOf(windows: Iterable<Batch>, seq: number, vocabSize: number): Generator<Text> {
  for (const batch of windows) {
    checkArrays(ACTION, batch);
    const { tokens, targets } = batch;
    if (tokens.length !== targets.length || tokens.length % seq !== 0) {
      throw new TypeError(
        `Cannot ${ACTION}: a batch has texts of ${seq} tokens and as many targets: ` +
          `received ${tokens.length} tokens and ${targets.length} targets.`,
      );
    }
    checkIds(ACTION, batch, vocabSize);
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
