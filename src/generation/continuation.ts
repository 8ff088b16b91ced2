/**
 * A text that is being continued: which token comes next, what text that adds, and whether it was the last.
 *
 * @module
 */
import type { Sequence } from "../engine/sequence.ts";
import type { StreamDecoder } from "../tokenizer/stream_decoder.ts";
import type { FinishReason, GeneratedToken } from "./generated_token.ts";
import { likeliest, logProbability } from "./sampling/log_probability.ts";
import type { ConstraintState } from "./constraints/constraint.ts";
import type { Sampler } from "./sampling/sampler.ts";
import type { StopMatcher } from "./stop_strings.ts";

/** How a text is continued. */
export interface ContinuationSettings {
  /** Which prompt it continues, and which of that prompt's continuations it is. */
  readonly prompt: number;
  readonly sequence: number;
  /** Chooses tokens. */
  readonly sampler: Sampler;
  /** Turns them into text, where there is a tokenizer. */
  readonly decoder: StreamDecoder | undefined;
  /** Ends the text at some strings. */
  readonly stop: StopMatcher;
  /** Where the text begins in a constraint, if there is one. */
  readonly constraint: ConstraintState | undefined;
  /** Those that end the text. */
  readonly endOfText: ReadonlySet<number>;
  /** The most tokens to write. */
  readonly maxNewTokens: number;
  /** The positions of the model, and what to do when the text fills them. */
  readonly contextLength: number;
  readonly overflow: "stop" | "crop";
  /** What to tell of each token. */
  readonly logProbabilities: boolean;
  readonly topLogProbabilities: number;
}

/** Continues one text, token by token. */
export class Continuation {
  /** What the model has read of the text. */
  readonly sequence: Sequence;
  /** Prompt and new tokens. */
  readonly #tokens: number[];
  readonly #numPromptTokens: number;
  readonly #settings: ContinuationSettings;
  #constraint: ConstraintState | undefined;
  #unread: readonly number[] = [];
  #isFinished = false;

  /**
   * @param sequence what has read the text
   * @param tokens the text; new tokens are added to it
   * @param settings see {@linkcode ContinuationSettings}
   */
  constructor(sequence: Sequence, tokens: number[], settings: ContinuationSettings) {
    this.sequence = sequence;
    this.#tokens = tokens;
    this.#numPromptTokens = tokens.length;
    this.#settings = settings;
    this.#constraint = settings.constraint;
  }

  /** Whether the last token has been written. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** What has to be read before the next token can be chosen. */
  get unread(): readonly number[] {
    return this.#unread;
  }

  /**
   * Chooses the next token.
   *
   * @param logits after the last one
   * @throws {NumericalError} if the model computes something that is not a number
   */
  next(logits: Float32Array<ArrayBuffer> = this.sequence.logits): GeneratedToken {
    const { prompt, sequence, sampler, topLogProbabilities } = this.#settings;
    const allowed = this.#constraint?.allowed;
    const id = sampler.sample(logits, this.#tokens, this.#numPromptTokens, allowed);
    this.#constraint = this.#constraint?.after(id);
    this.#tokens.push(id);
    const { text, finishReason } = this.#takeIn(id);
    if (finishReason !== undefined) this.#isFinished = true;
    else this.#prepareReading(id);
    return {
      prompt,
      sequence,
      id,
      text,
      logProbability: this.#settings.logProbabilities ? logProbability(logits, id) : NaN,
      finishReason,
      ...topLogProbabilities > 0 && {
        topLogProbabilities: likeliest(logits, topLogProbabilities),
      },
    };
  }

  /** What a token adds to the text, and whether it ends it. */
  #takeIn(id: number): { text: string; finishReason: FinishReason | undefined } {
    const { decoder, stop, endOfText } = this.#settings;
    const isEnd = endOfText.has(id);
    let text = isEnd ? "" : stop.push(decoder?.push(id) ?? "");
    const finishReason = isEnd
      ? "endOfText"
      : stop.isStopped
      ? "stop"
      : this.#constraint?.isFinished
      ? "endOfText"
      : this.#limitReached();
    if (finishReason !== undefined && finishReason !== "stop") {
      text += stop.push(decoder?.flush() ?? "") + stop.flush();
    }
    return { text, finishReason };
  }

  #limitReached(): FinishReason | undefined {
    const { maxNewTokens, overflow } = this.#settings;
    if (this.#tokens.length - this.#numPromptTokens === maxNewTokens) return "maxNewTokens";
    return this.#isFull && overflow === "stop" ? "contextLength" : undefined;
  }

  get #isFull(): boolean {
    return this.sequence.length === this.#settings.contextLength;
  }

  #prepareReading(id: number): void {
    this.#unread = [id];
    if (!this.#isFull) return;
    this.sequence.truncate(0);
    this.#unread = this.#tokens.slice(-Math.ceil(this.#settings.contextLength / 2));
  }
}
