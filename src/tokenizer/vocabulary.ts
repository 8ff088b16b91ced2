/**
 * A byte-level BPE vocabulary in its canonical form, which is what GGUF and Hugging Face files
 * hold.
 *
 * @module
 */

import type { FileFormatError } from "../errors.ts";
import { byteOf } from "./byte_alphabet.ts";
import { ByteStrings } from "./byte_strings.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/** The kinds of token, with GGUF's numbers (`tokenizer.ggml.token_type`). */
export const tokenType = {
  /** Bytes, in the printable alphabet. */
  normal: 1,
  /** A special token: never made from text, unless the caller allows it. */
  control: 3,
  /** Text that becomes this token wherever it stands. */
  userDefined: 4,
  /** An id without a meaning, as in a padded vocabulary. */
  unused: 5,
} as const;

const knownTokenTypes: readonly number[] = Object.values(tokenType);

/** The text of GPT-2's only special token. */
export const END_OF_TEXT = "<|endoftext|>";

/** A byte-level BPE vocabulary in its canonical form, as a GGUF file holds it. */
export interface TokenizerOptions {
  /**
   * The tokens by id. Normal ones are in GPT-2's printable byte alphabet, where `Ġ` stands for a
   * space; the others are plain text.
   */
  tokens: readonly string[];
  /**
   * The merges, the most preferred first, as lines `"left right"`; or, compactly, as the token ids
   * of left and right, one pair after the other.
   */
  merges: readonly string[] | Uint16Array;
  /**
   * The kind of each token: 1 normal, 3 control (special), 4 user-defined, 5 unused. By default
   * `<|endoftext|>` is control and everything else normal.
   */
  tokenTypes?: ArrayLike<number>;
  /** The id of the token that ends a text. By default that of `<|endoftext|>`, if there is one. */
  endOfTextId?: number;
  /** The file that this came from, for error messages. */
  path?: string;
}

/** A vocabulary. What takes time to make and to check, waits until it is asked for. */
export class Vocabulary {
  /** The tokens by id, as given. */
  readonly tokens: readonly string[];
  /** The kind of each token. */
  readonly tokenTypes: Uint8Array;
  /** The ids of all tokens that are not normal ones. */
  readonly addedIds: readonly number[];
  /** The merges as pairs of ids, where they were given as such. */
  readonly packedMerges?: Uint16Array;
  readonly #path?: string;
  #merges?: readonly string[];
  #tokenBytes?: ByteStrings;

  /** Checks only the kinds of the tokens. */
  constructor(options: TokenizerOptions) {
    this.tokens = options.tokens;
    if (options.merges instanceof Uint16Array) this.packedMerges = options.merges;
    else this.#merges = options.merges;
    this.#path = options.path;
    this.tokenTypes = this.#readTypes(options.tokenTypes);
    this.addedIds = [...tokensOtherThanNormal(this.tokenTypes)];
  }

  /** The merges as lines `"left right"`. */
  get merges(): readonly string[] {
    return this.#merges ??= this.#writeMerges(this.packedMerges!);
  }

  /** The bytes that each token stands for. */
  get tokenBytes(): ByteStrings {
    return this.#tokenBytes ??= this.#readTokens();
  }

  /** The error for what is wrong with this vocabulary. Throw it. */
  error(what: string, received: unknown): FileFormatError {
    return vocabularyError(what, received, this.#path);
  }

  #writeMerges(pairs: Uint16Array): string[] {
    const { tokens } = this;
    const lines: string[] = [];
    for (let at = 0; at < pairs.length; at += 2) {
      lines.push(`${tokens[pairs[at]]} ${tokens[pairs[at + 1]]}`);
    }
    return lines;
  }

  #readTypes(given?: ArrayLike<number>): Uint8Array {
    const { tokens } = this;
    const types = new Uint8Array(tokens.length).fill(tokenType.normal);
    if (given === undefined) {
      const endOfText = tokens.indexOf(END_OF_TEXT);
      if (endOfText >= 0) types[endOfText] = tokenType.control;
      return types;
    }
    if (given.length !== tokens.length) {
      throw this.error(`there are ${tokens.length} tokens, and not as many types`, given.length);
    }
    for (let id = 0; id < types.length; id++) {
      if (!knownTokenTypes.includes(given[id])) {
        throw this.error(`the type of token ${id} is none of ${knownTokenTypes}`, given[id]);
      }
      types[id] = given[id];
    }
    return types;
  }

  #readTokens(): ByteStrings {
    const { tokens, tokenTypes } = this;
    let capacity = 0;
    for (let id = 0; id < tokens.length; id++) {
      if (typeof tokens[id] !== "string") throw this.error(`token ${id} is not text`, tokens[id]);
      capacity += 3 * tokens[id].length; // as UTF-8
    }
    const bytes = new Uint8Array(capacity);
    const starts = new Uint32Array(tokens.length + 1);
    const encoder = new TextEncoder();
    let end = 0;
    for (let id = 0; id < tokens.length; id++) {
      const token = tokens[id];
      if (token === "") throw this.error(`token ${id} is empty`, token);
      if (tokenTypes[id] === tokenType.normal) {
        for (let at = 0; at < token.length; at++) {
          const byte = byteOf(token.charCodeAt(at));
          if (byte < 0) {
            throw this.error(`token ${id} has a character outside the byte alphabet`, token);
          }
          bytes[end++] = byte;
        }
      } else {
        if (!token.isWellFormed()) throw this.error(`token ${id} has half a character`, token);
        end += encoder.encodeInto(token, bytes.subarray(end)).written;
      }
      starts[id + 1] = end;
    }
    return new ByteStrings(bytes.slice(0, end), starts);
  }
}

function* tokensOtherThanNormal(tokenTypes: Uint8Array): Generator<number> {
  for (let id = 0; id < tokenTypes.length; id++) {
    if (tokenTypes[id] !== tokenType.normal) yield id;
  }
}
