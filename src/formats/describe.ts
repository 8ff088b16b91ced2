/**
 * The words of this folder's error messages. Names and values inside them come from files that may be hostile, so they
 * are quoted, escaped and cut: a message stays short and cannot drive a terminal.
 *
 * @module
 */

import { FileFormatError } from "../errors.ts";

const MAX_QUOTED_CHARACTERS = 120;
const MAX_PATH_CHARACTERS = 400;
const MAX_LISTED_ELEMENTS = 8;

const DAMAGED = "The file is damaged or incomplete: download or convert it again.";

/** The text between double quotes, with control characters escaped, cut to 120 characters. */
export function quote(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS
    ? text.slice(0, MAX_QUOTED_CHARACTERS) + "..."
    : text;
  return escapeControls(JSON.stringify(cut));
}

/** A path between double quotes. A very long one keeps its end, which tells more than its beginning. */
export function quotePath(path: string): string {
  const cut = path.length > MAX_PATH_CHARACTERS ? "..." + path.slice(-MAX_PATH_CHARACTERS) : path;
  return escapeControls(JSON.stringify(cut));
}

/** A value of any kind as a few words: text quoted, long lists cut, objects only named. */
export function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return describeList(value);
  if (ArrayBuffer.isView(value)) return describeList(value as Uint8Array);
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "nothing" : String(value);
}

/**
 * The error for a file that is not what it should be.
 *
 * @param format what the file was read as: GGUF, safetensors, JSON
 * @param path where the bytes came from; nothing for bytes in memory
 * @param what what is wrong
 * @param received the offending value
 * @param advice what to do about it
 */
export function formatError(
  format: string,
  path: string | undefined,
  what: string,
  received: unknown,
  advice: string = DAMAGED,
): FileFormatError {
  const subject = path === undefined ? "bytes in memory" : quotePath(path);
  return new FileFormatError(
    `Cannot read ${subject} as ${format}: ${what}: received ${describe(received)}. ${advice}`,
    { path },
  );
}

/** The system's name of an error, such as ENOSPC, where it is one of the system's. */
export function systemErrorCode(error: Error): string | undefined {
  return (error as Error & { code?: string }).code;
}

function describeList(list: ArrayLike<unknown>): string {
  const numListed = Math.min(list.length, MAX_LISTED_ELEMENTS);
  const listed = Array.from({ length: numListed }, (_, i) => describeElement(list[i]));
  if (list.length > numListed) listed.push(`... (${list.length} elements)`);
  return `[${listed.join(", ")}]`;
}

/** An element of a list; a list within it is only named, so that the text stays short. */
function describeElement(value: unknown): string {
  return Array.isArray(value) ? "a list" : describe(value);
}

/** Escapes what JSON leaves as it is: the second range of control characters, direction marks and the like. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{C}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
