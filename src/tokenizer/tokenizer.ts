/**
 * GPT-2's tokenizer: byte-level byte pair encoding.
 *
 * @module
 */

import { showFields } from "../base/show_fields.ts";
import {
  checkOptions,
  flag,
  list,
  type OptionRule,
  type OptionRules,
  text,
  texts,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { AddedToken, AddedTokenFlags } from "./added_tokens.ts";
import { Gpt2Vocabulary, loadGpt2Vocabulary } from "./gpt2_vocabulary.ts";
import {
  readTokenizerFiles,
  type TokenizerFiles,
  writeMergesText,
  writeTokenizerJson,
  writeVocabJson,
} from "./hugging_face_tokenizer.ts";
import { ListedVocabulary } from "./listed_vocabulary.ts";
import { TokenEncoder } from "./token_encoder.ts";
import { END_OF_TEXT, type TokenizerOptions, tokenType, type Vocabulary } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

export type { TokenizerFiles, TokenizerOptions };

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
    copy: (value) => Array.isArray(value) ? Array.from(value) : value,
  },
};

/** Whether it is in the vocabulary is checked elsewhere. */
const id: OptionRule = { meaning: "a number", isType: (value) => typeof value === "number" };

const vocabularyRules: OptionRules<TokenizerOptions> = {
  tokens: list,
  merges: list,
  tokenTypes: {
    meaning: "an array of numbers",
    isType: (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value),
  },
  addedTokenFlags: { meaning: "a Map", isType: (value) => value instanceof Map },
  endOfTextId: id,
  beginOfTextId: id,
  unknownId: id,
  addPrefixSpace: flag,
  path: text,
};

const fileRules: OptionRules<TokenizerFiles> = {
  tokenizerJson: text,
  vocabJson: text,
  mergesText: text,
  addedTokensJson: text,
  tokenizerConfigJson: text,
  specialTokensMapJson: text,
};

/** What cannot be done, in the messages of errors. */
const READ = "read the tokenizer";

