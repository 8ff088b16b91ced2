/**
 * The error for a vocabulary that cannot be used.
 *
 * @module
 */

import { describe } from "../base/describe.ts";
import { FileFormatError } from "../base/errors.ts";
import { adviceForRun } from "../base/run_advice.ts";

/**
 * A damaged file may hold anything: so many characters of a text and members of a list go into a
 * message.
 */
const MAX_SHOWN_CHARS = 60;
const MAX_SHOWN_MEMBERS = 3;

/** A `FileFormatError` that says what is wrong with which value. Throw it. */
export function vocabularyError(what: string, received: unknown, path?: string): FileFormatError {
  const ofRun = path === undefined ? undefined : adviceForRun(path);
  return new FileFormatError(
    `Cannot read the tokenizer${path === undefined ? "" : ` of ${path}`}: ${what}: received ${
      show(received, 2)
    }. ${ofRun ?? "Use the unchanged tokenizer files that came with the model."}`,
    { path },
  );
}

/** The beginning of a JSON value, as JSON. */
function show(value: unknown, depth: number): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    const cut = value.length > MAX_SHOWN_CHARS ? "..." : "";
    return JSON.stringify(value.slice(0, MAX_SHOWN_CHARS)) + cut;
  }
  if (typeof value !== "object" || value === null) {
    return typeof value === "function" ? describe(value) : String(value);
  }
  const isList = Array.isArray(value);
  const entries: [string, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const members = depth === 0
    ? []
    : entries.slice(0, MAX_SHOWN_MEMBERS).map(([key, member]) =>
      (isList ? "" : `${show(key, 0)}: `) + show(member, depth - 1)
    );
  if (entries.length > members.length) members.push("...");
  return isList ? `[${members.join(", ")}]` : `{${members.join(", ")}}`;
}
