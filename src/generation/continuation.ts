/**
 * A text that is being continued: which token comes next, what text that adds, and whether it was the last.
 *
 * @module
 */
import { likelyTokens } from "../tokenizer/likely_token.ts";
import type { SummarizedLogits } from "../engine/logits_summary.ts";
import type { HookedText } from "../engine/hooked_text.ts";
import type { StepRequest } from "../engine/reading.ts";
import type { Sequence } from "../engine/sequence.ts";
import { StreamDecoder } from "../tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { FinishReason, GeneratedToken } from "./generated_token.ts";
import { likeliest, logProbability } from "./sampling/log_probability.ts";
import type { ConstraintState } from "./constraints/constraint.ts";
import type { Sampler } from "./sampling/sampler.ts";
import type { ReadText, TakenDraft } from "./speculation/drafted_text.ts";
import { Rehearsal } from "./speculation/rehearsal.ts";
import { StopMatcher } from "./stop_strings.ts";

/** How a text is continued. */
export interface ContinuationSettings {
  /** Which prompt it continues, and which of that prompt's continuations it is. */
  readonly prompt: number;
  readonly sequence: number;
  /** Chooses tokens. */
  readonly sampler: Sampler;
  /** Turns tokens into text, where there is one. */
  readonly tokenizer: Tokenizer | undefined;
  /** End the text. */
  readonly stop: string | readonly string[];
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
  /** What is captured and changed. */
  readonly hooked: HookedText | undefined;
}

