/**
 * A text that a model has read, to be looked at, continued, forked and taken back.
 *
 * @module
 */
import { checkPath } from "../base/check_path.ts";
import { checkOptions } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { Turns } from "../base/turns.ts";
import type { Engine } from "../engine/engine.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { HookedText, Hooks } from "../engine/hooked_text.ts";
import type { LogitsSummary, SummarizedLogits } from "../engine/logits_summary.ts";
import type { StepOptions } from "../engine/reading.ts";
import { scoreTokens } from "../engine/score_tokens.ts";
import type { Sequence } from "../engine/sequence.ts";
import { startHooks, wantsHooks } from "../engine/start_hooks.ts";
import type { TokenLogProbability, TokenScore } from "../engine/target_scores.ts";
import type { Continuation } from "./continuation.ts";
import {
  continuationsBy,
  hooksBy,
  numLargestLogits,
  speculationBy,
  type Vocabulary,
} from "./generate.ts";
import { DEFAULT_MAX_NEW_TOKENS, type GenerateOptions } from "./generate_options.ts";
import type { GeneratedToken } from "./generated_token.ts";
import { encodePrompts, firstTokenAdvice, type Prompt } from "../tokenizer/prompts.ts";
import { likeliest, logProbabilitiesOf } from "./sampling/log_probability.ts";
import { compileConstraint } from "./constraints/compile_constraint.ts";
import { Sampler } from "./sampling/sampler.ts";
import type { ReadText } from "./speculation/drafted_text.ts";
import type { ReadAhead } from "./speculation/read_ahead.ts";
import type { Speculation } from "./speculation/speculation.ts";
import {
  type SamplingOptions,
  samplingOptionsOf,
  samplingRules,
} from "./sampling/sampling_options.ts";
import type { RestoredText } from "./saved_text.ts";
import {
  type AppendOptions,
  appendRules,
  readRules,
  scoreRules,
  type TextGenerateOptions,
  textGenerateRules,
  type TextScoreOptions,
} from "./text_options.ts";
import { tokenRules } from "./token_rules.ts";

/** How tokens are read. */
interface ReadOptions extends Pick<StepOptions, "onProgress" | "numLargest"> {
  readonly hooked?: HookedText;
}

/** Has a new text read what it begins with. For `GPT2.open()`. */
export let beginText: (text: Text, prompt: Prompt, options: AppendOptions) => Promise<Text>;

/**
 * A text that a model has read and remembers. What is added to it costs its own tokens, whatever came before.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 *
 * using model = await GPT2.fromPretrained("demo");
 * using text = await model.open("ROMEO:");
 * using other = text.fork();
 * await other.append("\nI");
 * const [likely] = await text.likeliest(3);
 * console.log(likely.id, likely.logProbability, other.text);
 * ```
 *
 * Calls may overlap: what gives a promise is carried out in the order in which it was asked for. `using` (or
 * `[Symbol.dispose]()`) frees its memory; a use after that is an error.
 */
export class Text implements Disposable {
  readonly #engine: Engine;
  readonly #vocabulary: Vocabulary;
  /** All tokens, of which the sequence has read the first ones. */
  readonly #tokens: number[];
  readonly #sequence: Sequence;
  /** How often the tokens were changed: what is being written on has to know. */
  #numChanges = 0;
  #activations: CapturedActivations | undefined;
  readonly #turns = new Turns();

  static {
    beginText = (text, prompt, options) => text.#append("open the text", prompt, options);
  }

  /** @ignore `GPT2.open()`, `GPT2.restore()` and `fork()` make texts. */
  constructor(
    engine: Engine,
    vocabulary: Vocabulary,
    { tokens, sequence }: RestoredText = { tokens: [], sequence: engine.open() },
  ) {
    this.#engine = engine;
    this.#vocabulary = vocabulary;
    this.#tokens = tokens;
    this.#sequence = sequence;
  }

