/**
 * What a model reads in each step of its training.
 *
 * @module
 */
import { checkOptions, integer, oneOf, type OptionRules } from "../../base/check_options.ts";
import { quotePath } from "../../base/describe.ts";
import { InvalidArgumentError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { Permutation } from "./permutation.ts";
import type { TokenFile } from "./token_file.ts";

/** Windows of a text, one after another, and the token that follows each of theirs. */
export interface WindowBatch {
  /** The tokens (batch seq). */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** The token after each of these (batch seq). */
  readonly targets: Int32Array<ArrayBuffer>;
}

/** How windows are chosen. */
export interface TrainingWindowsOptions {
  /** Tokens of a window: the context length. */
  contextLength: number;
  /** Decides the order. Default: 0. */
  seed?: number;
  /**
   * `"epochs"`: windows side by side, each once, in a random order; then all again, beginning elsewhere. `"random"`: each
   * window begins anywhere, as in nanoGPT. Default: `"epochs"`.
   */
  sampling?: "epochs" | "random";
}

const rules: OptionRules<TrainingWindowsOptions> = {
  contextLength: integer(1, 2 ** 24),
  seed: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  sampling: oneOf("epochs", "random"),
};

/**
 * Windows of a file in an order that depends on the seed only: what is in a batch is known from its number, so that training
 * goes on where it was by knowing its step.
 */
export class TrainingWindows {
  /** Windows in one epoch; where they begin anywhere, those that would have as many tokens as there are. */
  readonly numWindowsPerEpoch: number;
  readonly #file: TokenFile;
  readonly #contextLength: number;
  readonly #seed: number;
  readonly #isRandom: boolean;
  #epoch: Epoch | undefined;

  /**
   * Windows of the tokens of a file.
   *
   * @throws {RangeError} if there are too few tokens for one window, or an option is out of range
   * @throws {TypeError} if there is no such option, or one has the wrong type
   */
  constructor(file: TokenFile, options: TrainingWindowsOptions) {
    const checked = checkOptions("choose training windows", options, rules);
    const { contextLength, seed = 0, sampling = "epochs" } = checked;
    requireWindow(file, contextLength);
    this.#file = file;
    this.#contextLength = contextLength;
    this.#seed = seed;
    this.#isRandom = sampling === "random";
    // As many in each epoch, wherever its first one begins; and one where there are no two beginnings a context apart.
    this.numWindowsPerEpoch = Math.max(
      1,
      Math.floor((file.length - contextLength) / contextLength),
    );
  }

  /**
   * Batch `step`: windows `step * batchSize` to `(step + 1) * batchSize - 1` of the endless row of them. Two batches of 6 are one of 12.
   *
   * @throws {RangeError} if one of the numbers is none, or too large
   */
  batch(step: number, batchSize: number): WindowBatch {
    const first = step * batchSize;
    const isInRange = Number.isSafeInteger(step) && step >= 0 && Number.isSafeInteger(batchSize) &&
      batchSize > 0 && Number.isSafeInteger(first + batchSize);
    if (!isInRange) {
      throw new InvalidArgumentError(
        `Cannot read a batch: its number must be an integer from 0 on, and its size one from 1 on: received ${step} and ${batchSize}.`,
      );
    }
    const starts = Array.from({ length: batchSize }, (_, i) => this.startOf(first + i));
    return readWindows(this.#file, starts, this.#contextLength);
  }

  /** Where the window with this number begins in the file. */
  startOf(index: number): number {
    return this.#isRandom ? this.#randomStart(index) : this.#startInEpoch(index);
  }

  #randomStart(index: number): number {
    const random = new Random(this.#seed).fork(Math.floor(index / 2 ** 32)).fork(index % 2 ** 32);
    return Math.floor(random.next() * (this.#file.length - this.#contextLength));
  }

  #startInEpoch(index: number): number {
    const number = Math.floor(index / this.numWindowsPerEpoch);
    if (this.#epoch?.number !== number) this.#epoch = this.#beginEpoch(number);
    const { phase, order } = this.#epoch;
    return phase + order.at(index % this.numWindowsPerEpoch) * this.#contextLength;
  }

  #beginEpoch(number: number): Epoch {
    const size = this.numWindowsPerEpoch;
    const random = new Random(this.#seed).fork(Math.floor(number / 2 ** 32)).fork(number % 2 ** 32);
    const numPhases = this.#file.length - size * this.#contextLength;
    const phase = Math.floor(random.next() * numPhases);
    return { number, phase, order: new Permutation(size, random) };
  }
}

/** Once through all windows. */
interface Epoch {
  readonly number: number;
  /** Where the first window begins. */
  readonly phase: number;
  readonly order: Permutation;
}

/**
 * Windows that begin at these places of a file.
 *
 * @throws {RangeError} if one is not within the file
 */
export function readWindows(
  file: TokenFile,
  starts: readonly number[],
  contextLength: number,
): WindowBatch {
  const tokens = new Int32Array(starts.length * contextLength);
  const targets = new Int32Array(tokens.length);
  const window = new Int32Array(contextLength + 1);
  starts.forEach((start, row) => {
    file.read(start, window.length, window);
    tokens.set(window.subarray(0, contextLength), row * contextLength);
    targets.set(window.subarray(1), row * contextLength);
  });
  return { tokens, targets };
}

/** Throws where a file is too short for one window. */
export function requireWindow({ path, length }: TokenFile, contextLength: number): void {
  if (length > contextLength) return;
  throw new InvalidArgumentError(
    `Cannot read ${
      quotePath(path)
    } in windows: one of ${contextLength} tokens, and the token after it, are more than there is: ` +
      `received ${length} tokens. Give more text, or choose a shorter context.`,
  );
}
