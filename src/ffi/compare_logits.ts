/**
 * How the logits of two models differ, by a kernel of this package's own.
 *
 * @module
 */
import { library } from "./library.ts";

/** How many numbers a row gets. */
export const COMPARISON_ELEMENTS = 4;

/**
 * Compares rows of logits, on another thread, so that several parts can be compared at once. The arrays must not be changed
 * meanwhile.
 *
 * @param base (rows vocab)
 * @param other (rows vocab)
 * @param targets (rows): the token that counts in each
 * @param out (rows 4): its log-probability by base and by other, the Kullback-Leibler divergence of other from base in nats,
 * and 1 where both find the same token the likeliest, or 0. All are NaN if a logit is not finite.
 * @returns whether there is a kernel for it; nothing is done if not
 */
export async function compareLogitsByKernel(
  base: Float32Array<ArrayBuffer>,
  other: Float32Array<ArrayBuffer>,
  targets: Int32Array<ArrayBuffer>,
  out: Float64Array<ArrayBuffer>,
): Promise<boolean> {
  const numRows = targets.length;
  const vocabSize = base.length / numRows;
  return await library().gpt2_compare_logits(
    base,
    other,
    BigInt(numRows),
    BigInt(vocabSize),
    targets,
    out,
  );
}
