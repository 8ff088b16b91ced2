/**
 * Tokens as Hugging Face's files give them, one after another and from several files, brought into the order of their ids.
 *
 * @module
 */

import type { JsonObject, JsonValue } from "../base/strict_json.ts";
import type { AddedTokenFlags } from "./added_tokens.ts";
import { END_OF_TEXT, tokenType } from "./vocabulary.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/** More ids than tokens: a hole may be large, but not so large that memory is full of nothing. */
const MAX_HOLES = 100_000;

/** A token that is added, as a file describes it. */
export interface AddedTokenEntry {
  /** Its text. */
  readonly content: string;
  /** Its id, where the file gives one. */
  readonly id?: JsonValue;
  /** Whether it is a special token. */
  readonly special: boolean;
  /** How it is recognized, where the file says anything about that. */
  readonly flags?: AddedTokenFlags;
}

/** Collects tokens. */
export class TokenList {
  readonly #path: string | undefined;
  readonly #idOf = new Map<string, number>();
  readonly #added = new Map<string, AddedTokenEntry>();
  #largestId = -1;

  /** The tokens of the model itself: an object from tokens to ids. */
  constructor(vocab: JsonValue | undefined, name: string, path?: string) {
    this.#path = path;
    if (!(vocab instanceof Map)) throw vocabularyError(`${name} is not an object`, vocab, path);
    for (const [token, id] of vocab) this.#set(token, this.#checkId(token, id));
  }

  /**
   * Adds a token. One that is there already keeps its id, and is recognized before all else from then on; a new one has
   * the id after all others, as in transformers. A file that says something else is refused: transformers would use
   * another row of the model than whoever made the file meant.
   */
  add(entry: AddedTokenEntry): void {
    const { content, id } = entry;
    if (content === "") throw vocabularyError("an added token is empty", content, this.#path);
    const expected = this.#idOf.get(content) ?? this.#nextId();
    if (id !== undefined && this.#checkId(content, id) !== expected) {
      throw vocabularyError(
        `an added token has another id than the ${expected} that transformers gives it`,
        [content, id],
        this.#path,
      );
    }
    this.#set(content, expected);
    const before = this.#added.get(content);
    const isKept = before !== undefined &&
      (entry.flags === undefined || (before.special && !entry.special));
    this.#added.set(
      content,
      isKept ? { ...before, special: before.special || entry.special } : entry,
    );
  }

  /** Makes a token special, and adds it if it is not there. */
  addSpecial(content: string, flags: AddedTokenFlags = {}): void {
    this.add({ content, special: true, flags: this.#added.get(content)?.flags ?? flags });
  }

  /** The id of a token, if it is there. */
  idOf(content: string): number | undefined {
    return this.#idOf.get(content);
  }

  /** What was collected, by id. An id that no token has is one without a text. */
  finish(): {
    tokens: string[];
    tokenTypes: Uint8Array;
    addedTokenFlags: Map<number, AddedTokenFlags>;
  } {
    const size = this.#nextId();
    if (size > this.#idOf.size + MAX_HOLES) {
      throw vocabularyError(
        `the ids have gaps: the largest of ${this.#idOf.size} tokens has an id far past their number`,
        size - 1,
        this.#path,
      );
    }
    const tokens = new Array<string>(size).fill("");
    const tokenTypes = new Uint8Array(size).fill(tokenType.unused);
    for (const [token, id] of this.#idOf) {
      if (tokenTypes[id] !== tokenType.unused) {
        throw vocabularyError("two tokens have the same id", [tokens[id], token, id], this.#path);
      }
      tokens[id] = token;
      tokenTypes[id] = token === END_OF_TEXT ? tokenType.control : tokenType.normal;
    }
    const addedTokenFlags = new Map<number, AddedTokenFlags>();
    const entries = this.#added.values().toArray();
    // Who goes first matters only where some do.
    const goTogether = new Set(entries.map(({ flags }) => flags?.normalized ?? false)).size < 2;
    for (const { content, special, flags: given = {} } of entries) {
      const flags = goTogether ? { ...given, normalized: false } : given;
      const id = this.#idOf.get(content)!;
      tokenTypes[id] = special ? tokenType.control : tokenType.userDefined;
      if (Object.values(flags).includes(true)) addedTokenFlags.set(id, flags);
    }
    return { tokens, tokenTypes, addedTokenFlags };
  }

  #set(token: string, id: number): void {
    this.#idOf.set(token, id);
    this.#largestId = Math.max(this.#largestId, id);
  }

  #nextId(): number {
    return this.#largestId + 1;
  }

  #checkId(token: string, id: JsonValue): number {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) {
      throw vocabularyError("an id is not a whole number from 0 on", [token, id], this.#path);
    }
    return id;
  }
}

/**
 * The added token that a JSON value describes: an object with `content`, or just its text.
 *
 * @param isSpecial whether one that does not say is special
 */
export function readAddedToken(
  value: JsonValue,
  isSpecial: boolean,
  path?: string,
): AddedTokenEntry {
  if (typeof value === "string") return { content: value, special: isSpecial };
  const content = value instanceof Map ? value.get("content") : undefined;
  if (!(value instanceof Map) || typeof content !== "string") {
    throw vocabularyError("an added token has no content", value, path);
  }
  return {
    content,
    id: value.get("id"),
    special: (value.get("special") ?? isSpecial) === true,
    flags: readFlags(value),
  };
}

function readFlags(token: JsonObject): AddedTokenFlags {
  const has = (key: string) => token.get(key) === true;
  return {
    ...(has("lstrip") && { lstrip: true }),
    ...(has("rstrip") && { rstrip: true }),
    ...(has("single_word") && { singleWord: true }),
    ...(has("normalized") && { normalized: true }),
  };
}