/** So many tokens make a part of a long text. */
const IDS_PER_PART = 8192;

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
  /** All tokens that are looked for before all else, by id: the special and the user-defined ones. */
  readonly addedTokens: readonly AddedToken[];
  /** The token that is put before every prompt, for models that were trained so. GPT-2 has none. */
  readonly beginOfTextId: number | undefined;
  /** Whether a text that does not begin with a space gets one. GPT-2's does not. */
  readonly addPrefixSpace: boolean;
  /** The token that stands for bytes without one, if one does. GPT-2 has a token for every byte. */
  readonly unknownId: number | undefined;
  readonly #vocabulary: Vocabulary;
  readonly #encoder: TokenEncoder;

  /**
   * A tokenizer from a vocabulary as GGUF files hold it.
   *
   * Throws a `FileFormatError` if the vocabulary contradicts itself, and a `TypeError` for options of another type. What takes time to check is
   * checked at first use, or by {@linkcode Tokenizer.prepare}.
   */
  constructor(options: TokenizerOptions) {
    if (options instanceof Gpt2Vocabulary) {
      this.#vocabulary = options;
    } else {
      options = checkOptions(READ, options, vocabularyRules);
      requireAll(options, ["tokens", "merges"]);
      this.#vocabulary = new ListedVocabulary(options);
    }
    this.addedTokens = this.#listAdded(options.addedTokenFlags);
    const namesOf = (tokens: readonly AddedToken[]) =>
      new Map(tokens.map(({ content, id }) => [content, id]));
    this.specialTokens = namesOf(this.addedTokens.filter(({ special }) => special));
    this.userDefinedTokens = namesOf(this.addedTokens.filter(({ special }) => !special));
    const { endOfTextId = this.specialTokens.get(END_OF_TEXT), beginOfTextId, unknownId } = options;
    const named = {
      "end-of-text": endOfTextId,
      "begin-of-text": beginOfTextId,
      unknown: unknownId,
    };
    for (const [name, id] of Object.entries(named)) {
      if (id === undefined || this.#has(id)) continue;
      throw vocabularyError(`the ${name} token is not in the vocabulary`, id, options.path);
    }
    this.endOfTextId = endOfTextId;
    this.beginOfTextId = beginOfTextId;
    this.addPrefixSpace = options.addPrefixSpace ?? false;
    this.unknownId = unknownId;
    this.#encoder = new TokenEncoder(this.#vocabulary, this);
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
   * `<|endoftext|>` is a special token, and is added if the vocabulary does not have it. Lines of `merges.txt` may end in
   * CRLF, and the `#version` line may be missing. Throws a `FileFormatError` for anything that
   * contradicts itself.
   *
   * @param path where the files are, for error messages
   */
  static fromVocabAndMerges(vocabJson: string, mergesText: string, path?: string): Tokenizer {
    const files = { vocabJson, mergesText };
    requireAll(files, ["vocabJson", "mergesText"]);
    return Tokenizer.fromFiles(files, path);
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
    const files = { tokenizerJson: text };
    requireAll(files, ["tokenizerJson"]);
    return Tokenizer.fromFiles(files, path);
  }

  /**
   * A tokenizer from all files that a folder of Hugging Face has for it: besides the vocabulary there may be
   * `added_tokens.json`, `tokenizer_config.json` and `special_tokens_map.json`, which add tokens and say what tokens are for.
   *
   * Throws a `FileFormatError` as {@linkcode Tokenizer.fromTokenizerJson} does.
   *
   * @param path where the files are, for error messages
   */
  static fromFiles(files: TokenizerFiles, path?: string): Tokenizer {
    checkOptions(READ, { path }, { path: text });
    return new Tokenizer(readTokenizerFiles(checkOptions(READ, files, fileRules), path)).prepare();
  }

  /** The tokens by id, in GPT-2's printable byte alphabet (added tokens: as plain text). One that has no text may be empty. */
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

  /** The number of ids, those without a text included: 50,257 for GPT-2. */
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
    this.#encoder.prepare();
    return this;
  }

  /**
   * The tokens of a text.
   *
   * Throws a `TypeError` for what is not a string or an option that there is not, and a `RangeError` for an `allowSpecial` that
   * is not a special token of this vocabulary.
   */
  encode(text: string, options?: EncodeOptions): number[] {
    return this.#encodeBy(Infinity, text, options).next().value!;
  }

  /**
   * The tokens of a long text, some thousand at a time, so that they need not all be in memory. There is at least one part,
   * which may be empty.
   *
   * Throws as {@linkcode Tokenizer.encode} does.
   */
  encodeInParts(text: string, options?: EncodeOptions): Generator<number[], void> {
    return this.#encodeBy(IDS_PER_PART, text, options);
  }

  /**
   * The tokens of a text that a model is to continue: after the token that is put before every prompt, where there is one.
   * An empty text becomes the token that begins or ends texts.
   *
   * Throws as {@linkcode Tokenizer.encode} does.
   */
  encodePrompt(text: string, options?: EncodeOptions): number[] {
    const { beginOfTextId, endOfTextId } = this;
    const ids = this.encode(text, options);
    if (beginOfTextId !== undefined) ids.unshift(beginOfTextId);
    return ids.length === 0 && endOfTextId !== undefined ? [endOfTextId] : ids;
  }

  /**
   * The text of tokens. Bytes that are not UTF-8, as when the tokens end within a character, become
   * U+FFFD; for tokens that arrive one by one use {@linkcode StreamDecoder}.
   *
   * Throws a `RangeError` for an id that is not in the vocabulary, and for more text than JavaScript can hold in one.
   */
  decode(ids: Iterable<number>): string {
    const bytes = this.decodeBytes(ids);
    try {
      return utf8Decoder.decode(bytes);
    } catch (cause) {
      throw tooLong(bytes.length, cause);
    }
  }

  /**
   * The UTF-8 bytes of tokens. Throws a `RangeError` for an id that is not in the vocabulary, and for more bytes than there
   * is room for.
   */
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
    const bytes = bytesFor(numBytes);
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
    if (typeof id !== "number") {
      throw new TypeError(
        `Cannot decode: a token id must be a number: received ${describe(id)}.`,
      );
    }
    throw new InvalidArgumentError(
      `Cannot decode: there is no such token: received ${id}. Token ids are integers from 0 to ${
        this.vocabSize - 1
      }.`,
    );
  }

  #listAdded(flags: ReadonlyMap<number, AddedTokenFlags> = new Map()): AddedToken[] {
    const { addedIds, tokenTypes } = this.#vocabulary;
    return addedIds.filter((id) => tokenTypes[id] !== tokenType.unused).map((id) => ({
      id,
      content: this.#vocabulary.token(id),
      special: tokenTypes[id] === tokenType.control,
      flags: flags.get(id) ?? {},
    }));
  }

  /** The tokens of a text, in lists of at least that many. */
  #encodeBy(
    minIds: number,
    text: string,
    options: EncodeOptions | undefined,
  ): Generator<number[], void> {
    if (typeof text !== "string") {
      throw new TypeError(`Cannot encode: the text is not a string: received ${describe(text)}.`);
    }
    const { allowSpecial = [] } = options === undefined
      ? {}
      : checkOptions("encode", options, encodeRules);
    return this.#encoder.encode(text, allowSpecial, minIds);
  }
}

showFields(Tokenizer, ({ vocabSize, endOfTextId }) => ({ vocabSize, endOfTextId }));

/** Throws where one that is no choice is not given. */
function requireAll<T extends object>(options: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    if (options[name] !== undefined) continue;
    throw new TypeError(`Cannot ${READ}: ${name} is not given: received nothing.`);
  }
}

function bytesFor(numBytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(numBytes);
  } catch (cause) {
    throw tooLong(numBytes, cause);
  }
}

function tooLong(numBytes: number, cause: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `Cannot decode: the text would be too long: received tokens of ${numBytes} bytes. Decode fewer at a time.`,
    { cause },
  );
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