  /** All tokens so far. A copy. */
  get tokens(): number[] {
    return [...this.#tokens];
  }

  /** How many tokens there are. */
  get length(): number {
    return this.#tokens.length;
  }

  /**
   * The text of all tokens.
   *
   * @throws {TypeError} if the model has no tokenizer
   */
  get text(): string {
    const { tokenizer } = this.#vocabulary;
    if (tokenizer === undefined) {
      throw new TypeError("Cannot decode a text: the model has no tokenizer: look at its tokens");
    }
    return tokenizer.decode(this.#tokens);
  }

  /**
   * What the last {@linkcode Text.append}, or `GPT2.open()`, has captured of the tokens that it read, if it was asked to.
   * {@linkcode Text.generate} gives each token its own.
   */
  get activations(): CapturedActivations | undefined {
    return this.#activations;
  }

  /**
   * Adds a text, or tokens, and reads them. What an intervention makes of them is remembered, and what follows builds on it.
   *
   * @param added to the first text of all, the token is added that the model's tokenizer puts before every prompt, if it
   *   does; what comes later is taken as it is
   * @throws {RangeError} if the text would become longer than the context, or a token is not in the vocabulary; nothing is
   *   added then, nor if reading fails or is aborted
   * @throws {TypeError} if a text is given but the model has no tokenizer
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async append(added: Prompt, options: AppendOptions = {}): Promise<this> {
    return await this.#append("append", added, options);
  }

  async #append(action: string, added: Prompt, options: AppendOptions): Promise<this> {
    this.#sequence.checkUsable();
    options = checkOptions(action, options, appendRules);
    const { allowSpecial, signal, onProgress } = options;
    // A copy: what the caller's array says later makes no difference.
    const given = typeof added === "string" ? added : this.#encode(added, allowSpecial);
    await this.#inTurn(signal, async () => {
      const hooks = wantsHooks(options)
        ? await startHooks(action, options, this.#engine.model.config)
        : undefined;
      await this.#add(this.#encode(given, allowSpecial), async () => {
        const hooked = this.#hooked(action, hooks);
        await this.#read(signal, { onProgress, hooked });
        this.#activations = hooked?.hooks.assemble([hooked]);
      });
    });
    return this;
  }

  /**
   * Adds a text, or tokens, and tells how likely each of them is where it stands.
   *
   * ```ts
   * import { GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * using text = await model.open("ROMEO:");
   * for (const { id, logProbability, rank } of await text.score("\nI love")) {
   *   console.log(id, logProbability, rank);
   * }
   * ```
   *
   * @param added see {@linkcode Text.append}
   * @returns one score for each token that was added. The numbers of a text's very first token are NaN: nothing precedes it.
   *   Tokens have ids only, and so have the likeliest ones: `GPT2.score()` gives their texts
   * @throws {RangeError} if the text would become longer than the context, or a token is not in the vocabulary; nothing is
   *   added then, nor if reading fails or is aborted
   * @throws {TypeError} if a text is given but the model has no tokenizer
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async score(added: Prompt, options: TextScoreOptions = {}): Promise<TokenScore[]> {
    this.#sequence.checkUsable();
    const { allowSpecial, topLogProbabilities: numTop, ...reading } = checkOptions(
      "score",
      options,
      scoreRules,
    );
    const given = typeof added === "string" ? added : this.#encode(added, allowSpecial);
    return await this.#inTurn(reading.signal, async () => {
      const { length } = this;
      return await this.#add(this.#encode(given, allowSpecial), async () => {
        // A fork that could not be made has tokens too.
        this.#sequence.restart();
        const about = { numTop, ...reading };
        return await scoreTokens(this.#engine, this.#sequence, this.#tokens, length, about);
      });
    });
  }

  /**
   * The logits of what follows.
   *
   * @returns (vocab), a copy
   * @throws {RangeError} if there is no token yet
   */
  async logits(options: Pick<AppendOptions, "signal"> = {}): Promise<Float32Array<ArrayBuffer>> {
    const { signal } = checkOptions("tell what follows", options, readRules);
    return await this.#inTurn(signal, async () => (await this.#logits(signal)).slice());
  }

  /**
   * The log-probability of each token of the vocabulary to follow, as the model itself has it, in nats.
   *
   * @returns (vocab)
   * @throws {RangeError} if there is no token yet
   * @throws {NumericalError} if the model computes something that is not a number
   */
  async logProbabilities(
    options: Pick<AppendOptions, "signal"> = {},
  ): Promise<Float64Array<ArrayBuffer>> {
    const { signal } = checkOptions("tell what follows", options, readRules);
    return await this.#inTurn(signal, async () => {
      const logits = await this.#logits(signal);
      return logProbabilitiesOf(logits, this.#sequence.summary);
    });
  }

  /**
   * The tokens that the model finds likeliest to follow, the likeliest first, with their log-probabilities in nats.
   *
   * @param count how many
   * @throws {RangeError} if there is no token yet, or `count` is no positive integer
   */
  async likeliest(
    count: number,
    options: Pick<AppendOptions, "signal"> = {},
  ): Promise<TokenLogProbability[]> {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new InvalidArgumentError(
        `Cannot tell what follows: the number of tokens must be a positive integer: received ${
          describe(count)
        }`,
      );
    }
    const { signal } = checkOptions("tell what follows", options, readRules);
    return await this.#inTurn(signal, async () => {
      const logits = await this.#logits(signal);
      return likeliest(logits, count, this.#sequence.summary);
    });
  }

  /**
   * Draws the next token and adds it. With a seed, the token that follows a text is always the same: the random numbers
   * are those of its length. To look inside meanwhile, take {@linkcode Text.generate} with `maxNewTokens: 1`.
   *
   * @param options for sampling, as of `GPT2.generate()`
   * @returns the token
   */
  async next(options: SamplingOptions & Pick<AppendOptions, "signal"> = {}): Promise<number> {
    const { signal, ...sampling } = checkOptions("choose the next token", options, {
      ...samplingRules,
      ...readRules,
    });
    const sampler = new Sampler(samplingOptionsOf(sampling), this.#engine.model.config.vocabSize);
    return await this.#inTurn(signal, async () => {
      const logits = await this.#logits(signal);
      const id = sampler.fork(this.length).sample(logits, this.#tokens);
      this.#checkRoom();
      this.#tokens.push(id);
      this.#numChanges++;
      return id;
    });
  }

  /**
   * Continues the text, token by token; they are added to it. Within the loop the text may be looked at, forked, shortened
   * and added to: what follows goes on from there, and what has been added since the call has to fit its constraint, if it has
   * one. A text never gets longer than the context, where `GPT2.generate()` gives one more token, which is not read.
   *
   * @param options see {@linkcode TextGenerateOptions}
   */
  generate(options: TextGenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    // At once: what the caller's objects say later makes no difference.
    return this.#generate(checkOptions("generate", options, textGenerateRules));
  }

  async *#generate(
    options: TextGenerateOptions,
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const { signal, maxNewTokens = DEFAULT_MAX_NEW_TOKENS } = options;
    const { vocabSize, contextLength } = this.#engine.model.config;
    const { tokenizer } = this.#vocabulary;
    const endOfTextIds = options.ignoreEndOfText ? [] : this.#vocabulary.endOfTextIds;
    const constraint = await compileConstraint(options, tokenizer, endOfTextIds);
    const about = { tokenizer, endOfTextIds, vocabSize, maxNewTokens, constraint };
    const sampler = new Sampler(samplingOptionsOf(options), vocabSize, tokenRules(options, about));
    const hooks = await hooksBy(options, this.#engine.model);
    const hooked = this.#hooked("generate", hooks, contextLength);
    if (maxNewTokens === 0) return;
    const continuation = continuationsBy(options, {
      tokenizer,
      endOfTextIds,
      sampler,
      constraint,
      // The last token that there is room for is not read: nothing can follow it.
      contextLength: contextLength - 1,
    })(this.#sequence, this.#tokens, { prompt: 0, sequence: 0, stream: 0 }, hooked);
    const numDecisive = constraint === undefined ? sampler.numDecisiveLogits : undefined;
    const numLargest = numLargestLogits(this.#engine.model, options, numDecisive);
    using speculation = await speculationBy(options, this.#engine.model, tokenizer);
    const ahead = speculation && await this.#readAhead(speculation, continuation);
    let numChanges = this.#numChanges;
    try {
      while (!continuation.isFinished) {
        yield await this.#inTurn(signal, async () => {
          this.#checkRoom();
          const isChanged = this.#numChanges !== numChanges;
          if (isChanged) continuation.follow();
          const known = await ahead?.after(isChanged, { signal, numLargest });
          if (known === undefined) await this.#logits(signal, { hooked, numLargest });
          const token = this.#choose(continuation, known);
          numChanges = ++this.#numChanges;
          return token;
        });
      }
    } finally {
      ahead?.end();
    }
  }

  /** @param known what follows the last token, if that is not what the sequence says */
  #choose(continuation: Continuation, known: SummarizedLogits | undefined): GeneratedToken {
    try {
      return continuation.next(known);
    } catch (error) {
      // Others are to find what follows the last token: it is read again.
      if (known !== undefined) this.#sequence.truncate(this.#sequence.length - 1);
      throw error;
    }
  }

  /** Who does not speculate does not wait for what does. */
  async #readAhead(speculation: Speculation, continuation: ReadText): Promise<ReadAhead> {
    const { ReadAhead } = await import("./speculation/read_ahead.ts");
    return new ReadAhead(this.#engine, speculation, continuation);
  }

  /** A copy of the text as it is now, that goes on by itself. What is remembered is copied, not read again. */
  fork(): Text {
    const sequence = this.#engine.fork(this.#sequence);
    const copy = new Text(this.#engine, this.#vocabulary, { tokens: this.tokens, sequence });
    // How much of it is remembered shows when that has been copied. Later calls hear of errors.
    if (this.#engine.isPending(sequence)) {
      copy.#inTurn(undefined, () => this.#engine.whenIdle(sequence)).catch(() => {});
    }
    return copy;
  }

  /**
   * Forgets all tokens from `length` on.
   *
   * @throws {RangeError} if there are not so many
   * @throws {Deno.errors.Busy} if something is still to be done for the text
   */
  truncate(length: number): void {
    this.#sequence.checkUsable();
    if (!(Number.isInteger(length) && length >= 0 && length <= this.length)) {
      throw new InvalidArgumentError(
        `Cannot truncate a text: it has ${this.length} tokens: received ${length}`,
      );
    }
    if (this.#turns.isTaken) {
      throw new Deno.errors.Busy("Cannot truncate a text: it is being read: await that first");
    }
    this.#forget(length);
  }

  /**
   * Writes the text with all that is remembered of it, to be read by `GPT2.restore()`: about 37 kB for each token of GPT-2
   * small.
   *
   * @throws {StorageError} if the file cannot be written
   */
  async save(path: string, options: Pick<AppendOptions, "signal"> = {}): Promise<void> {
    checkPath("save the text", path);
    const { signal } = checkOptions("save the text", options, readRules);
    await this.#inTurn(signal, async () => {
      const { saveText } = await import("./saved_text.ts");
      if (this.length > 0) await this.#read(signal);
      await saveText(this.#engine, { tokens: this.tokens, sequence: this.#sequence }, path, signal);
    });
  }

  /** Frees its memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#sequence[Symbol.dispose]();
  }

  #encode(added: Prompt, allowSpecial: GenerateOptions["allowSpecial"]): readonly number[] {
    const { tokenizer } = this.#vocabulary;
    if (typeof added === "string" && this.length > 0 && tokenizer !== undefined) {
      return tokenizer.encode(added, { allowSpecial });
    }
    return Array.from(encodePrompts(tokenizer, [added], allowSpecial)[0]);
  }

  async #logits(
    signal: AbortSignal | undefined,
    how: ReadOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    this.#sequence.checkUsable();
    if (this.length === 0) {
      throw new InvalidArgumentError(
        `Cannot tell what follows: the text has no token. ${
          firstTokenAdvice(this.#vocabulary.tokenizer)
        }`,
      );
    }
    await this.#read(signal, how);
    return this.#sequence.logits;
  }

  /** Adds tokens, and takes them back if what is done with them fails. */
  async #add<T>(added: readonly number[], action: () => Promise<T>): Promise<T> {
    const { length } = this;
    const { contextLength } = this.#engine.model.config;
    if (length + added.length > contextLength) {
      throw new InvalidArgumentError(
        `Cannot append ${added.length} tokens to a text of ${length}: ` +
          `the model has ${contextLength} positions`,
      );
    }
    for (const id of added) this.#tokens.push(id);
    this.#numChanges++;
    try {
      return await action();
    } catch (error) {
      if (!this.#sequence.isDisposed) this.#forget(length);
      throw error;
    }
  }

  /** For what is read of the text from now on; all there is so far was given. */
  #hooked(
    action: string,
    hooks: Hooks | undefined,
    length: number = this.length,
  ): HookedText | undefined {
    const sizes = { numRead: this.length, promptLength: this.length, length };
    hooks?.begin(action, { numTexts: 1, numTogether: 1, ...sizes });
    return hooks?.open(0, this.length);
  }

  /** Reads what has not been read. */
  async #read(
    signal: AbortSignal | undefined,
    // Always with what the logits add up to: the log-probability of a token is the same number whenever its text was read.
    { onProgress, hooked, numLargest = numLargestLogits(this.#engine.model) }: ReadOptions = {},
  ): Promise<void> {
    const sequence = this.#sequence;
    // A fork that could not be made has tokens too.
    sequence.restart();
    const isRead = sequence.length > 0 && sequence.length === this.length;
    // Where more of the logits are wanted than is known of them, the last token is read again.
    if (isRead && !tellsEnough(sequence.summary, numLargest)) sequence.truncate(this.length - 1);
    const tokens = this.#tokens.slice(sequence.length);
    const request = { sequence, tokens, logits: "last" as const, hooked };
    await this.#engine.step([request], { signal, onProgress, numLargest });
  }

  /** Forgets all tokens from `length` on. The last one is read again: the logits after it are wanted. */
  #forget(length: number): void {
    this.#sequence.truncate(Math.min(this.#sequence.length, Math.max(0, length - 1)));
    this.#tokens.length = length;
    this.#numChanges++;
  }

  /** Does one thing after another; at once where nothing else is to be done. */
  async #inTurn<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    this.#sequence.checkUsable();
    return await this.#turns.take(signal, action);
  }

  #checkRoom(): void {
    const { contextLength } = this.#engine.model.config;
    if (this.length < contextLength) return;
    throw new InvalidArgumentError(
      `Cannot continue a text of ${this.length} tokens: the model has ${contextLength} positions. ` +
        "Truncate it, or open one with its last tokens.",
    );
  }
}

/** Whether logits of which this is known will do where so many of the largest decide: 0 or nothing for all. */
function tellsEnough(summary: LogitsSummary | undefined, numLargest = 0): boolean {
  const { largest } = summary ?? {};
  return largest === undefined || (numLargest > 0 && largest.ids.length > numLargest);
}
