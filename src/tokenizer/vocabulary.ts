/**
 * What a tokenizer asks of a byte-level BPE vocabulary.
 *
 * @module
 */

import type { AddedTokenFlags } from "./added_tokens.ts";
import type { EncoderTables } from "./byte_pair_encoder.ts";
import type { ByteStrings } from "./byte_strings.ts";

/** The kinds of token, with GGUF's numbers (`tokenizer.ggml.token_type`). */
export const tokenType = {
  /** Bytes, in the printable alphabet. */
  normal: 1,
  /** A special token: never made from text, unless the caller allows it. */
  control: 3,
  /** Text that becomes this token wherever it stands. */
  userDefined: 4,
  /**
   * An id without a text: a hole in the vocabulary, or a row that was added to the model so that their number is a round
   * one. No text becomes it, and it adds nothing to a text.
   */
  unused: 5,
} as const;

/** The text of GPT-2's only special token. */
export const END_OF_TEXT = "<|endoftext|>";

/** A byte-level BPE vocabulary in its canonical form, as a GGUF file holds it. */
export interface TokenizerOptions {
  /**
   * The tokens by id. Normal ones are in GPT-2's printable byte alphabet, where `Ġ` stands for a
   * space; the others are plain text. An unused one may have a label, or be empty.
   */
  tokens: readonly string[];
  /** The merges, the most preferred first, as lines `"left right"`. */
  merges: readonly string[];
  /**
   * The kind of each token: 1 normal, 3 control (special), 4 user-defined, 5 unused. By default
   * `<|endoftext|>` is control and everything else normal.
   */
  tokenTypes?: ArrayLike<number>;
  /** How tokens that are not normal ones are recognized, by id, where that is not plainly. */
  addedTokenFlags?: ReadonlyMap<number, AddedTokenFlags>;
  /** The id of the token that ends a text. By default that of `<|endoftext|>`, if there is one. */
  endOfTextId?: number;
  /** The id of a token that is put before every prompt. By default there is none: GPT-2 has none. */
  beginOfTextId?: number;
  /** The id of the token that stands for bytes without one. By default there is none: a text with such bytes is an error. */
  unknownId?: number;
  /** Whether a text that does not begin with a space gets one. Default: false, as for GPT-2. */
  addPrefixSpace?: boolean;
  /** The file that this came from, for error messages. */
  path?: string;
}

/** A vocabulary. What takes time to make and to check, waits until it is asked for. */
export interface Vocabulary {
  /** The number of ids. */
  readonly size: number;
  /** The tokens by id, as {@linkcode TokenizerOptions} has them. */
  readonly tokens: readonly string[];
  /** The merges as lines `"left right"`. */
  readonly merges: readonly string[];
  /** The kind of each token. */
  readonly tokenTypes: Uint8Array;
  /** The ids of all tokens that are not normal ones. */
  readonly addedIds: readonly number[];
  /** The bytes that each token stands for; none for an unused one. */
  readonly tokenBytes: ByteStrings;
  /** The bytes that one token stands for, in an array of their own. */
  bytesOf(id: number): Uint8Array<ArrayBuffer>;
  /** One of `tokens`. */
  token(id: number): string;
  /**
   * Makes the tables that the encoder works with.
   *
   * Throws a `FileFormatError` where the vocabulary contradicts itself.
   */
  makeEncoderTables(): EncoderTables;
}
