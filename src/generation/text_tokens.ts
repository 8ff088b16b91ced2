/**
 * The tokens of a text, and what a model has read of them.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { HookedText, Hooks } from "../engine/hooked_text.ts";
import type { LogitsSummary } from "../engine/logits_summary.ts";
import type { StepOptions } from "../engine/reading.ts";
import type { Sequence } from "../engine/sequence.ts";
import { encodePrompts, firstTokenAdvice, type Prompt } from "../tokenizer/prompts.ts";
import { numLargestLogits, type Vocabulary } from "./generate.ts";
import type { GenerateOptions } from "./generate_options.ts";
import type { RestoredText } from "./saved_text.ts";

/** How tokens are read. */
interface ReadOptions extends Pick<StepOptions, "onProgress" | "numLargest"> {
  readonly hooked?: HookedText;
}

/** Tokens that grow and shrink, with the sequence that remembers them. It knows nothing of whose turn it is. */
export class TextTokens {
  /** All of them, of which the sequence has read the first ones. */
  readonly list: number[];
  readonly sequence: Sequence;
  /** How often they were changed: what is being written on has to know. */
  numChanges = 0;
  readonly #engine: Engine;
  readonly #vocabulary: Vocabulary;

  /** @param restored the tokens, and what has read them; they are not copied */
  constructor(engine: Engine, vocabulary: Vocabulary, { tokens, sequence }: RestoredText) {
    this.list = tokens;
    this.sequence = sequence;
    this.#engine = engine;
    this.#vocabulary = vocabulary;
  }

  /** How many there are. */
  get length(): number {
    return this.list.length;
  }

  /** What a text, or tokens, adds: only the first is begun as the tokenizer begins texts. */
  encode(added: Prompt, allowSpecial: GenerateOptions["allowSpecial"]): readonly number[] {
    const { tokenizer } = this.#vocabulary;
    if (typeof added === "string" && this.length > 0 && tokenizer !== undefined) {
      return tokenizer.encode(added, { allowSpecial });
    }
    return Array.from(encodePrompts(tokenizer, [added], allowSpecial)[0]);
  }

  /** Adds tokens, and takes them back if what is done with them fails. */
  async add<T>(added: readonly number[], action: () => Promise<T>): Promise<T> {
    const { length } = this;
    const { contextLength } = this.#engine.model.config;
    if (length + added.length > contextLength) {
      throw new InvalidArgumentError(
        `Cannot append ${added.length} tokens to a text of ${length}: ` +
          `the model has ${contextLength} positions. Truncate it, or open another with its last tokens.`,
      );
    }
    for (const id of added) this.list.push(id);
    this.numChanges++;
    try {
      return await action();
    } catch (error) {
      if (!this.sequence.isDisposed) this.forget(length);
      throw error;
    }
  }

  /** The logits of what follows. They are the sequence's own. */
  async logits(
    signal: AbortSignal | undefined,
    how: ReadOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    this.sequence.checkUsable();
    if (this.length === 0) {
      throw new InvalidArgumentError(
        `Cannot tell what follows: the text has no token. ${
          firstTokenAdvice(this.#vocabulary.tokenizer)
        }`,
      );
    }
    await this.read(signal, how);
    return this.sequence.logits;
  }

  /** Reads what has not been read. */
  async read(
    signal: AbortSignal | undefined,
    // Always with what the logits add up to: the log-probability of a token is the same number whenever its text was read.
    { onProgress, hooked, numLargest = numLargestLogits(this.#engine.model) }: ReadOptions = {},
  ): Promise<void> {
    const { sequence } = this;
    // A fork that could not be made has tokens too.
    sequence.restart();
    const isRead = sequence.length > 0 && sequence.length === this.length;
    // Where more of the logits are wanted than is known of them, the last token is read again.
    if (isRead && !tellsEnough(sequence.summary, numLargest)) sequence.truncate(this.length - 1);
    const tokens = this.list.slice(sequence.length);
    const request = { sequence, tokens, logits: "last" as const, hooked };
    await this.#engine.step([request], { signal, onProgress, numLargest });
  }

  /** Forgets all from `length` on. The last one is read again: the logits after it are wanted. */
  forget(length: number): void {
    this.sequence.truncate(Math.min(this.sequence.length, Math.max(0, length - 1)));
    this.list.length = length;
    this.numChanges++;
  }

  /** For what is read from now on; all there is so far was given. */
  hooked(
    action: string,
    hooks: Hooks | undefined,
    length: number = this.length,
  ): HookedText | undefined {
    const sizes = { numRead: this.length, promptLength: this.length, length };
    hooks?.begin(action, { numTexts: 1, numTogether: 1, ...sizes });
    return hooks?.open(0, this.length);
  }

  /** @throws {RangeError} if there is no room for another one */
  checkRoom(): void {
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
