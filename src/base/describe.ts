/**
 * The words of this folder's error messages. Names and values inside them come from files that may be hostile, so they
 * are quoted, escaped and cut: a message stays short and cannot drive a terminal.
 *
 * @module
 */

import { FileFormatError } from "./errors.ts";
import { adviceForDamaged } from "./place_advice.ts";

const MAX_QUOTED_CHARACTERS = 120;
const MAX_PATH_CHARACTERS = 400;
const MAX_LISTED_ELEMENTS = 10;
const MAX_LIST_CHARACTERS = 600;

const SYSTEM_CODE = /^E[A-Z0-9]+$/;
const SYSTEM_NUMBER = /(?<=\()os error (\d+)(?=\))/;

/** The text between double quotes, with control characters escaped, cut to 120 characters. */
export function quote(text: string): string {
  return `"${cut(escaped(text.slice(0, MAX_QUOTED_CHARACTERS + 1)), MAX_QUOTED_CHARACTERS)}"`;
}

/**
 * A path between double quotes. A very long one keeps its end, which tells more than its beginning. Where backslashes part
 * folders they are not doubled, so that the path can be copied.
 */
export function quotePath(path: string, isWindows: boolean = Deno.build.os === "windows"): string {
  const text = isWindows ? escaped(path).replaceAll("\\\\", "\\") : escaped(path);
  return text.length > MAX_PATH_CHARACTERS
    ? `"...${text.slice(-MAX_PATH_CHARACTERS)}"`
    : `"${text}"`;
}

/** A value of any kind as a few words: text quoted, lists cut to 10 elements, objects only named. */
export function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return describeList(value);
  if (value instanceof DataView) return "an object";
  if (ArrayBuffer.isView(value)) return describeList(value as Uint8Array);
  if (value instanceof Promise) return "a promise";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return value === undefined ? "nothing" : String(value);
}

/**
 * The error for a file that is not what it should be.
 *
 * @param format what the file was read as: GGUF, safetensors, JSON
 * @param path where the bytes came from; nothing for bytes in memory
 * @param what what is wrong
 * @param received the offending value
 * @param advice what to do about it. Default: that it is damaged, and what to do about that where it is
 */
export function formatError(
  format: string,
  path: string | undefined,
  what: string,
  received: unknown,
  advice: string = adviceForDamaged(path),
): FileFormatError {
  const subject = path === undefined ? "bytes in memory" : quotePath(path);
  return new FileFormatError(
    `Cannot read ${subject} as ${format}: ${what}: received ${describe(received)}. ${advice}`,
    { path },
  );
}

/**
 * The system's name of an error, such as ENOSPC, where it is one of the system's: others have codes of their own. Of a few
 * Deno tells the number only, and not the name; of these, what is wrong with a disk is known. (What is wrong with a network,
 * in a message about a request, is no error of what is written.)
 */
export function systemErrorCode(error: Error): string | undefined {
  const { code } = error as Error & { code?: unknown };
  if (typeof code === "string") return SYSTEM_CODE.test(code) ? code : undefined;
  if (code !== undefined) return undefined;
  return diskErrorCode(error.message);
}

/** The system's name of what is wrong with a disk, where a message tells the number of that: `(os error 27)`. */
export function diskErrorCode(message: string): string | undefined {
  const number = message.match(SYSTEM_NUMBER)?.[1];
  return number === undefined ? undefined : DISK_ERRORS[number];
}

/** The numbers that systems give to what is wrong with a disk. */
const DISK_ERRORS: Readonly<Record<string, string>> = Deno.build.os === "windows"
  ? { 39: "ENOSPC", 112: "ENOSPC" }
  : { 5: "EIO", 27: "EFBIG", 28: "ENOSPC", 30: "EROFS", 69: "EDQUOT", 122: "EDQUOT" };

function describeList(list: ArrayLike<unknown>): string {
  const numListed = Math.min(list.length, MAX_LISTED_ELEMENTS);
  const listed = Array.from({ length: numListed }, (_, i) => describeElement(list[i]));
  const more = list.length > numListed ? `, ... (${list.length} elements)` : "";
  return `[${cut(listed.join(", "), MAX_LIST_CHARACTERS)}${more}]`;
}

/** An element of a list; a list within it is only named, so that the text stays short. */
function describeElement(value: unknown): string {
  return Array.isArray(value) ? "a list" : describe(value);
}

function cut(text: string, maxCharacters: number): string {
  return text.length > maxCharacters ? text.slice(0, maxCharacters) + "..." : text;
}

/** Escapes as JSON does, and also what JSON leaves as it is: the rest of the control characters, direction marks, ... */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1).replace(
    /[\p{C}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
