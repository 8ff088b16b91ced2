/**
 * How likely given tokens are where they should follow: found where the logits are computed, so that these need not be read.
 *
 * @module
 */
import { readTensor } from "../tensor/data.ts";
import type { Graph } from "../tensor/graph.ts";
import { SCORE_ELEMENTS, scoreTargets } from "../tensor/score_targets.ts";
import { canSummarizeLogits, MAX_SUMMARIZED, summarizeLogits } from "../tensor/summarize_logits.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "../tensor/views.ts";
import { logProbabilityOf } from "./logits_summary.ts";

/** A target of a position where no token counts. */
export const NO_TARGET = -1;

/** A token, and how likely the model itself finds it. */
export interface TokenLogProbability {
  /** The token. */
  readonly id: number;
  /** The natural logarithm of its probability. */
  readonly logProbability: number;
}

/** How likely a token is where it stands; `Top` is what is said of others there. */
export interface TokenScore<Top extends TokenLogProbability = TokenLogProbability>
  extends TokenLogProbability {
  /** 1 if it is the likeliest token there, and so on; of equally likely ones, those with lower ids come first. */
  readonly rank: number;
  /** How uncertain the model is of what stands there: the entropy of all probabilities, in nats. */
  readonly entropy: number;
  /** The likeliest tokens there, the likeliest first, if any were asked for. */
  readonly topLogProbabilities?: readonly Top[];
}

/** What is said of a token that nothing precedes, or of which the model computes something that is not a number. */
export function noScore(id: number): TokenScore {
  return { id, logProbability: NaN, rank: NaN, entropy: NaN };
}

/** What is to be scored of new tokens, and the scores. */
export class Scoring {
  /** Those of the targets that count, in their order. Set by the engine. */
  readonly scores: TokenScore[] = [];

  /**
   * @param targets for each new token the one that should follow it, or {@linkcode NO_TARGET}
   * @param numTop how many of the likeliest tokens are wanted with each score
   */
  constructor(readonly targets: readonly number[], readonly numTop: number = 0) {}
}

/** The part of a graph that scores targets. */
export class TargetScores {
  /** (rows columns) */
  readonly #logits: Tensor;
  readonly #vocabSize: number;
  readonly #kernel: ScoreKernel | undefined;
  readonly #largest: LargestOfEach | undefined;
  #targets: Int32Array<ArrayBuffer> = new Int32Array(0);

  /**
   * Adds it to a graph.
   *
   * @param graph where the logits are computed; they are an output
   * @param logits (batch seq columns), where columns of padding may follow those of the vocabulary
   * @param vocabSize the logits of a row
   * @param numTop how many of the likeliest tokens are wanted with each score, at most
   * @param hasKernel whether this package's own kernel scores, or JavaScript
   */
  constructor(
    graph: Graph,
    logits: Tensor,
    vocabSize: number,
    numTop: number,
    hasKernel: boolean = canSummarizeLogits(graph.backend),
  ) {
    this.#logits = logits;
    this.#vocabSize = vocabSize;
    const count = Math.min(numTop, vocabSize);
    if (count > MAX_SUMMARIZED || !hasKernel) return;
    const columns = logits.shape[2];
    const rows = reshape(logits, [logits.size / columns, columns]);
    this.#kernel = new ScoreKernel(graph, rows, vocabSize);
    if (count > 0) this.#largest = new LargestOfEach(graph, rows, vocabSize, count);
  }

  /**
   * Writes the targets for one run.
   *
   * @param targets one for each row of logits
   */
  write(graph: Graph, targets: readonly number[]): void {
    this.#targets = Int32Array.from(targets);
    this.#kernel?.write(graph, this.#targets);
  }

  /** Reads what the last run has found, for all rows. */
  read(): void {
    this.#kernel?.read();
    this.#largest?.read();
  }

