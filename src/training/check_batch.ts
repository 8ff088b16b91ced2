/**
 * What a batch has to be.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { NO_TARGET } from "./target_loss.ts";
import type { Batch } from "./training_graph.ts";

/**
 * Throws unless a batch consists of two arrays of 32-bit integers.
 *
 * @param action what cannot be done otherwise: `train`
 */
export function checkArrays(action: string, batch: Batch): void {
  if (batch?.tokens instanceof Int32Array && batch.targets instanceof Int32Array) return;
  throw new TypeError(
    `Cannot ${action}: a batch is an object with tokens and targets, both Int32Array: received ${
      describe(batch)
    }.`,
  );
}

/**
 * Throws unless all tokens and targets are in the vocabulary.
 *
 * @param action what cannot be done otherwise: `train`
 */
export function checkIds(action: string, { tokens, targets }: Batch, vocabSize: number): void {
  for (
    const [name, ids, least] of [["token", tokens, 0], ["target", targets, NO_TARGET]] as const
  ) {
    const wrong = ids.find((id) => id < least || id >= vocabSize);
    if (wrong === undefined) continue;
    throw new InvalidArgumentError(
      `Cannot ${action}: received the ${name} ${wrong}, where the vocabulary has ${vocabSize} tokens. ` +
        (wrong < 0 && name === "target"
          ? `Give ${NO_TARGET} for a target that does not count.`
          : "Prepare the data with the tokenizer of the model."),
    );
  }
}

/** How many targets count. */
export function numTargets(targets: Int32Array): number {
  let count = 0;
  for (const target of targets) if (target !== NO_TARGET) count++;
  return count;
}
