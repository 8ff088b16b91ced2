/**
 * GPT-2's tokenizer: byte-level byte pair encoding.
 *
 * @module
 */

import { checkOptions, type OptionRules, texts } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { BytePairEncoder } from "./byte_pair_encoder.ts";
import { Gpt2Vocabulary, loadGpt2Vocabulary } from "./gpt2_vocabulary.ts";
import {
  readTokenizerJson,
  readVocabAndMerges,
  writeMergesText,
  writeTokenizerJson,
  writeVocabJson,
} from "./hugging_face_tokenizer.ts";
import { ListedVocabulary } from "./listed_vocabulary.ts";
import { pieceEnd } from "./pre_tokenizer.ts";
import { END_OF_TEXT, type TokenizerOptions, tokenType, type Vocabulary } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

export type { TokenizerOptions } from "./vocabulary.ts";

/** What {@linkcode Tokenizer.encode} may do with special tokens. */
export interface EncodeOptions {
  /**
   * The special tokens to recognize in the text: their names, or `"all"`. By default none:
   * `<|endoftext|>` in a text is thirteen characters like any other, so that what a user typed
   * cannot end the text.
   */
  allowSpecial?: "all" | readonly string[];
}

/** What these options must be. */
export const encodeRules: OptionRules<EncodeOptions> = {
  allowSpecial: {
    meaning: `"all", or an array of the names of special tokens`,
    isType: (value) => value === "all" || texts.isType(value),
  },
};

/**
 * How long a piece (in UTF-16 code units) may be, and how many there may be, for its tokens to be
 * remembered.
 */
const MAX_REMEMBERED_LENGTH = 32;
const MAX_REMEMBERED_PIECES = 65_536;

const utf8Encoder = new TextEncoder();
/** Keeps a byte order mark, which is text here like any other. */
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

let gpt2Tokenizer: Promise<Tokenizer> | undefined;

/**
 * Turns text into the token ids of a GPT-2 vocabulary, and back.
 *
 * A text is cut into pieces, words with the space before them, and the UTF-8 bytes of each piece
 * are merged, pair by pair, into ever longer tokens (Radford et al. 2019, "Language Models are
 * Unsupervised Multitask Learners", section 2.2). Every text can be encoded, and decodes to itself;
 * half a surrogate pair, which UTF-8 cannot express, becomes U+FFFD.
 *
 * A tokenizer does not change once made, and can be shared. Making one is cheap: the tables
 * for encoding are made when first needed, or by {@linkcode Tokenizer.prepare}.
 *
 * @example
 * ```ts
 * import { Tokenizer } from "@allformers/gpt2";
 *
 * const tokenizer = await Tokenizer.gpt2();
 * const ids = tokenizer.encode("Hello, world!"); // [15496, 11, 995, 0]
 * const text = tokenizer.decode(ids);
 * ```
 */
export class Tokenizer {
  /**
   * The token that ends a text and begins the next, where the vocabulary has one: 50256 for GPT-2.
   */
  readonly endOfTextId: number | undefined;
  /** The special tokens by name: `<|endoftext|>` for GPT-2. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The tokens, by name, that are recognized wherever they stand in a text. GPT-2 has none. */
  readonly userDefinedTokens: ReadonlyMap<string, number>;
  readonly #vocabulary: Vocabulary;
  #encoder?: BytePairEncoder;
  /** The tokens of pieces met before: words come back. */
  readonly #rememberedPieces = new Map<string, readonly number[]>();

  /**
   * A tokenizer from a vocabulary as GGUF files hold it.
   *
   * Throws a `FileFormatError` if the vocabulary contradicts itself. What takes time to check is
   * checked at first use, or by {@linkcode Tokenizer.prepare}.
   */
  constructor(options: TokenizerOptions) {
    this.#vocabulary = options instanceof Gpt2Vocabulary ? options : new ListedVocabulary(options);
    this.specialTokens = this.#addedTokens(tokenType.control);
    this.userDefinedTokens = this.#addedTokens(tokenType.userDefined);
    const { endOfTextId = this.specialTokens.get(END_OF_TEXT) } = options;
    if (endOfTextId !== undefined && !this.#has(endOfTextId)) {
      throw vocabularyError(
        "the end-of-text token is not in the vocabulary",
        endOfTextId,
        options.path,
      );
    }
    this.endOfTextId = endOfTextId;
  }

