import { assertEquals, assertLess, assertNotMatch, assertStringIncludes } from "@std/assert";
import { FileFormatError, StorageError } from "../../../src/base/errors.ts";
import { UsageError } from "../../../src/cli/arguments/usage_error.ts";
import { writeError } from "../../../src/cli/terminal/error_text.ts";
import type { OutputOptions } from "../../../src/cli/terminal/io.ts";
import { keptOutput } from "./kept_output.ts";

/** What is written of an error. */
async function textOf(
  error: unknown,
  { isDebug = false, ...options }: Partial<OutputOptions> & { isDebug?: boolean } = {},
): Promise<string> {
  const { output, writes } = keptOutput(options);
  await writeError(error, output, { isDebug, helpCommand: "gpt2 --help" });
  return writes.join("");
}

Deno.test("writeError() gives the message, and for a usage error where to find help", async () => {
  assertEquals(await textOf(new StorageError("Cannot write")), "error: Cannot write\n");
  assertEquals(await textOf(new UsageError("Wrong.")), "error: Wrong.\nHelp: gpt2 --help\n");
});

Deno.test("writeError() says of a defect that it is one", async () => {
  const text = await textOf(new TypeError("x is not a function"));
  assertStringIncludes(text, "error: TypeError: x is not a function\nThis is a defect");
  assertNotMatch(text, /\n\s+at /);
});

Deno.test("writeError() shows where an error and its cause come from, if asked for", async () => {
  const error = new StorageError("outer", { cause: new Error("inner") });
  const text = await textOf(error, { isDebug: true });
  assertStringIncludes(text, "error_text_test.ts");
  assertStringIncludes(text, "Caused by: Error: inner");
});

Deno.test("writeError() cuts a long message between two characters", async () => {
  for (const padding of ["", "a", "aa", "aaa"]) {
    const text = await textOf(new FileFormatError(padding + "🦊".repeat(1000)));
    assertLess(new TextEncoder().encode(text).length, 2049);
    assertNotMatch(text, /\uFFFD/);
    assertEquals(text.isWellFormed(), true);
    assertStringIncludes(text, "🦊 ...\n");
  }
});

Deno.test("writeError() keeps a message short whose characters have to be escaped", async () => {
  const text = await textOf(new FileFormatError("\x1b".repeat(1000)));
  assertLess(new TextEncoder().encode(text).length, 2049);
  assertStringIncludes(text, "error: \\u{1b}\\u{1b}");
});

Deno.test("writeError() uses colour only where it is welcome", async () => {
  assertStringIncludes(
    await textOf(new Error("x"), { isTerminal: true, isDecorated: true }),
    "\x1b[1;31merror:\x1b[0m x",
  );
  assertEquals(await textOf(new Error("x"), { isTerminal: true }), "error: x\n");
});

Deno.test("writeError() of an interruption begins a new line on a terminal", async () => {
  const error = new DOMException("stopped", "AbortError");
  assertEquals(await textOf(error), "Interrupted.\n");
  assertEquals(await textOf(error, { isTerminal: true }), "\nInterrupted.\n");
});
