/**
 * The keys of a configuration of Hugging Face, checked as they are asked for.
 *
 * @module
 */
import type { FileFormatError } from "../../base/errors.ts";
import { formatError } from "../../base/describe.ts";
import type { JsonObject, JsonValue } from "../../base/strict_json.ts";

const ADVICE = "Use the unchanged config.json of a GPT-2 checkpoint.";

/** One configuration. An absent key and null are the same, as in transformers, and give the default. */
export class ConfigKeys {
  readonly #path: string;
  readonly #values: JsonObject;

  /**
   * @param path where the JSON comes from, for messages
   * @param aliases other names of keys, by these
   * @throws {FileFormatError} if it is no object, or has a key under two names with different values
   */
  constructor(json: JsonValue, path: string, aliases: Readonly<Record<string, string>> = {}) {
    this.#path = path;
    if (!(json instanceof Map)) throw this.error("it must hold a JSON object", json);
    this.#values = new Map(json);
    for (const [alias, name] of Object.entries(aliases)) this.#merge(alias, name);
  }

  /** The error for what is wrong. Throw it. */
  error(what: string, received: unknown): FileFormatError {
    return formatError("a GPT-2 configuration", this.#path, what, received, ADVICE);
  }

  /** Whether the key is there, be it null. */
  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The value of a key; null if it is absent. */
  get(key: string): JsonValue {
    return this.#values.get(key) ?? null;
  }

  /** A positive integer. */
  size(key: string, fallback: number, max: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > max) {
      throw this.error(`${key} must be an integer from 1 to ${max}`, value);
    }
    return value;
  }

  /** A number of at least 0 and below 1. */
  fraction(key: string, fallback: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "number" || !(value >= 0 && value < 1)) {
      throw this.error(`${key} must be at least 0 and below 1`, value);
    }
    return value;
  }

  /** True or false. */
  flag(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "boolean") throw this.error(`${key} must be true or false`, value);
    return value;
  }

  /** What the value of a key stands for. Values without a meaning are refused; the first one is the default. */
  choice<T>(key: string, meanings: Readonly<Record<string, T>>): T {
    const value = this.get(key) ?? Object.keys(meanings)[0];
    if (Object.hasOwn(meanings, String(value))) return meanings[String(value)];
    const expected = Object.keys(meanings).join(" or ");
    throw this.error(`${key} must be ${expected}: nothing else is supported`, value);
  }

  #merge(alias: string, name: string): void {
    const value = this.get(alias);
    if (value === null) return;
    const other = this.#values.get(name) ?? value;
    if (other !== value) {
      throw this.error(`${alias} is another name of ${name}, which is ${String(other)}`, value);
    }
    this.#values.set(name, value);
  }
}
