import { assertEquals, assertMatch } from "@std/assert";
import { jsonText, lineText, terminalText } from "../../../src/cli/terminal/terminal_text.ts";
import { keptOutput } from "./kept_output.ts";

/** Everything that can drive a terminal or turn a line round. */
const HOSTILE = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)),
  ..."\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
];

Deno.test("terminalText() shows every control character but tabs and ends of lines", () => {
  for (const character of HOSTILE) {
    const code = character.codePointAt(0)!.toString(16);
    const expected = character === "\t" || character === "\n" ? character : `\\u{${code}}`;
    assertEquals(terminalText(`a${character}b`), `a${expected}b`);
  }
  assertEquals(terminalText("a\r\nb\rc"), "a\r\nb\\u{d}c");
});

Deno.test("terminalText() leaves text in any script as it is", () => {
  for (const text of ["naïve", "日本語", "עברית", "👩‍👩‍👧", "e\u0301", "a\u00a0b", "\u00ad", ""]) {
    assertEquals(terminalText(text), text);
  }
});

Deno.test("lineText() has no end of line, and is cut", () => {
  assertEquals(lineText("a\r\nb\tc"), "a\\u{d}\\u{a}b\\u{9}c");
  assertEquals(lineText("abc", 3), "abc");
  assertEquals(lineText("abcd", 3), "abc...");
  assertEquals(lineText("\n".repeat(1e6)).length, 503);
});

Deno.test("jsonText() is the same value without control characters", () => {
  const value = Object.fromEntries(HOSTILE.map((character, i) => [character + i, character]));
  for (const indent of [undefined, 2]) {
    const text = jsonText(value, indent);
    assertEquals(JSON.parse(text), value);
    assertMatch(text, /^[\n -~]*$/);
  }
});

Deno.test("Output.write() escapes unless it is exact", async () => {
  for (const isTerminal of [false, true]) {
    const { output, writes } = keptOutput({ isTerminal, isDecorated: isTerminal });
    await output.write("\x1b]0;x\x07");
    assertEquals(writes, ["\\u{1b}]0;x\\u{7}"]);
  }
  const { output, writes } = keptOutput({ isExact: true });
  await output.write("\x1b]0;x\x07");
  assertEquals(writes, ["\x1b]0;x\x07"]);
});

Deno.test("Output.write() puts a style around what is escaped", async () => {
  const { output, writes } = keptOutput({ isTerminal: true, isDecorated: true });
  await output.write("a\x1b[0mb", "bold");
  assertEquals(writes, ["\x1b[1ma\\u{1b}[0mb\x1b[0m"]);
});

Deno.test("Output.replaceLine() stays within the line, and writes nothing without a terminal", async () => {
  const { output, writes } = keptOutput({
    isTerminal: true,
    isDecorated: true,
    numColumns: () => 11,
  });
  await output.replaceLine("0123456789\x1b[A");
  await output.replaceLine("\x1b[A");
  assertEquals(writes, ["\r01234567\x1b[K", "\r\\u{1b}[A\x1b[K"]);
  const pipe = keptOutput();
  await pipe.output.replaceLine("x");
  assertEquals(pipe.writes, []);
});