/** Continues one text, token by token. */
export class Continuation implements ReadText {
  /** What the model has read of the text. */
  readonly sequence: Sequence;
  /** Prompt and new tokens. */
  readonly #tokens: number[];
  #numPromptTokens: number;
  /** How many tokens were chosen, which is not what the text has grown by if others change it. */
  #numWritten = 0;
  readonly #settings: ContinuationSettings;
  #decoder: StreamDecoder | undefined;
  #stop: StopMatcher;
  #constraint: ConstraintState | undefined;
  #unread: readonly number[] = [];
  /** What may come behind `#unread`, and is read along with it; (1 + drafted, vocab) logits after that. */
  #drafted: readonly number[] = [];
  #draftLogits: Float32Array<ArrayBuffer> | undefined;
  /** How many drafted tokens the sequence remembers of which it is not known whether they are right. */
  #numDoubtful = 0;
  #rehearsing: Sampler | undefined;
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
    this.#decoder = settings.tokenizer && new StreamDecoder(settings.tokenizer);
    this.#stop = new StopMatcher(settings.stop);
  }

  /**
   * Takes note that somebody else has changed the text: what is written goes on from there. What follows the place where the
   * continuation began still has to fit the constraint; stop texts are looked for in what is written from now on.
   *
   * @throws {RangeError} if the constraint forbids one of the tokens
   */
  follow(): void {
    const { tokenizer, stop, constraint } = this.#settings;
    this.#numPromptTokens = Math.min(this.#numPromptTokens, this.#tokens.length);
    this.#constraint = constraint;
    this.#decoder = tokenizer && new StreamDecoder(tokenizer);
    this.#stop = new StopMatcher(stop);
    this.#unread = this.#tokens.slice(this.sequence.length);
    for (const id of this.#tokens.slice(this.#numPromptTokens)) {
      this.#constraint = this.#constraint?.after(id);
      // What is not a whole character yet goes on with the next token.
      this.#decoder?.push(id);
    }
  }

  /** Whether the last token has been written. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Prompt and new tokens. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** What has to be read before the next token can be chosen. */
  get reading(): StepRequest {
    const { sequence } = this;
    const { hooked } = this.#settings;
    const unread = this.#unread;
    if (this.#drafted.length === 0) return { sequence, tokens: unread, logits: "last", hooked };
    const tokens = [...unread, ...this.#drafted];
    return { sequence, tokens, logits: "all", into: this.#draftLogits, hooked };
  }

  /** How many drafted tokens can be of use: the text must not end before them. */
  get mostDrafted(): number {
    // After a crop much is read at once, and logits of all of that would be computed.
    if (this.#unread.length !== 1) return 0;
    const { maxNewTokens, contextLength } = this.#settings;
    const mostRead = contextLength - this.sequence.length;
    return Math.min(maxNewTokens - this.#numWritten, mostRead) - 1;
  }

  /** Has tokens read along with the unread one; see {@linkcode ReadText.draft}. */
  draft(drafted: readonly number[], logits: Float32Array<ArrayBuffer>): void {
    this.#drafted = drafted;
    this.#draftLogits = logits;
  }

  /** See {@linkcode ReadText.takeDraft}. */
  takeDraft(): TakenDraft | undefined {
    const drafted = this.#drafted;
    this.#drafted = [];
    return drafted.length === 0 ? undefined : { drafted, logits: this.#draftLogits! };
  }

  /** Goes on as this text will, and leaves it as it is. There is one rehearsal at a time. */
  rehearse(): Rehearsal {
    const { sampler } = this.#settings;
    this.#rehearsing ??= sampler.fork(0);
    this.#rehearsing.follow(sampler);
    return new Rehearsal(this.#rehearsing, this.#tokens, this.#numPromptTokens, this.#constraint);
  }

  /**
   * Chooses the tokens that follow what was read: one, and another one behind each drafted token that was chosen too.
   * Between them an abort is noticed, as it would be if each were read on its own.
   *
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  *takeIn(signal?: AbortSignal): Generator<GeneratedToken, void, undefined> {
    const draft = this.takeDraft();
    if (draft === undefined) return yield this.next();
    const { drafted } = draft;
    const { summaries, logits: { length: vocabSize } } = this.sequence;
    for (let i = 0, isRight = true; isRight && !this.#isFinished; i++) {
      if (i > 0) signal?.throwIfAborted();
      this.#numDoubtful = drafted.length - i;
      const logits = draft.logits.subarray(i * vocabSize, (i + 1) * vocabSize);
      const token = this.next({ logits, summary: summaries[i] });
      isRight = token.id === drafted[i];
      yield token;
    }
    this.sequence.truncate(this.sequence.length - this.#numDoubtful);
    this.#numDoubtful = 0;
  }

  /**
   * Chooses the next token.
   *
   * @param after the logits after the last one, and what is known of them
   * @throws {NumericalError} if the model computes something that is not a number
   */
  next(after: SummarizedLogits = this.sequence): GeneratedToken {
    const { prompt, sequence, sampler, tokenizer, topLogProbabilities, hooked } = this.#settings;
    const { logits, summary } = after;
    const allowed = this.#constraint?.allowed;
    const choice = summary?.largest ?? logits;
    const id = sampler.sample(choice, this.#tokens, this.#numPromptTokens, allowed);
    this.#constraint = this.#constraint?.after(id);
    this.#tokens.push(id);
    this.#numWritten++;
    const { text, finishReason } = this.#takeIn(id);
    const activations = hooked?.hooks.assemble([hooked]);
    hooked?.record.clear();
    if (finishReason !== undefined) this.#isFinished = true;
    else this.#prepareReading(id);
    return {
      prompt,
      sequence,
      id,
      text,
      logProbability: this.#settings.logProbabilities ? logProbability(logits, id, summary) : NaN,
      finishReason,
      ...topLogProbabilities > 0 && {
        topLogProbabilities: likelyTokens(
          tokenizer,
          likeliest(logits, topLogProbabilities, summary),
        ),
      },
      ...activations !== undefined && { activations },
    };
  }

  /** What a token adds to the text, and whether it ends it. */
  #takeIn(id: number): { text: string; finishReason: FinishReason | undefined } {
    const { endOfText } = this.#settings;
    const [decoder, stop] = [this.#decoder, this.#stop];
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
    if (this.#numWritten === maxNewTokens) return "maxNewTokens";
    return this.#isFull && overflow === "stop" ? "contextLength" : undefined;
  }

  get #isFull(): boolean {
    return this.sequence.length - this.#numDoubtful >= this.#settings.contextLength;
  }

  #prepareReading(id: number): void {
    this.#unread = [id];
    if (!this.#isFull) return;
    this.sequence.truncate(0);
    this.#unread = this.#tokens.slice(-Math.ceil(this.#settings.contextLength / 2));
    const numNew = this.#tokens.length - this.#numPromptTokens;
    const { hooked } = this.#settings;
    if (hooked !== undefined) hooked.promptLength = Math.max(0, this.#unread.length - numNew);
  }
}
