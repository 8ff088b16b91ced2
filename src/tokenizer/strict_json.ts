/**
 * JSON from a file that nobody vouches for.
 *
 * @module
 */

import { vocabularyError } from "./vocabulary_error.ts";

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Whether a JSON value is an object, not an array and not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses the text of a file that holds one JSON object. Throws a `FileFormatError` that says what
 * the file is instead, or that an object in it has the same key twice: `JSON.parse` would keep the
 * last one and lose a token.
 */
export function parseJsonObject(name: string, text: string, path?: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw vocabularyError(`${name} is ${describe(text)}`, text, path);
  }
  if (!isObject(value)) throw vocabularyError(`${name} is not a JSON object`, value, path);
  const numWritten = countKeysInText(text);
  const numKept = countKeys(value);
  if (numWritten !== numKept) {
    throw vocabularyError(
      `${name} has ${numWritten} keys, some of them twice in the same object`,
      numKept,
      path,
    );
  }
  return value;
}

function describe(text: string): string {
  if (text.startsWith("version https://git-lfs")) return "a Git LFS pointer, not the file itself";
  if (text.trimStart().startsWith("<")) return "a web page, not the file itself";
  return "not JSON";
}

/** The number of keys that stand in a valid JSON text: strings before a colon. */
function countKeysInText(text: string): number {
  let numKeys = 0;
  for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) {
    if (colon !== undefined) numKeys++;
  }
  return numKeys;
}

/** The number of keys in a value. Without recursion: a file may nest deeper than the call stack. */
function countKeys(value: unknown): number {
  let numKeys = 0;
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (isObject(next)) numKeys += Object.keys(next).length;
    if (typeof next === "object" && next !== null) {
      for (const child of Object.values(next)) {
        if (typeof child === "object" && child !== null) pending.push(child);
      }
    }
  }
  return numKeys;
}
