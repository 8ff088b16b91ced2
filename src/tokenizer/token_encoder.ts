/**
 * Text into the tokens of a vocabulary.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { type AddedToken, AddedTokenMatcher } from "./added_tokens.ts";
import { BytePairEncoder, MissingByteError } from "./byte_pair_encoder.ts";
import { pieceEnd } from "./pre_tokenizer.ts";
import { UnknownCharacterError } from "./unknown_character_error.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A part of a text in which no added token is recognized, and the one behind it, if one is. */
interface Section {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly addedId?: number;
  /** How much further on in its text a place of this section is. */
  readonly offset: number;
}

/**
 * How long a piece (in UTF-16 code units) may be, and how many there may be, for its tokens to be
 * remembered.
 */
const MAX_REMEMBERED_LENGTH = 32;
const MAX_REMEMBERED_PIECES = 65_536;

/** A longer piece (in UTF-16 code units) is encoded in parts where parts are asked for. */
const MAX_LENGTH_AT_ONCE = 32_768;

/** Each way to allow special tokens has its own tables. */
const MAX_MATCHERS = 16;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** How a tokenizer treats what is no piece of text. */
export interface EncodingRules {
  /** The tokens, by name, that are looked for only where that is allowed. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** All tokens that are looked for before all else. */
  readonly addedTokens: readonly AddedToken[];
  /** Whether a text that does not begin with a space gets one. */
  readonly addPrefixSpace: boolean;
  /** The token that stands for bytes without one, if one does. */
  readonly unknownId: number | undefined;
}

/**
 * Encodes texts: looks for added tokens, cuts what is between them into pieces, and merges the bytes of each piece. Its tables
 * are made when they are first needed, and what was met before is remembered.
 */
export class TokenEncoder {
  readonly #vocabulary: Vocabulary;
  readonly #rules: EncodingRules;
  #bytePairs?: BytePairEncoder;
  /** By the special tokens that are looked for beside the user-defined ones. */
  readonly #matchers = new Map<string, AddedTokenMatcher>();
  /** The tokens of pieces met before: words come back. */
  readonly #rememberedPieces = new Map<string, readonly number[]>();

  /** Makes no table yet. */
  constructor(vocabulary: Vocabulary, rules: EncodingRules) {
    this.#vocabulary = vocabulary;
    this.#rules = rules;
  }