  /** How likely the target of a row is, and so many of the likeliest. */
  score(row: number, numTop: number): TokenScore {
    const id = this.#targets[row];
    const found = this.#kernel === undefined
      ? this.#scoreHere(row, numTop)
      : this.#kernel.score(row);
    if (found === undefined) return noScore(id);
    const { target, max, logOfSum, rank, entropy } = found;
    const logProbability = logProbabilityOf(max - target, logOfSum);
    if (numTop === 0) return { id, logProbability, rank, entropy };
    const topLogProbabilities = (found.largest ?? this.#largest!.largest(row))
      .slice(0, numTop)
      .map(({ id, logit }) => ({ id, logProbability: logProbabilityOf(max - logit, logOfSum) }));
    return { id, logProbability, rank, entropy, topLogProbabilities };
  }

  /** The same in JavaScript, of logits that are read: for devices, and libraries without kernels of this package's own. */
  #scoreHere(row: number, numTop: number): Found | undefined {
    const logits = new Float32Array(this.#vocabSize);
    const begin = row * this.#logits.shape[2];
    readTensor(this.#logits, logits, begin * Float32Array.BYTES_PER_ELEMENT);
    const id = this.#targets[row];
    const target = logits[id];
    const max = logits.reduce((a, b) => Math.max(a, b));
    let rank = 1;
    let powers = 0;
    let weighted = 0;
    for (let other = 0; other < logits.length; other++) {
      const logit = logits[other];
      if (!Number.isFinite(logit)) return undefined;
      if (logit > target || (logit === target && other < id)) rank++;
      const power = Math.exp(logit - max);
      powers += power;
      weighted += power * (logit - max);
    }
    const logOfSum = Math.log(powers);
    const largest = numTop === 0 ? undefined : largestOf(logits, numTop);
    return { target, max, rank, logOfSum, entropy: logOfSum - weighted / powers, largest };
  }
}

/** A token and its logit. */
interface TokenLogit {
  readonly id: number;
  readonly logit: number;
}

/** What was found of a row. */
interface Found {
  readonly target: number;
  readonly max: number;
  readonly rank: number;
  readonly logOfSum: number;
  readonly entropy: number;
  /** The largest first, if they are known. */
  readonly largest?: readonly TokenLogit[];
}

/** Scores by a kernel of this package's own. */
class ScoreKernel {
  readonly #targets: Tensor;
  readonly #scores: Tensor;
  readonly #integers: Int32Array<ArrayBuffer>;
  /** The same bytes. */
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #doubles: Float64Array<ArrayBuffer>;

  constructor(graph: Graph, rows: Tensor, vocabSize: number) {
    this.#targets = graph.input([rows.shape[0]], "i32", "targets");
    this.#scores = graph.output(scoreTargets(rows, this.#targets, vocabSize), "target_scores");
    this.#integers = new Int32Array(this.#scores.size);
    this.#floats = new Float32Array(this.#integers.buffer);
    this.#doubles = new Float64Array(this.#integers.buffer);
  }

  write(graph: Graph, targets: Int32Array<ArrayBuffer>): void {
    graph.write(this.#targets, targets);
  }

  read(): void {
    readTensor(this.#scores, this.#integers);
  }

  /** What was found of a row; nothing if one of its logits is not a finite number. */
  score(row: number): Found | undefined {
    const at = row * SCORE_ELEMENTS;
    const logOfSum = this.#doubles[at / 2 + 2];
    if (Number.isNaN(logOfSum)) return undefined;
    return {
      target: this.#floats[at],
      max: this.#floats[at + 1],
      rank: this.#integers[at + 2],
      logOfSum,
      entropy: this.#doubles[at / 2 + 3],
    };
  }
}

/** Finds the largest logits by a kernel of this package's own. */
class LargestOfEach {
  readonly #summaries: Tensor;
  readonly #count: number;
  readonly #integers: Int32Array<ArrayBuffer>;
  /** The same bytes. */
  readonly #floats: Float32Array<ArrayBuffer>;

  constructor(graph: Graph, rows: Tensor, vocabSize: number, count: number) {
    this.#summaries = graph.output(summarizeLogits(rows, vocabSize, count), "largest");
    this.#count = count;
    this.#integers = new Int32Array(this.#summaries.size);
    this.#floats = new Float32Array(this.#integers.buffer);
  }

  read(): void {
    readTensor(this.#summaries, this.#integers);
  }

  /** The largest of a row, the largest first. */
  largest(row: number): TokenLogit[] {
    const begin = row * (2 * this.#count + 2);
    const middle = begin + this.#count;
    return inOrder(
      this.#integers.subarray(begin, middle),
      this.#floats.subarray(middle, middle + this.#count),
    );
  }
}

/** The largest of some logits, the largest first: for a few of many, much faster than to sort all. */
function largestOf(logits: Float32Array, count: number): TokenLogit[] {
  const best: TokenLogit[] = [];
  let least = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id];
    if (logit <= least) continue;
    const after = best.findIndex((other) => other.logit < logit);
    best.splice(after < 0 ? best.length : after, 0, { id, logit });
    if (best.length > count) best.pop();
    if (best.length === count) least = best[count - 1].logit;
  }
  return best;
}

/** Tokens with their logits, the largest first; of equal ones, that with the lower id. */
function inOrder(ids: Iterable<number>, logits: Iterable<number>): TokenLogit[] {
  const values = [...logits];
  return Array.from(ids, (id, i) => ({ id, logit: values[i] }))
    .sort((a, b) => b.logit - a.logit || a.id - b.id);
}
