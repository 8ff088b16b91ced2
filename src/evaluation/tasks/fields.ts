/**
 * The fields of a line that is a JSON object.
 *
 * @module
 */
import { describe, quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../../base/strict_json.ts";

/** Reads the fields of one object, and refuses what is not as it should be, naming file, line and field. */
export class Fields {
  /** Where the object is. */
  readonly line: number;
  readonly #path: string;
  readonly #object: JsonObject;
  /** What leads to the object: `question.`. */
  readonly #prefix: string;

  private constructor(path: string, line: number, object: JsonObject, prefix: string) {
    this.#path = path;
    this.line = line;
    this.#object = object;
    this.#prefix = prefix;
  }

  /**
   * Those of a line.
   *
   * @param path the file that it is from
   * @param line its number, from 1
   * @throws {FileFormatError} if it is not a JSON object
   */
  static parse(text: string, path: string, line: number): Fields {
    let value: JsonValue;
    try {
      value = parseStrictJson(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw lineError(path, line, "it is not JSON", describe(text), "Correct that line.", error);
    }
    if (value instanceof Map) return new Fields(path, line, value, "");
    throw lineError(path, line, "it is not a JSON object", describe(text), "Correct that line.");
  }

  /** Whether there is a field. */
  has(name: string): boolean {
    return this.#object.has(name);
  }

  /** A field that is a text. */
  text(name: string): string {
    const value = this.#object.get(name);
    return typeof value === "string" ? value : this.refuse(name, "is not a text");
  }

  /** Whether a field is a text. */
  isText(name: string): boolean {
    return typeof this.#object.get(name) === "string";
  }

  /** A field that is a list of texts, at least `min` of them. */
  texts(name: string, min: number): string[] {
    const value = this.#list(name, min);
    const texts = value.filter((each) => typeof each === "string");
    return texts.length === value.length ? texts : this.refuse(name, "is not a list of texts");
  }

  /** A field that is an object. */
  object(name: string): Fields {
    const value = this.#object.get(name);
    if (!(value instanceof Map)) return this.refuse(name, "is not an object");
    return new Fields(this.#path, this.line, value, `${this.#prefix}${name}.`);
  }

  /** A field that is a list of objects, at least `min` of them. */
  objects(name: string, min: number): Fields[] {
    return this.#list(name, min).map((value, i) =>
      value instanceof Map
        ? new Fields(this.#path, this.line, value, `${this.#prefix}${name}[${i}].`)
        : this.refuse(name, "is not a list of objects")
    );
  }

  /** A field that says which of `count` choices is the right one: a number from 0, also as a text. */
  index(name: string, count: number): number {
    const value = this.#object.get(name);
    const index = indexOf(value, count);
    return index ?? this.refuse(name, `is not a number from 0 to ${count - 1}`);
  }

  /**
   * Throws the error that a field is not as it should be.
   *
   * @throws {FileFormatError}
   */
  refuse(name: string, problem: string, advice = "Check the task, and correct that line."): never {
    const value = this.#object.get(name);
    const shown = value instanceof Map ? "an object" : describe(value);
    throw lineError(this.#path, this.line, `"${this.#prefix}${name}" ${problem}`, shown, advice);
  }

  #list(name: string, min: number): JsonValue[] {
    const value = this.#object.get(name);
    if (!Array.isArray(value)) return this.refuse(name, "is not a list");
    return value.length >= min ? value : this.refuse(name, `has fewer than ${min} elements`);
  }
}

/** Which of `count` choices a number is, also one that is written as a text; nothing if none. */
export function indexOf(value: JsonValue | undefined, count: number): number | undefined {
  const number = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) return undefined;
  return number >= 0 && number < count ? number : undefined;
}

/** The error for a line of a benchmark. */
export function lineError(
  path: string,
  line: number,
  problem: string,
  received: string,
  advice: string,
  cause?: unknown,
): FileFormatError {
  return new FileFormatError(
    `Cannot read line ${line} of ${quotePath(path)}: ${problem}: received ${received}. ${advice}`,
    { path, cause },
  );
}
