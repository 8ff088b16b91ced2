/**
 * A text as the engine sees it.
 *
 * @module
 */
import { DisposedError } from "../base/errors.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { LogitsSummary, SummarizedLogits } from "./logits_summary.ts";

/** What the engine does for its sequences. */
export interface SequenceOwner {
  /** Whether it is still to be read, or is a fork of one that is. */
  isPending(sequence: Sequence): boolean;
  /** Forgets those that have been disposed of, as soon as nothing that is being computed needs them. */
  forgetDisposed(): void;
}

/** Tokens that follow one another, whose keys and values are remembered. */
export class Sequence implements Disposable, SummarizedLogits {
  /** How many tokens are remembered. Set by the engine. */
  length = 0;
  /** Where: slots are dense, so it changes when others go. Set by the engine; nothing before the first token is there. */
  slot: number | undefined;
  /** How many rows of the slot are written: also those of tokens that were forgotten, which a fork may still get. */
  numRows = 0;
  /** For so many tokens room is made at once. Set by the engine. */
  reservedLength = 0;
  /** (vocab) logits after the last token. Set by the engine, which writes them again with every step that asks for them. */
  readonly logits: Float32Array<ArrayBuffer>;
  /**
   * What is known of the logits after each token for which the last step has given some, where it asked for that with
   * `numLargest`. Set by the engine.
   */
  summaries: readonly (LogitsSummary | undefined)[] = [];
  /** Why it cannot be used, if it could not be made. Set by the engine. */
  failure: unknown;
  /** What is added to the model's weights when it is read, from its first token to its last. */
  readonly adapters: AppliedAdapters | undefined;
  readonly #owner: SequenceOwner;
  #disposed = false;

  /** For the engine. */
  constructor(owner: SequenceOwner, vocabSize: number, adapters?: AppliedAdapters) {
    this.#owner = owner;
    this.adapters = adapters;
    this.logits = new Float32Array(vocabSize);
  }

  /** What is known of the logits after the last token. */
  get summary(): LogitsSummary | undefined {
    return this.summaries.at(-1);
  }

  /** Takes over the logits of another sequence, of which it is a copy. For the engine. */
  copyLogits(from: Sequence): void {
    this.logits.set(from.logits);
    this.summaries = from.summaries;
  }

  /** Whether it can still be used. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * Forgets all tokens from `length` on. The logits stay those after the last token that was read.
   *
   * @throws {RangeError} if there are not so many tokens
   * @throws {Deno.errors.Busy} if something is still to be computed for it
   */
  truncate(length: number): void {
    this.checkUsable();
    if (this.#owner.isPending(this)) {
      throw new Deno.errors.Busy("Cannot truncate a text: it is being read. Await that first.");
    }
    if (!(Number.isInteger(length) && length >= 0 && length <= this.length)) {
      throw new RangeError(
        `Cannot truncate a text: it has ${this.length} tokens: received ${length}`,
      );
    }
    this.length = length;
  }

  /**
   * Remembers the next token again, if it was forgotten and nothing was read since. For who knows that it is the same.
   *
   * @returns whether that could be done
   */
  rememberNext(): boolean {
    if (this.numRows <= this.length) return false;
    this.length++;
    return true;
  }

  /** Begins again without a token, if it could not be made. */
  restart(): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.length = 0;
  }

  /** @throws {TypeError} if it has been disposed of */
  checkUsable(): void {
    if (this.#disposed) throw new DisposedError("continue a text");
  }

  /** Frees its memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#owner.forgetDisposed();
  }
}