  /**
   * GPT-2's own tokenizer, which comes with this package. It is loaded once, and needs no permission.
   */
  static gpt2(): Promise<Tokenizer> {
    return gpt2Tokenizer ??= loadGpt2Tokenizer();
  }

  /**
   * A tokenizer from the two files of GPT-2's original release: `vocab.json` and `merges.txt`.
   *
   * `<|endoftext|>` is a special token if the vocabulary has it. Lines of `merges.txt` may end in
   * CRLF, and the `#version` line may be missing. Throws a `FileFormatError` for anything that
   * contradicts itself.
   *
   * @param path where the files are, for error messages
   */
  static fromVocabAndMerges(vocabJson: string, mergesText: string, path?: string): Tokenizer {
    return new Tokenizer(readVocabAndMerges(vocabJson, mergesText, path)).prepare();
  }

  /**
   * A tokenizer from Hugging Face's `tokenizer.json`.
   *
   * Throws a `FileFormatError` for anything that contradicts itself, and for a tokenizer that is
   * not GPT-2's byte-level BPE with GPT-2's way of cutting words; no pattern from the file is ever
   * compiled.
   *
   * @param path where the file is, for error messages
   */
  static fromTokenizerJson(text: string, path?: string): Tokenizer {
    return new Tokenizer(readTokenizerJson(text, path)).prepare();
  }

  /** The tokens by id, in GPT-2's printable byte alphabet (added tokens: as plain text). */
  get tokens(): readonly string[] {
    return this.#vocabulary.tokens;
  }

  /** The merges, the most preferred first, as lines `"left right"`. */
  get merges(): readonly string[] {
    return this.#vocabulary.merges;
  }

