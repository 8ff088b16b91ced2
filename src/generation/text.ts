/**
 * A text that a model has read, to be looked at, continued, forked and taken back.
 *
 * @module
 */
import { checkPath } from "../base/check_path.ts";
import { checkOptions } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { showFields } from "../base/show_fields.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { Queue } from "../base/queue.ts";
import type { Engine } from "../engine/engine.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { SummarizedLogits } from "../engine/logits_summary.ts";
import { scoreTokens } from "../engine/score_tokens.ts";
import { startHooks, wantsHooks } from "../engine/start_hooks.ts";
import type { TokenScore } from "../engine/target_scores.ts";
import type { Continuation } from "./continuation.ts";
import {
  continuationsBy,
  hooksBy,
  numLargestLogits,
  speculationBy,
  type Vocabulary,
} from "./generate.ts";
import { DEFAULT_MAX_NEW_TOKENS } from "./generate_options.ts";
import type { GeneratedToken } from "./generated_token.ts";
import { type LikelyToken, likelyTokens, withTexts } from "../tokenizer/likely_token.ts";
import { textOfTokens } from "../tokenizer/model_tokens.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import { likeliest, logProbabilitiesOf } from "./sampling/log_probability.ts";
import { compileConstraint } from "./constraints/compile_constraint.ts";
import { Sampler } from "./sampling/sampler.ts";
import { TextTokens } from "./text_tokens.ts";
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

