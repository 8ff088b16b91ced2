import { assertEquals, assertLess, assertMatch } from "@std/assert";
import {
  describe,
  formatError,
  quote,
  quotePath,
  systemErrorCode,
} from "../../src/base/describe.ts";

/** What a message of 2 KB can hold beside the words about the problem. */
const MAX_DESCRIPTION_CHARACTERS = 700;

Deno.test("describe() shows values in a few words", () => {
  const cases: [unknown, string][] = [
    ["text", '"text"'],
    ['a "b"\n', '"a \\"b\\"\\n"'],
    [undefined, "nothing"],
    [null, "null"],
    [NaN, "NaN"],
    [2n ** 64n, "18446744073709551616"],
    [new Map(), "an object"],
    [Object.create(null), "an object"],
    [new DataView(new ArrayBuffer(2)), "an object"],
    [Symbol("\x1b"), "a symbol"],
    [() => 1, "a function"],
    [[Symbol("s"), Object.create(null)], "[a symbol, an object]"],
    [[1, "two", [3], new Map()], '[1, "two", a list, an object]'],
    [new Float32Array([0.5, -1]), "[0.5, -1]"],
    [Array(11).fill(1), "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ... (11 elements)]"],
  ];
  for (const [value, description] of cases) assertEquals(describe(value), description);
});

Deno.test("quote() escapes whatever could drive a terminal", () => {
  assertEquals(
    quote("\x1b[2J\x7f\x9b\u202e\u2028\ufeffé👍"),
    '"\\u001b[2J\\u{7f}\\u{9b}\\u{202e}\\u{2028}\\u{feff}é👍"',
  );
  assertMatch(quote("👍".repeat(100)), /^"(👍){60}\.\.\."$/u);
});

Deno.test("descriptions stay short, whatever they describe", () => {
  for (const character of ["a", "\0", '"', "\u{e0001}", "\ud800"]) {
    const long = character.repeat(100_000);
    for (const text of [quote(long), quotePath(long), describe(Array(100).fill(long))]) {
      assertLess(text.length, MAX_DESCRIPTION_CHARACTERS);
    }
  }
  assertMatch(quotePath("/folder".repeat(100) + "/model.gguf"), /^"\.\.\..*\/model\.gguf"$/);
});

Deno.test("formatError() names the file, and says what to do", () => {
  const error = formatError("GGUF", "/models/x.gguf", "it is too short", 3, "Get another.");
  assertEquals(
    error.message,
    'Cannot read "/models/x.gguf" as GGUF: it is too short: received 3. Get another.',
  );
  assertEquals([error.name, error.path], ["FileFormatError", "/models/x.gguf"]);
  assertEquals(
    formatError("JSON", undefined, "it is empty", "").message,
    'Cannot read bytes in memory as JSON: it is empty: received "". The file is damaged or incomplete: download, convert or save it again.',
  );
});

Deno.test("quotePath() leaves the backslashes of a path on Windows single, and escapes the rest", () => {
  assertEquals(quotePath("C:\\a\\b.gguf", true), '"C:\\a\\b.gguf"');
  assertEquals(quotePath("C:\\a\x1b[2J\u202e", true), '"C:\\a\\u001b[2J\\u{202e}"');
  assertEquals(quotePath("a\\b", false), '"a\\\\b"');
});

Deno.test("systemErrorCode() tells the system's errors from others, also those that Deno has only a number of", () => {
  const limit = Deno.build.os === "windows" ? [112, "ENOSPC"] : [27, "EFBIG"];
  const cases: [Error, string | undefined][] = [
    [Object.assign(new Error("full (os error 28)"), { code: "ENOSPC" }), "ENOSPC"],
    [new Error(`File too large (os error ${limit[0]})`), limit[1] as string],
    [new Error(`File too large (os error ${limit[0]}): writefile 'x'`), limit[1] as string],
    [new Error("Value too large (os error 7777)"), undefined],
    [new TypeError("tcp connect error: Connection refused (os error 111)"), undefined],
    [new Error("Value too large: os error 27"), undefined],
    [Object.assign(new Error("mine (os error 27)"), { code: "ERR_MINE" }), undefined],
    [Object.assign(new Error("mine (os error 27)"), { code: 20 }), undefined],
    [new Error("mine"), undefined],
  ];
  for (const [error, code] of cases) assertEquals(systemErrorCode(error), code, error.message);
});
