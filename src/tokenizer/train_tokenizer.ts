/**
 * Tokenizers learned from texts.
 *
 * @module
 */
import {
  abortSignal,
  checkOptions,
  flag,
  integer,
  oneOf,
  type OptionRules,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { doInTurns, eventLoopTurn } from "../base/event_loop.ts";
import { bytesInOrder } from "./byte_alphabet.ts";
import { CharacterSet, characterVocabulary } from "./character_vocabulary.ts";
import { PieceCounter } from "./piece_counter.ts";
import { Tokenizer } from "./tokenizer.ts";
import { type LearnedVocabulary, trainBytePairs } from "./train_byte_pairs.ts";
import { END_OF_TEXT, tokenType } from "./vocabulary.ts";

/** How to learn a tokenizer. */
export interface TokenizerTrainingOptions {
  /**
   * `"bpe"` learns pairs of bytes, as GPT-2's tokenizer was made. `"char"` gives every character of the texts a token, and
   * knows no others. Default: `"bpe"`.
   */
  kind?: "bpe" | "char";
  /**
   * For `"bpe"`, how many tokens: 256 for the bytes, those that are learned, and `<|endoftext|>`. Texts that are short may give
   * fewer. Default: 4096.
   */
  vocabSize?: number;
  /** For `"bpe"`, how often two tokens must be side by side to become one. Default: 2. */
  minFrequency?: number;
  /**
   * Whether there is a token `<|endoftext|>`, the last one, which separates texts and begins what is generated from nothing.
   * Default: true.
   */
  endOfText?: boolean;
  /** Stops the learning. */
  signal?: AbortSignal;
}

const TRAIN = "train the tokenizer";

const MAX_VOCAB_SIZE = 2 ** 20;
const DEFAULT_VOCAB_SIZE = 4096;

const rules: OptionRules<TokenizerTrainingOptions> = {
  kind: oneOf("bpe", "char"),
  vocabSize: integer(bytesInOrder.length, MAX_VOCAB_SIZE),
  minFrequency: integer(1),
  endOfText: flag,
  signal: abortSignal,
};

/** What a tokenizer is learned from: texts one after another, each in as many parts as there are. */
export class TokenizerTrainer {
  readonly #options: Readonly<TokenizerTrainingOptions>;
  readonly #content: PieceCounter | CharacterSet;
  /** Whether there was no text so far. */
  isEmpty = true;

  /**
   * Checks the options.
   *
   * @throws {TypeError} if there is no such option, or one has the wrong type
   * @throws {RangeError} if one is out of range, or has no effect
   */
  constructor(options: TokenizerTrainingOptions = {}) {
    this.#options = checkOptions(TRAIN, options, rules);
    const { kind = "bpe", vocabSize, minFrequency, endOfText = true } = this.#options;
    const useless = { vocabSize, minFrequency };
    for (const [name, value] of Object.entries(kind === "char" ? useless : {})) {
      if (value === undefined) continue;
      throw new InvalidArgumentError(
        `Cannot ${TRAIN}: ${name} is for byte pairs, and every character is a token: received ${value}. Leave it out.`,
      );
    }
    if (vocabSize !== undefined && vocabSize < bytesInOrder.length + Number(endOfText)) {
      throw new InvalidArgumentError(
        `Cannot ${TRAIN}: the ${bytesInOrder.length} bytes and ${END_OF_TEXT} need a vocabSize of at least ${
          bytesInOrder.length + 1
        }: received ${vocabSize}.`,
      );
    }
    this.#content = kind === "char" ? new CharacterSet() : new PieceCounter();
  }

  /** Adds a part of a text. */
  add(part: string): void {
    this.isEmpty &&= part === "";
    this.#content.add(part);
  }

  /** Says that a text has ended: no token will reach from it into the next one. */
  endText(): void {
    this.#content.endText();
  }

  /**
   * Learns.
   *
   * @throws {RangeError} if there was no text
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async finish(): Promise<Tokenizer> {
    const { endOfText = true, signal } = this.#options;
    signal?.throwIfAborted();
    if (this.isEmpty) {
      throw new InvalidArgumentError(
        `Cannot ${TRAIN}: there is nothing to learn from: received no text, or empty ones. Give some text.`,
      );
    }
    const { tokens, merges } = await this.#learn();
    return new Tokenizer({
      tokens: endOfText ? [...tokens, END_OF_TEXT] : tokens,
      merges,
      tokenTypes: [
        ...tokens.map(() => tokenType.normal),
        ...endOfText ? [tokenType.control] : [],
      ],
    }).prepare();
  }

  async #learn(): Promise<LearnedVocabulary> {
    const { vocabSize = DEFAULT_VOCAB_SIZE, minFrequency = 2, endOfText = true, signal } =
      this.#options;
    if (this.#content instanceof CharacterSet) return characterVocabulary(this.#content.codePoints);
    const numTokens = vocabSize - Number(endOfText);
    let learned: LearnedVocabulary | undefined;
    const steps = trainBytePairs(this.#content, { numTokens, minFrequency });
    await doInTurns(
      (function* () {
        learned = yield* steps;
      })(),
      signal,
    );
    return learned!;
  }
}

/**
 * Learns a tokenizer from texts.
 *
 * Byte pairs are those that Hugging Face's `ByteLevelBPETokenizer` learns from the same texts with the same numbers, and the
 * ids are laid out as GPT-2's: the 256 bytes, what was learned in its order, `<|endoftext|>`.
 *
 * @param texts whole texts; `<|endoftext|>` in them is text like any other
 * @throws {TypeError} for a text that is no string, an option that there is not or one of a wrong type
 * @throws {RangeError} for an option out of range, or no text
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 *
 * @example
 * ```ts
 * import { trainTokenizer } from "@allformers/gpt2/train";
 *
 * const tokenizer = await trainTokenizer(["low lower lowest"], { vocabSize: 260 });
 * tokenizer.merges; // ["l o", "lo w", "Ġ low"]
 * ```
 */
export async function trainTokenizer(
  texts: string | Iterable<string> | AsyncIterable<string>,
  options: TokenizerTrainingOptions = {},
): Promise<Tokenizer> {
  const trainer = new TokenizerTrainer(options);
  const { signal } = options;
  for await (const text of typeof texts === "string" ? [texts] : texts) {
    if (typeof text !== "string") {
      throw new TypeError(`Cannot ${TRAIN}: a text is not a string: received ${describe(text)}.`);
    }
    for (let start = 0; start < text.length; start += PART_LENGTH) {
      trainer.add(text.slice(start, start + PART_LENGTH));
      await eventLoopTurn();
      signal?.throwIfAborted();
    }
    trainer.endText();
  }
  return await trainer.finish();
}

/** What is read of a text before others have their turn: a few milliseconds' work. */
const PART_LENGTH = 2 ** 16;
