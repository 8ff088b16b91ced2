/**
 * JSON from files that may be hostile. `JSON.parse` keeps the last of several equal keys without a word, gives `__proto__`
 * a life of its own in code that copies objects, and follows any depth; this parser refuses all three.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { openRegularFile } from "./byte_source.ts";
import { formatError, quote } from "./describe.ts";
import { recognizeForeignContent } from "./foreign_content.ts";
import { NumberKeys } from "./number_keys.ts";

/** A JSON value. Objects are Maps, so that no key means anything special. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object. */
export type JsonObject = Map<string, JsonValue>;

const MAX_DEPTH = 64;
const MAX_VALUES = 1_000_000;
/** Fewer keys are fast however they are chosen. */
const MANY_KEYS = 512;
const MAX_NUMBER_CHARACTERS = 64;
const SHOWN_CHARACTERS = 24;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Refuses invalid UTF-8. A byte order mark is kept, and then refused by the parser, as JSON has none. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses JSON strictly: no equal keys in an object, no key `__proto__`, no half surrogate pairs, at most 64 levels and
 * 1,000,000 values.
 *
 * @throws {SyntaxError} at the first thing that is wrong, with its position
 */
export function parseStrictJson(text: string): JsonValue {
  return new JsonScanner(text, false).document();
}

/**
 * Reads a JSON file.
 *
 * @param options `maxBytes`: the largest file that is read at all, 64 MiB unless given
 * @throws {FileFormatError} if the file is too large, something else (an HTML page, a Git-LFS pointer), or not strict JSON
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function readJsonFile(path: string, options: { maxBytes?: number } = {}): JsonValue {
  using source = openRegularFile(path);
  const { maxBytes = DEFAULT_MAX_BYTES } = options;
  if (source.size > maxBytes) {
    throw formatError(
      "JSON",
      path,
      `it is larger than ${maxBytes} bytes`,
      source.size,
      "Check what this file is.",
    );
  }
  return decodeJson("JSON", "the file", source, source.read(0, source.size));
}

/**
 * Decodes and parses JSON that lies in a file.
 *
 * @param format what the file is read as, for messages
 * @param subject what the JSON is in it: the file, the header
 * @param source where the bytes come from: asked whether the file is something else altogether
 * @throws {FileFormatError} if the bytes are not UTF-8, or not strict JSON
 */
export function decodeJson(
  format: string,
  subject: string,
  source: ByteSource,
  bytes: Uint8Array,
): JsonValue {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw recognizeForeignContent(format, source) ??
      formatError(
        format,
        source.path,
        `${subject} is not valid UTF-8`,
        bytes.length,
        source.advice,
      );
  }
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw recognizeForeignContent(format, source) ??
      formatError(
        format,
        source.path,
        `${subject} is not valid JSON: ${error.what}`,
        error.found,
        source.advice,
      );
  }
}

/**
 * Parses JSON whose keys are words of a language, of which `__proto__` may be one: no harm is done by it in a Map.
 *
 * @param error makes the error for what is wrong: in words, after "it is"
 * @throws what `error` makes
 */
export function parseJsonOfWords(
  text: string,
  error: (what: string, found: string) => Error,
): JsonValue {
  try {
    return new JsonScanner(text, true).document();
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    if (text.startsWith("version https://git-lfs")) {
      throw error("a Git LFS pointer, not the file itself", text.slice(0, SHOWN_CHARACTERS));
    }
    if (text.trimStart().startsWith("<")) {
      throw error("a web page, not the file itself", text.slice(0, SHOWN_CHARACTERS));
    }
    throw error(`not valid JSON: ${cause.what}`, cause.found);
  }
}

class JsonScanner {
  #text: string;
  #position = 0;
  #numValues = 0;
  readonly #allowsProto: boolean;

  constructor(text: string, allowsProto: boolean) {
    this.#text = text;
    this.#allowsProto = allowsProto;
  }

  document(): JsonValue {
    const value = this.#value(0);
    if (this.#next() !== "") throw this.#error("something follows the value");
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth >= MAX_DEPTH) throw this.#error(`it is nested deeper than ${MAX_DEPTH} levels`);
    if (++this.#numValues > MAX_VALUES) throw this.#error(`it has more than ${MAX_VALUES} values`);
    switch (this.#next()) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    let numberKeys: NumberKeys | undefined;
    this.#expect("{");
    if (this.#skip("}")) return object;
    do {
      if (this.#next() !== '"') throw this.#error("a key is missing");
      const key = this.#string();
      if (key === "__proto__" && !this.#allowsProto) {
        throw this.#error('the key "__proto__" is not allowed');
      }
      if (object.size >= MANY_KEYS && (numberKeys ??= new NumberKeys()).isFlooded(key)) {
        throw this.#error("too many keys are numbers alike");
      }
      if (object.has(key)) throw this.#error(`the key ${quote(key)} is there twice`);
      this.#expect(":");
      object.set(key, this.#value(depth + 1));
    } while (this.#skip(","));
    this.#expect("}");
    return object;
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.#expect("[");
    if (this.#skip("]")) return array;
    do array.push(this.#value(depth + 1)); while (this.#skip(","));
    this.#expect("]");
    return array;
  }

  #string(): string {
    const start = this.#position;
    let end = start + 1;
    let escaped = false;
    for (; this.#text[end] !== '"'; end++) {
      const code = this.#text.charCodeAt(end);
      // NaN, past the end of the text, is refused here too.
      if (!(code >= 0x20)) throw this.#error("a string has no end, or a control character");
      if (code === 0x5c) {
        escaped = true;
        end++;
      }
    }
    this.#position = end + 1;
    const string = escaped ? this.#unescape(start, end + 1) : this.#text.slice(start + 1, end);
    if (!string.isWellFormed()) throw this.#error("a string has half a surrogate pair");
    return string;
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.#text.slice(start, end));
    } catch {
      throw this.#error("a string has an unknown escape");
    }
  }

  #number(): number {
    const start = this.#position;
    let end = start;
    while (
      end - start <= MAX_NUMBER_CHARACTERS && "+-.0123456789eE".includes(this.#text[end] || " ")
    ) end++;
    const digits = this.#text.slice(start, end);
    if (!NUMBER.test(digits)) throw this.#error("a value is missing or not JSON");
    const number = Number(digits);
    if (!Number.isFinite(number)) throw this.#error("a number is too large");
    this.#position = end;
    return number;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) {
      throw this.#error("a value is missing or not JSON");
    }
    this.#position += word.length;
    return value;
  }

  /** The next character that is not white space, without stepping over it; "" at the end. */
  #next(): string {
    while (" \t\n\r".includes(this.#text[this.#position] || "x")) this.#position++;
    return this.#text[this.#position] ?? "";
  }

  /** Steps over the character if it comes next. */
  #skip(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#position++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) throw this.#error(`${quote(character)} is missing`);
  }

  #error(what: string): JsonError {
    const found = this.#text.slice(this.#position, this.#position + SHOWN_CHARACTERS);
    return new JsonError(`${what} at position ${this.#position}`, found);
  }
}

/** A SyntaxError that keeps its parts, for messages that also name the file. */
class JsonError extends SyntaxError {
  readonly what: string;
  readonly found: string;

  constructor(what: string, found: string) {
    super(`Cannot parse JSON: ${what}: received ${quote(found)}`);
    this.what = what;
    this.found = found;
  }
}