  /**
   * The kind of each token, as GGUF numbers them: 1 normal, 3 control, 4 user-defined, 5 unused. A
   * copy.
   */
  get tokenTypes(): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.#vocabulary.tokenTypes);
  }

  /** The number of tokens: 50,257 for GPT-2. */
  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  /**
   * Makes the tables for encoding now instead of at the first call of {@linkcode Tokenizer.encode},
   * and so checks the whole vocabulary.
   *
   * Throws a `FileFormatError` if it contradicts itself.
   */
  prepare(): this {
    if (this.#encoder === undefined) {
      const { byteIds, merges } = this.#vocabulary.makeEncoderTables();
      this.#encoder = new BytePairEncoder(byteIds, merges);
    }
    return this;
  }

  /**
   * The tokens of a text.
   *
   * Throws a `TypeError` for what is not a string or an option that there is not, and a `RangeError` for an `allowSpecial` that
   * is not a special token of this vocabulary.
   */
  encode(text: string, options?: EncodeOptions): number[] {
    if (typeof text !== "string") {
      throw new TypeError(`Cannot encode: the text is not a string: received ${typeof text}.`);
    }
    if (options !== undefined) checkOptions("encode", options, encodeRules);
    this.prepare();
    const ids: number[] = [];
    const recognized = this.#recognizedTokens(options?.allowSpecial ?? []);
    let start = 0;
    if (recognized.size > 0) {
      for (const match of text.matchAll(anyOf(recognized.keys()))) {
        this.#encodeText(text, start, match.index, ids);
        ids.push(recognized.get(match[0])!);
        start = match.index + match[0].length;
      }
    }
    this.#encodeText(text, start, text.length, ids);
    return ids;
  }

  /**
   * The text of tokens. Bytes that are not UTF-8, as when the tokens end within a character, become
   * U+FFFD; for tokens that arrive one by one use {@linkcode StreamDecoder}.
   *
   * Throws a `RangeError` for an id that is not in the vocabulary.
   */
  decode(ids: Iterable<number>): string {
    return utf8Decoder.decode(this.decodeBytes(ids));
  }

  /** The UTF-8 bytes of tokens. Throws a `RangeError` for an id that is not in the vocabulary. */
  decodeBytes(ids: Iterable<number>): Uint8Array<ArrayBuffer> {
    const { tokenBytes } = this.#vocabulary;
    if (typeof ids !== "object" || ids === null || !(Symbol.iterator in ids)) {
      throw new TypeError(
        `Cannot decode: the tokens must be an array of token ids: received ${describe(ids)}.`,
      );
    }
    const list = [...ids];
    let numBytes = 0;
    for (const id of list) {
      this.#checkId(id);
      numBytes += tokenBytes.lengthOf(id);
    }
    const bytes = new Uint8Array(numBytes);
    let end = 0;
    for (const id of list) end = tokenBytes.copyTo(bytes, end, id);
    return bytes;
  }

  /**
   * The bytes that a token stands for, which may be part of a character.
   *
   * Throws a `RangeError` for an id that is not in the vocabulary.
   */
  tokenBytes(id: number): Uint8Array<ArrayBuffer> {
    this.#checkId(id);
    return this.#vocabulary.bytesOf(id);
  }

  /**
   * A token as the vocabulary writes it, to show it: every byte is one visible character, a space
   * `Ġ`.
   *
   * Throws a `RangeError` for an id that is not in the vocabulary.
   */
  piece(id: number): string {
    this.#checkId(id);
    return this.#vocabulary.token(id);
  }

  /** The text of `vocab.json`, with which Hugging Face transformers loads this vocabulary. */
  toVocabJson(): string {
    return writeVocabJson(this);
  }

  /** The text of `merges.txt`, which goes with `vocab.json`. */
  toMergesText(): string {
    return writeMergesText(this);
  }

  /**
   * The text of `tokenizer.json`, with which Hugging Face transformers and tokenizers load this
   * tokenizer.
   */
  toTokenizerJson(): string {
    return writeTokenizerJson(this);
  }

  #has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.vocabSize;
  }

  #checkId(id: number): void {
    if (this.#has(id)) return;
    throw new InvalidArgumentError(
      `Cannot decode: there is no such token: received ${id}. Token ids are integers from 0 to ${
        this.vocabSize - 1
      }.`,
    );
  }

  #addedTokens(type: number): Map<string, number> {
    const { addedIds, tokenTypes } = this.#vocabulary;
    const ids = addedIds.filter((id) => tokenTypes[id] === type);
    return new Map(ids.map((id) => [this.#vocabulary.token(id), id]));
  }

  /** The tokens to look for in the text itself, by name. */
  #recognizedTokens(allowed: "all" | readonly string[]): ReadonlyMap<string, number> {
    const names = allowed === "all" ? this.specialTokens.keys() : allowed;
    const recognized = new Map(this.userDefinedTokens);
    for (const name of names) {
      const id = this.specialTokens.get(name);
      if (id === undefined) {
        const known = [...this.specialTokens.keys()].slice(0, 10).join(", ") || "none";
        throw new InvalidArgumentError(
          `Cannot encode: allowSpecial names a token that is not special: received ${
            JSON.stringify(name)
          }. The special tokens are: ${known}.`,
        );
      }
      recognized.set(name, id);
    }
    return recognized;
  }

  /** Adds the tokens of `text[start..end)`, in which no added token is recognized, to `ids`. */
  #encodeText(text: string, start: number, end: number, ids: number[]): void {
    while (start < end) {
      const next = pieceEnd(text, start, end);
      const piece = text.slice(start, next);
      const pieceIds = this.#rememberedPieces.get(piece) ?? this.#encodePiece(piece);
      for (const id of pieceIds) ids.push(id);
      start = next;
    }
  }

  #encodePiece(piece: string): readonly number[] {
    const bytes = utf8Encoder.encode(piece);
    const ids = this.#encoder!.encode(bytes);
    if (piece.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#rememberedPieces.size === MAX_REMEMBERED_PIECES) this.#rememberedPieces.clear();
      // A fresh string: V8 keeps a whole text in memory for the sake of a slice of it.
      this.#rememberedPieces.set(utf8Decoder.decode(bytes), ids);
    }
    return ids;
  }
}

async function loadGpt2Tokenizer(): Promise<Tokenizer> {
  try {
    return new Tokenizer(await loadGpt2Vocabulary()).prepare();
  } catch (error) {
    // A failure is not kept: the server may be back for the next call.
    gpt2Tokenizer = undefined;
    throw error;
  }
}

/** Matches any of the given texts, the longest of those that begin at the same place. */
function anyOf(texts: Iterable<string>): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(RegExp.escape).join("|"), "gu");
}
