/**
 * A vocabulary given as lists of tokens and merges, which is what GGUF and Hugging Face files hold.
 *
 * @module
 */

import type { FileFormatError } from "../base/errors.ts";
import { NumberKeys } from "../base/number_keys.ts";
import { byteOf } from "./byte_alphabet.ts";
import { ByteStrings, CollisionError } from "./byte_strings.ts";
import type { EncoderTables } from "./byte_pair_encoder.ts";
import { makeEncoderTables, type VocabularyLists } from "./encoder_tables.ts";
import { END_OF_TEXT, type TokenizerOptions, tokenType, type Vocabulary } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/** What all added tokens together may be long: theirs are short words. */
const MAX_ADDED_CHARACTERS = 2 ** 20;

const knownTokenTypes: readonly number[] = Object.values(tokenType);

/** A vocabulary given as lists. */
export class ListedVocabulary implements Vocabulary, VocabularyLists {
  /** The tokens by id, as given. */
  readonly tokens: readonly string[];
  /** The merges, as given. */
  readonly merges: readonly string[];
  /** The kind of each token. */
  readonly tokenTypes: Uint8Array;
  /** The ids of all tokens that are not normal ones. */
  readonly addedIds: readonly number[];
  readonly #path?: string;
  #tokenBytes?: ByteStrings;
  #addedAndMerged?: ReadonlySet<number>;

  /** Checks only the kinds of the tokens, and that those to look for in every text are words and not books. */
  constructor(options: TokenizerOptions) {
    this.tokens = options.tokens;
    this.merges = options.merges;
    this.#path = options.path;
    this.tokenTypes = this.#readTypes(options.tokenTypes);
    this.addedIds = [...tokensOtherThanNormal(this.tokenTypes)];
    this.#checkAdded();
  }

  /** The number of tokens. */
  get size(): number {
    return this.tokens.length;
  }

  /** The bytes that each token stands for. */
  get tokenBytes(): ByteStrings {
    return this.#tokenBytes ??= this.#readTokens();
  }

  /** The bytes that one token stands for, in an array of their own. */
  bytesOf(id: number): Uint8Array<ArrayBuffer> {
    return this.tokenBytes.at(id).slice();
  }

  /** A token, as given. */
  token(id: number): string {
    return this.tokens[id];
  }

  /** Makes the tables that the encoder works with. Throws a `FileFormatError` where the lists contradict themselves. */
  makeEncoderTables(): EncoderTables {
    try {
      return makeEncoderTables(this);
    } catch (error) {
      if (!(error instanceof CollisionError)) throw error;
      throw this.error("its tokens were made to slow down whoever looks them up", this.size);
    }
  }

  /**
   * Whether text becomes this token by merging its bytes. So do normal tokens, and added ones that are entries of the
   * vocabulary as well: a model padded with `!` still reads and writes that.
   */
  isMadeOfBytes(id: number): boolean {
    if (this.tokenTypes[id] === tokenType.normal) return true;
    return (this.#addedAndMerged ??= this.#findAddedAndMerged()).has(id);
  }

  /** The error for what is wrong with this vocabulary. Throw it. */
  error(what: string, received: unknown): FileFormatError {
    return vocabularyError(what, received, this.#path);
  }

  #checkAdded(): void {
    let numCharacters = 0;
    const numberKeys = new NumberKeys();
    for (const id of this.addedIds) {
      const token = this.tokens[id];
      if (typeof token !== "string") throw this.error(`token ${id} is not text`, token);
      if (this.tokenTypes[id] === tokenType.unused) continue;
      numCharacters += token.length;
      if (numberKeys.isFlooded(token)) {
        throw this.error("too many added tokens are numbers alike", token);
      }
    }
    if (numCharacters <= MAX_ADDED_CHARACTERS) return;
    throw this.error(
      `its added tokens have more than ${MAX_ADDED_CHARACTERS} characters`,
      numCharacters,
    );
  }

  /** The added tokens that are a byte, or what a merge makes. */
  #findAddedAndMerged(): Set<number> {
    const idOf = new Map<string, number>();
    const found = new Set<number>();
    for (const id of this.addedIds) {
      const token = this.tokens[id];
      if (this.tokenTypes[id] === tokenType.unused) continue;
      if (token.length === 1 && byteOf(token.charCodeAt(0)) >= 0) found.add(id);
      else idOf.set(token, id);
    }
    // Most merges make something longer or shorter, which tells faster than putting the parts together.
    const lengths = new Set(Array.from(idOf.keys(), (token) => token.length));
    for (const line of this.merges) {
      if (typeof line !== "string" || !lengths.has(line.length - 1)) continue;
      const id = idOf.get(line.replace(" ", ""));
      if (id !== undefined) found.add(id);
    }
    return found;
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
      if (tokenTypes[id] === tokenType.unused) {
        // No bytes.
      } else if (token === "") {
        throw this.error(`token ${id} is empty`, token);
      } else if (this.isMadeOfBytes(id)) {
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
