/**
 * Choosing on the device: of all logits, only the largest are read back.
 *
 * @module
 */
import type { Graph } from "../tensor/graph.ts";
import { pick, sumLastAxis, topK } from "../tensor/ops.ts";
import { readTensor } from "../tensor/data.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguous, reshape, slice } from "../tensor/views.ts";

/**
 * The part of a graph that finds the largest logits of each text.
 *
 * One more than asked for is read. If it equals the last one that was asked for, there may be others like it, and which
 * of them count is for the sampler to say: then all are needed. So they are if one is not a finite number.
 */
export class LargestLogits {
  /** (batch count), i32 */
  readonly #ids: Tensor;
  /** (batch count), f32 */
  readonly #values: Tensor;
  /** (batch, 1), f32: not finite if one of the logits is not. */
  readonly #sums: Tensor;
  readonly #count: number;
  readonly #readIds: Int32Array<ArrayBuffer>;
  readonly #readValues: Float32Array<ArrayBuffer>;
  readonly #readSums: Float32Array<ArrayBuffer>;

  /**
   * @param graph where the logits are computed
   * @param logits (batch seq columns), where columns of padding may follow those of the vocabulary; a text for each position
   * @param vocabSize the logits of a text
   * @param count how many are wanted, less than the vocabulary
   */
  constructor(graph: Graph, logits: Tensor, vocabSize: number, count: number) {
    const columns = logits.shape[2];
    const batch = logits.size / columns;
    const rows = contiguous(slice(reshape(logits, [batch, columns]), 1, 0, vocabSize));
    this.#count = count;
    this.#ids = graph.output(topK(rows, count + 1), "largest_ids");
    this.#values = graph.output(pick(rows, this.#ids), "largest_logits");
    this.#sums = graph.output(sumLastAxis(rows), "sum_of_logits");
    this.#readIds = new Int32Array(this.#ids.size);
    this.#readValues = new Float32Array(this.#values.size);
    this.#readSums = new Float32Array(batch);
  }

  /** Reads what the last run has found, for all texts. */
  read(): void {
    readTensor(this.#ids, this.#readIds);
    readTensor(this.#values, this.#readValues);
    readTensor(this.#sums, this.#readSums);
  }

  /**
   * Fills the logits of one text with -Infinity, but for the largest.
   *
   * @returns whether these are all that a choice among the largest needs
   */
  fill(text: number, logits: Float32Array): boolean {
    if (!Number.isFinite(this.#readSums[text])) return false;
    const start = text * (this.#count + 1);
    const values = this.#readValues.subarray(start, start + this.#count + 1);
    const [beyond, last] = values.toSorted();
    if (beyond === last) return false;
    logits.fill(-Infinity);
    values.forEach((value, i) => logits[this.#readIds[start + i]] = value);
    return true;
  }
}