/** How many tokens `console.log()` shows of a text. */
const NUM_SHOWN = 20;

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
 * console.log(likely.text, likely.logProbability, other.text);
 * ```
 *
 * Calls may overlap: what gives a promise is carried out in the order in which it was asked for. `using` (or
 * `[Symbol.dispose]()`) frees its memory; a use after that is an error.
 */
export class Text implements Disposable {
  readonly #engine: Engine;
  readonly #vocabulary: Vocabulary;
  readonly #tokens: TextTokens;
  #activations: CapturedActivations | undefined;
  readonly #queue = new Queue();

  static {
    showFields(Text, (text) => text.#shown);
    beginText = (text, prompt, options) => text.#append("open the text", prompt, options);
  }

  /** @ignore `GPT2.open()`, `GPT2.restore()` and `fork()` make texts. */
  constructor(
    engine: Engine,
    vocabulary: Vocabulary,
    restored: RestoredText = { tokens: [], sequence: engine.open() },
  ) {
    this.#engine = engine;
    this.#vocabulary = vocabulary;
    this.#tokens = new TextTokens(engine, vocabulary, restored);
  }

  /** All tokens so far. A copy. */
  get tokens(): number[] {
    return [...this.#tokens.list];
  }

  /** How many tokens there are. */
  get length(): number {
    return this.#tokens.length;
  }

  /** Its beginning. It may be long. */
  get #shown() {
    const { length } = this;
    const { tokenizer } = this.#vocabulary;
    const first = this.#tokens.list.slice(0, NUM_SHOWN);
    const more = length > NUM_SHOWN ? "..." : "";
    if (tokenizer !== undefined) return { length, text: textOfTokens(tokenizer, first) + more };
    return { length, firstTokens: first };
  }

  /**
   * The text of all tokens; those that the tokenizer does not know have none.
   *
   * @throws {TypeError} if the model has no tokenizer
   */
  get text(): string {
    const { tokenizer } = this.#vocabulary;
    if (tokenizer === undefined) {
      throw new TypeError("Cannot decode a text: the model has no tokenizer. Look at its tokens.");
    }
    return textOfTokens(tokenizer, this.#tokens.list);
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
    this.#tokens.sequence.checkUsable();
    options = checkOptions(action, options, appendRules);
    const { allowSpecial, signal, onProgress } = options;
    // A copy: what the caller's array says later makes no difference.
    const given = typeof added === "string" ? added : this.#tokens.encode(added, allowSpecial);
    await this.#inTurn(signal, async () => {
      const hooks = wantsHooks(options)
        ? await startHooks(action, options, this.#engine.model.config)
        : undefined;
      await this.#tokens.add(this.#tokens.encode(given, allowSpecial), async () => {
        const hooked = this.#tokens.hooked(action, hooks);
        await this.#tokens.read(signal, { onProgress, hooked });
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
   *   Where each of them stands in the text is what `GPT2.score()` tells
   * @throws {RangeError} if the text would become longer than the context, or a token is not in the vocabulary; nothing is
   *   added then, nor if reading fails or is aborted
   * @throws {TypeError} if a text is given but the model has no tokenizer
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async score(added: Prompt, options: TextScoreOptions = {}): Promise<TokenScore<LikelyToken>[]> {
    this.#tokens.sequence.checkUsable();
    const { allowSpecial, topLogProbabilities: numTop, ...reading } = checkOptions(
      "score",
      options,
      scoreRules,
    );
    const given = typeof added === "string" ? added : this.#tokens.encode(added, allowSpecial);
    return await this.#inTurn(reading.signal, async () => {
      const { length } = this;
      return await this.#tokens.add(this.#tokens.encode(given, allowSpecial), async () => {
        // A fork that could not be made has tokens too.
        this.#tokens.sequence.restart();
        const about = { numTop, ...reading };
        const { sequence, list } = this.#tokens;
        const scores = await scoreTokens(this.#engine, sequence, list, length, about);
        return scores.map((score) => withTexts(this.#vocabulary.tokenizer, score));
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
    return await this.#inTurn(signal, async () => (await this.#tokens.logits(signal)).slice());
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
      const logits = await this.#tokens.logits(signal);
      return logProbabilitiesOf(logits, this.#tokens.sequence.summary);
    });
  }

  /**
   * The tokens that the model finds likeliest to follow, the likeliest first, with their texts and their log-probabilities in
   * nats.
   *
   * @param count how many
   * @throws {RangeError} if there is no token yet, or `count` is no positive integer
   */
  async likeliest(
    count: number,
    options: Pick<AppendOptions, "signal"> = {},
  ): Promise<LikelyToken[]> {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new InvalidArgumentError(
        `Cannot tell what follows: the number of tokens must be a positive integer: received ${
          describe(count)
        }.`,
      );
    }
    const { signal } = checkOptions("tell what follows", options, readRules);
    return await this.#inTurn(signal, async () => {
      const logits = await this.#tokens.logits(signal);
      const found = likeliest(logits, count, this.#tokens.sequence.summary);
      return likelyTokens(this.#vocabulary.tokenizer, found);
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
      const logits = await this.#tokens.logits(signal);
      const id = sampler.fork(this.length).sample(logits, this.#tokens.list);
      this.#tokens.checkRoom();
      this.#tokens.list.push(id);
      this.#tokens.numChanges++;
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
    const constraint = await compileConstraint(options, tokenizer, endOfTextIds, signal);
    const about = { tokenizer, endOfTextIds, vocabSize, maxNewTokens, constraint };
    const sampler = new Sampler(samplingOptionsOf(options), vocabSize, tokenRules(options, about));
    const hooks = await hooksBy(options, this.#engine.model);
    const hooked = this.#tokens.hooked("generate", hooks, contextLength);
    if (maxNewTokens === 0) return;
    // From here on changes are noticed, also those made while the rest is waited for.
    let numChanges = this.#tokens.numChanges;
    const continuation = continuationsBy(options, {
      tokenizer,
      endOfTextIds,
      sampler,
      constraint,
      // The last token that there is room for is not read: nothing can follow it.
      contextLength: contextLength - 1,
    })(this.#tokens.sequence, this.#tokens.list, { prompt: 0, sequence: 0, stream: 0 }, hooked);
    const numDecisive = constraint === undefined ? sampler.numDecisiveLogits : undefined;
    const numLargest = numLargestLogits(this.#engine.model, options, numDecisive);
    using speculation = await speculationBy(options, this.#engine.model, tokenizer);
    const ahead = speculation && await this.#readAhead(speculation, continuation);
    try {
      while (!continuation.isFinished) {
        yield await this.#inTurn(signal, async () => {
          this.#tokens.checkRoom();
          const isChanged = this.#tokens.numChanges !== numChanges;
          if (isChanged) continuation.follow();
          const known = await ahead?.after(isChanged, { signal, numLargest });
          if (known === undefined) await this.#tokens.logits(signal, { hooked, numLargest });
          const token = this.#choose(continuation, known);
          numChanges = ++this.#tokens.numChanges;
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
      if (known !== undefined) this.#tokens.sequence.truncate(this.#tokens.sequence.length - 1);
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
    const sequence = this.#engine.fork(this.#tokens.sequence);
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
   * @throws {TypeError} if the length is no number
   * @throws {Deno.errors.Busy} if something is still to be done for the text
   */
  truncate(length: number): void {
    this.#tokens.sequence.checkUsable();
    if (!(Number.isInteger(length) && length >= 0 && length <= this.length)) {
      const ErrorClass = typeof length === "number" ? InvalidArgumentError : TypeError;
      throw new ErrorClass(
        `Cannot truncate a text: the length must be an integer from 0 to ${this.length}, what the text ` +
          `has now: received ${describe(length)}.`,
      );
    }
    if (this.#queue.isBusy) {
      throw new Deno.errors.Busy("Cannot truncate a text: it is being read. Await that first.");
    }
    this.#tokens.forget(length);
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
      if (this.length > 0) await this.#tokens.read(signal);
      await saveText(
        this.#engine,
        { tokens: this.tokens, sequence: this.#tokens.sequence },
        path,
        signal,
      );
    });
  }

  /** Frees its memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#tokens.sequence[Symbol.dispose]();
  }

  /** Does one thing after another; at once where nothing else is to be done. */
  async #inTurn<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    this.#tokens.sequence.checkUsable();
    return await this.#queue.run(signal, action);
  }
}
