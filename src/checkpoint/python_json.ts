/**
 * JSON as Python writes it: with `NaN` and `Infinity`, which are no JSON, and with numbers beyond double precision.
 *
 * @module
 */
import type { ByteSource } from "../base/byte_source.ts";
import { decodeJson, type JsonValue } from "../base/strict_json.ts";

/** Escapes and quotes, by which strings are told apart, and numbers: no match is of more than one of them. */
const ESCAPE_QUOTE_OR_NUMBER =
  /\\[^]|"|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The text as JSON, with `null` for what no JSON number is. */
export function asStrictJson(text: string): string {
  let inString = false;
  return text.replace(ESCAPE_QUOTE_OR_NUMBER, (found) => {
    if (found === '"') inString = !inString;
    const isNone = found === "NaN" || Math.abs(Number(found)) === Infinity;
    return isNone && !inString ? "null" : found;
  });
}

/**
 * Does what {@linkcode decodeJson} does, for JSON as Python writes it.
 *
 * @throws {FileFormatError} if the bytes are something else
 */
export function decodePythonJson(source: ByteSource, bytes: Uint8Array): JsonValue {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return decodeJson("JSON", "the file", source, new TextEncoder().encode(asStrictJson(text)));
}