  /**
   * Makes the tables now.
   *
   * @throws {FileFormatError} if the vocabulary contradicts itself
   */
  prepare(): void {
    if (this.#bytePairs !== undefined) return;
    const tables = this.#vocabulary.makeEncoderTables();
    const { unknownId } = this.#rules;
    const byteIds = unknownId === undefined
      ? tables.byteIds
      : tables.byteIds.map((id) => id < 0 ? unknownId : id);
    this.#bytePairs = new BytePairEncoder({ ...tables, byteIds });
  }

  /**
   * The tokens of a text, in lists of at least `minIds`; where that is not `Infinity`, in smaller ones, too, some of which are
   * empty, so that none takes long.
   *
   * @param allowed the special tokens to recognize
   * @throws {RangeError} if one of these is no special token
   */
  encode(
    text: string,
    allowed: "all" | readonly string[],
    minIds: number,
  ): Generator<number[], void> {
    const matcher = this.#matcher(allowed);
    this.prepare();
    return this.#encodeSections(minIds, this.#sections(text, matcher));
  }

  /** What looks for tokens in the text itself. */
  #matcher(allowed: "all" | readonly string[]): AddedTokenMatcher {
    const names = allowed === "all" ? [...this.#rules.specialTokens.keys()] : allowed;
    for (const name of names) {
      if (this.#rules.specialTokens.has(name)) continue;
      const known = [...this.#rules.specialTokens.keys()].slice(0, 10).join(", ") || "none";
      throw new InvalidArgumentError(
        `Cannot encode: allowSpecial names a token that is not special: received ${
          quote(String(name))
        }. The special tokens are: ${known}.`,
      );
    }
    const key = allowed === "all" ? allowed : JSON.stringify(names);
    let matcher = this.#matchers.get(key);
    if (matcher === undefined) {
      const wanted = new Set(names);
      const isWanted = ({ special, content }: AddedToken) => !special || wanted.has(content);
      matcher = new AddedTokenMatcher(this.#rules.addedTokens.filter(isWanted));
      if (this.#matchers.size === MAX_MATCHERS) this.#matchers.clear();
      this.#matchers.set(key, matcher);
    }
    return matcher;
  }

  *#encodeSections(minIds: number, sections: Iterable<Section>): Generator<number[], void> {
    const maxLength = minIds === Infinity ? Infinity : MAX_LENGTH_AT_ONCE;
    let ids: number[] = [];
    for (const section of sections) {
      const { text, start, end, offset, addedId } = section;
      let at = start;
      do {
        at = this.#encodeText(section, at, ids, minIds, maxLength);
        const isLong = ids.length < minIds && at < end;
        if (ids.length < minIds && !isLong) continue;
        yield ids;
        ids = [];
        if (!isLong) continue;
        const next = pieceEnd(text, at, end);
        yield* this.#encodeLongPiece(text.slice(at, next), at + offset);
        at = next;
      } while (at < end);
      if (addedId !== undefined) ids.push(addedId);
    }
    yield ids;
  }

  /** A text as its parts between added tokens. */
  *#sections(text: string, matcher: AddedTokenMatcher): Generator<Section> {
    let from = 0;
    for (const { id, start, end } of matcher.find(text)) {
      yield this.#section(text, from, start, id);
      from = end;
    }
    yield this.#section(text, from, text.length);
  }

  #section(text: string, start: number, end: number, addedId?: number): Section {
    if (!this.#rules.addPrefixSpace || start === end || text[start] === " ") {
      return { text, start, end, addedId, offset: 0 };
    }
    const part = " " + text.slice(start, end);
    return { text: part, start: 0, end: part.length, addedId, offset: start - 1 };
  }

  /**
   * Adds the tokens of a section, from `start` on, to `ids`, until there are enough, or a piece is longer than `maxLength`.
   * Returns how far it came.
   */
  #encodeText(
    { text, end, offset }: Section,
    start: number,
    ids: number[],
    enough: number,
    maxLength: number,
  ): number {
    while (start < end && ids.length < enough) {
      const next = pieceEnd(text, start, end);
      if (next - start > maxLength) break;
      const piece = text.slice(start, next);
      const pieceIds = this.#rememberedPieces.get(piece) ??
        this.#encodePiece(piece, start + offset);
      for (const id of pieceIds) ids.push(id);
      start = next;
    }
    return start;
  }

  /** The tokens of a piece that begins at a place of the text. */
  #encodePiece(piece: string, place: number): readonly number[] {
    const bytes = utf8Encoder.encode(piece);
    const ids = this.#encodeBytes(bytes, place);
    if (piece.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#rememberedPieces.size === MAX_REMEMBERED_PIECES) this.#rememberedPieces.clear();
      // A fresh string: V8 keeps a whole text in memory for the sake of a slice of it.
      this.#rememberedPieces.set(utf8Decoder.decode(bytes), ids);
    }
    return ids;
  }

  #encodeBytes(bytes: Uint8Array<ArrayBuffer>, place: number): number[] {
    try {
      return this.#bytePairs!.encode(bytes);
    } catch (error) {
      throw namingCharacter(error, bytes, place);
    }
  }

  *#encodeLongPiece(piece: string, place: number): Generator<number[], void> {
    const bytes = utf8Encoder.encode(piece);
    try {
      yield* this.#bytePairs!.encodeInParts(bytes);
    } catch (error) {
      throw namingCharacter(error, bytes, place);
    }
  }
}

/** The error for a byte of a piece without a token, as who has written the text sees it. */
function namingCharacter(error: unknown, bytes: Uint8Array<ArrayBuffer>, place: number): unknown {
  if (!(error instanceof MissingByteError)) return error;
  let start = error.at;
  while (bytes[start] >> 6 === 0b10) start--; // Within a character.
  const before = utf8Decoder.decode(bytes.subarray(0, start));
  const [character] = utf8Decoder.decode(bytes.subarray(start));
  return new UnknownCharacterError(character, place + before.length);
}
