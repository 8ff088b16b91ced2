/**
 * Choosing where the logits are computed: of all of them, only the largest are read.
 *
 * @module
 */
import type { Graph } from "../tensor/graph.ts";
import { sumLastAxis } from "../tensor/ops.ts";
import { pick, topK } from "../tensor/tables.ts";
import { readTensor } from "../tensor/data.ts";
import { canSummarizeLogits, MAX_SUMMARIZED, summarizeLogits } from "../tensor/summarize_logits.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguous, reshape, slice } from "../tensor/views.ts";
import type { LargestTokens, LogitsSummary } from "./logits_summary.ts";

/** Finding more than this on a device takes longer than reading all. */
const MAX_FOUND_ON_DEVICE = 512;

/** What was found in one row of logits. */
interface Found extends LargestTokens {
  /** Whether all logits of the row are. */
  readonly isFinite: boolean;
  readonly logOfSum: number | undefined;
}

/** How the largest logits are found. */
interface Finder {
  /** Reads what the last run has found, for all rows. */
  read(): void;
  /** What it has found in a row, which the next run does not change. */
  found(row: number): Found;
}

/**
 * The part of a graph that finds the largest logits of each row.
 *
 * One more than asked for is read. If it equals the last one that was asked for, there may be others like it, and which
 * of them count is for the sampler to say: then all are needed. So they are if one is not a finite number.
 */
export class LargestLogits {
  readonly #finder: Finder;
  readonly #isEnough: boolean;

  private constructor(finder: Finder, isEnough: boolean) {
    this.#finder = finder;
    this.#isEnough = isEnough;
  }

  /**
   * Adds it to a graph, if it is of use.
   *
   * @param graph where the logits are computed
   * @param logits (batch seq columns), where columns of padding may follow those of the vocabulary
   * @param vocabSize the logits of a row
   * @param count how many are wanted: 0 for all of them, of which it is only told what they add up to
   * @param isSummary whether this package's own kernel finds them, or operations that every device has
   */
  static create(
    graph: Graph,
    logits: Tensor,
    vocabSize: number,
    count: number,
    isSummary: boolean = canSummarizeLogits(graph.backend),
  ): LargestLogits | undefined {
    const most = Math.min(isSummary ? MAX_SUMMARIZED - 1 : MAX_FOUND_ON_DEVICE, vocabSize - 1);
    const isEnough = count > 0 && count <= most;
    if (!isEnough && !isSummary) return undefined;
    const columns = logits.shape[2];
    const rows = reshape(logits, [logits.size / columns, columns]);
    const numFound = isEnough ? count + 1 : 1;
    const finder = isSummary
      ? new SummaryFinder(graph, rows, vocabSize, numFound)
      : new TopKFinder(graph, rows, vocabSize, numFound);
    return new LargestLogits(finder, isEnough);
  }

  /** Reads what the last run has found, for all rows. */
  read(): void {
    this.#finder.read();
  }

  /** What was found in a row; nothing if one of its logits is not a finite number. */
  summary(row: number): LogitsSummary | undefined {
    const { isFinite, logOfSum, ids, logits } = this.#finder.found(row);
    if (!isFinite) return undefined;
    const { max, areSmallestEqual } = compare(logits);
    const isEnough = this.#isEnough && !areSmallestEqual;
    return { max, logOfSum, largest: isEnough ? { ids, logits } : undefined };
  }
}

/** By a kernel of this package's own, which gives all in one tensor; see `summarizeLogits()`. */
class SummaryFinder implements Finder {
  readonly #summaries: Tensor;
  readonly #count: number;
  #ids = new Int32Array();
  /** The same bytes. */
  #logits = new Float32Array();
  #logs = new Float64Array();

  constructor(graph: Graph, rows: Tensor, vocabSize: number, count: number) {
    this.#summaries = graph.output(summarizeLogits(rows, vocabSize, count), "logits_summary");
    this.#count = count;
  }

  read(): void {
    // New arrays, of which each row's part is kept as long as its text needs it.
    this.#ids = new Int32Array(this.#summaries.size);
    this.#logits = new Float32Array(this.#ids.buffer);
    this.#logs = new Float64Array(this.#ids.buffer);
    readTensor(this.#summaries, this.#ids);
  }

  found(row: number): Found {
    const begin = row * (2 * this.#count + 2);
    const middle = begin + this.#count;
    const end = middle + this.#count;
    const logOfSum = this.#logs[end / 2];
    return {
      ids: this.#ids.subarray(begin, middle),
      logits: this.#logits.subarray(middle, end),
      logOfSum,
      isFinite: !Number.isNaN(logOfSum),
    };
  }
}

/** By operations that every device has. */
class TopKFinder implements Finder {
  /** (rows count), i32, in no particular order */
  readonly #ids: Tensor;
  /** (rows count), f32 */
  readonly #logits: Tensor;
  /** (rows, 1), f32: not finite if one of the logits is not. */
  readonly #sums: Tensor;
  readonly #count: number;
  readonly #readIds: Int32Array<ArrayBuffer>;
  readonly #readLogits: Float32Array<ArrayBuffer>;
  readonly #readSums: Float32Array<ArrayBuffer>;

  constructor(graph: Graph, rows: Tensor, vocabSize: number, count: number) {
    const real = contiguous(slice(rows, 1, 0, vocabSize));
    this.#count = count;
    this.#ids = graph.output(topK(real, count), "largest_ids");
    this.#logits = graph.output(pick(real, this.#ids), "largest_logits");
    this.#sums = graph.output(sumLastAxis(real), "sum_of_logits");
    this.#readIds = new Int32Array(this.#ids.size);
    this.#readLogits = new Float32Array(this.#logits.size);
    this.#readSums = new Float32Array(this.#sums.size);
  }

  read(): void {
    readTensor(this.#ids, this.#readIds);
    readTensor(this.#logits, this.#readLogits);
    readTensor(this.#sums, this.#readSums);
  }

  found(row: number): Found {
    const begin = row * this.#count;
    const ids = this.#readIds.subarray(begin, begin + this.#count);
    const logits = this.#readLogits.subarray(begin, begin + this.#count);
    const places = Array.from(ids.keys()).sort((a, b) => ids[a] - ids[b]);
    return {
      ids: Int32Array.from(places, (place) => ids[place]),
      logits: Float32Array.from(places, (place) => logits[place]),
      logOfSum: undefined,
      isFinite: Number.isFinite(this.#readSums[row]),
    };
  }
}

/** The largest of some logits, and whether the two smallest are equal. */
function compare(logits: Float32Array): { max: number; areSmallestEqual: boolean } {
  let max = -Infinity;
  let smallest = Infinity;
  let second = Infinity;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i];
    if (logit > max) max = logit;
    if (logit < smallest) {
      second = smallest;
      smallest = logit;
    } else if (logit < second) {
      second = logit;
    }
  }
  return { max, areSmallestEqual: smallest === second };
}
