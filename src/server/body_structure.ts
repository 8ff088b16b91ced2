/**
 * How much structure a body has: parsing and checking many small things takes far longer than as many bytes of text.
 *
 * @module
 */
import { ApiError } from "./api_error.ts";
import { MAX_BODY_DEPTH, MAX_BODY_PARTS } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
/** Of `[` and `{`, and of `]` and `}`, without the bit in which they differ. */
const OPENING = 0x5b;
const CLOSING = 0x5d;
const KIND = ~0x20;

/**
 * Refuses a body before it is parsed that has more in it than any request can need. Whether it is JSON makes no difference.
 *
 * @throws {ApiError} 400 if it has too many objects, arrays and names, or they are nested too deeply
 */
export function checkStructure(bytes: Uint8Array): void {
  let numParts = 0;
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = endOfText(bytes, i);
      continue;
    }
    if (byte === COLON) numParts++;
    else if ((byte & KIND) === OPENING) {
      numParts++;
      depth++;
    } else if ((byte & KIND) === CLOSING) depth--;
    if (numParts > MAX_BODY_PARTS) {
      throw tooMuch(`have at most ${MAX_BODY_PARTS} objects, arrays and names`);
    }
    if (depth > MAX_BODY_DEPTH) {
      throw tooMuch(`have objects and arrays within each other at most ${MAX_BODY_DEPTH} deep`);
    }
  }
}

/** Where a text ends that begins with this quotation mark. */
function endOfText(bytes: Uint8Array, begin: number): number {
  for (let end = begin;;) {
    end = bytes.indexOf(QUOTE, end + 1);
    if (end < 0) return bytes.length;
    let numBackslashes = 0;
    while (bytes[end - 1 - numBackslashes] === BACKSLASH) numBackslashes++;
    if (numBackslashes % 2 === 0) return end;
  }
}

function tooMuch(rule: string): ApiError {
  return new ApiError(400, `The body must ${rule}: received more.`, { code: "body_too_complex" });
}
