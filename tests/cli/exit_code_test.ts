import { assertEquals, assertLess, assertNotMatch, assertStringIncludes } from "@std/assert";
import {
  FileFormatError,
  HubError,
  NativeError,
  NativeLibraryError,
  NumericalError,
  StorageError,
} from "../../src/base/errors.ts";
import { errorText } from "../../src/cli/terminal/error_text.ts";
import { exitCodeOf } from "../../src/cli/exit_code.ts";
import { OutputClosedError } from "../../src/cli/terminal/io.ts";
import { UsageError } from "../../src/cli/arguments/usage_error.ts";

const CODES: readonly (readonly [error: unknown, code: number])[] = [
  [new OutputClosedError("stdout is closed"), 0],
  [new Error("unknown"), 1],
  ["thrown text", 1],
  [new UsageError("wrong"), 2],
  [new RangeError("Cannot generate: topP is above 1: received 2"), 2],
  [new Deno.errors.AlreadyExists("Cannot write"), 2],
  [new FileFormatError("damaged"), 65],
  [new Deno.errors.NotFound("missing"), 66],
  [new Deno.errors.IsADirectory("folder"), 66],
  [new Deno.errors.NotADirectory("file"), 66],
  [new NativeError("refused"), 70],
  [new NumericalError("NaN"), 70],
  [new TypeError("Cannot read properties of undefined (reading 'x')"), 70],
  [new RangeError("Invalid array length"), 70],
  [new ReferenceError("x is not defined"), 70],
  [new SyntaxError("Unexpected token"), 70],
  [new HubError("no answer"), 69],
  [new HubError("busy", { status: 503 }), 69],
  [new HubError("who are you", { status: 401 }), 77],
  [new HubError("not for you", { status: 403 }), 77],
  [new StorageError("disk full"), 74],
  [new Deno.errors.PermissionDenied("not yours"), 74],
  [new Deno.errors.Busy("in use"), 75],
  [new NativeLibraryError("missing"), 78],
  [new Deno.errors.NotCapable("Requires read access, run again with the --allow-read flag"), 78],
  [new DOMException("stopped", "AbortError"), 130],
  [new DOMException("other", "DataError"), 1],
];

for (const [error, code] of CODES) {
  const name = error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error);
  Deno.test(`exitCodeOf() gives ${code} for ${name}`, () => assertEquals(exitCodeOf(error), code));
}

const plain = {
  isDebug: false,
  output: { isTerminal: false, isDecorated: false },
  helpCommand: "gpt2 --help",
};

Deno.test("errorText() gives the message, and for a usage error where to find help", () => {
  assertEquals(errorText(new StorageError("Cannot write"), plain), "error: Cannot write\n");
  assertEquals(errorText(new UsageError("Wrong."), plain), "error: Wrong.\nHelp: gpt2 --help\n");
});

Deno.test("errorText() says of a defect that it is one", () => {
  const text = errorText(new TypeError("x is not a function"), plain);
  assertStringIncludes(text, "error: TypeError: x is not a function\nThis is a defect");
  assertNotMatch(text, /\n\s+at /);
});

Deno.test("errorText() shows where an error and its cause come from, if asked for", () => {
  const error = new StorageError("outer", { cause: new Error("inner") });
  const text = errorText(error, { ...plain, isDebug: true });
  assertStringIncludes(text, "exit_code_test.ts");
  assertStringIncludes(text, "Caused by: Error: inner");
});

Deno.test("errorText() cuts a long message between two characters", () => {
  for (const padding of ["", "a", "aa", "aaa"]) {
    const text = errorText(new FileFormatError(padding + "🦊".repeat(1000)), plain);
    assertLess(new TextEncoder().encode(text).length, 2049);
    assertNotMatch(text, /\uFFFD/);
    assertEquals(text.isWellFormed(), true);
    assertStringIncludes(text, "🦊 ...\n");
  }
});

Deno.test("errorText() uses colour only where it is welcome", () => {
  const output = { isTerminal: true, isDecorated: true };
  assertStringIncludes(errorText(new Error("x"), { ...plain, output }), "\x1b[1;31merror:\x1b[0m");
});

Deno.test("errorText() of an interruption begins a new line on a terminal", () => {
  const error = new DOMException("stopped", "AbortError");
  const output = { isTerminal: true, isDecorated: false };
  assertEquals(errorText(error, plain), "Interrupted.\n");
  assertEquals(errorText(error, { ...plain, output }), "\nInterrupted.\n");
});
