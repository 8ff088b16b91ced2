import {
  assert,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";

/** A file that has to be refused. */
export interface ErrorCase {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A part of the message that says what is wrong. */
  readonly message: string;
}

const MAX_MESSAGE_CHARACTERS = 2048;

/** The promise is 100 ms for any damaged file; the first call also pays for compiling the code. */
const MAX_REFUSAL_MS = 100;

/** Requires that `read` refuses with the right class, the right words, and at once. */
export function assertRefused({ message }: ErrorCase, read: () => unknown): void {
  const error = caught(read);
  assertFormatError(error);
  assertStringIncludes(error.message, message);
}

/** Requires an error as every reader of a format has to give it. */
export function assertFormatError(error: unknown): asserts error is FileFormatError {
  assertInstanceOf(error, FileFormatError);
  assertMatch(error.message, /^Cannot read [^]+: received [^]+\. [A-Z][^]+\.$/);
  assertLess(error.message.length, MAX_MESSAGE_CHARACTERS);
  assert(!/\p{Cc}/u.test(error.message), "a control character got into the message");
}

/** What `read` throws. It has to be quick; a machine that was busy with something else gets a second and third chance. */
function caught(read: () => unknown): unknown {
  for (let attempt = 1;; attempt++) {
    const startMs = performance.now();
    try {
      read();
    } catch (error) {
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs > MAX_REFUSAL_MS && attempt < 3) continue;
      assertLess(elapsedMs, MAX_REFUSAL_MS, "refusing the file took too long");
      return error;
    }
    throw new Error("the file was accepted");
  }
}
