import { assertEquals } from "@std/assert";
import { pieceEnd } from "../../src/tokenizer/pre_tokenizer.ts";
import { awkwardTexts } from "./awkward_texts.ts";
import { randomNumbers, randomText } from "./random_text.ts";

/** GPT-2's pattern as it was published, with what `\s` and `\S` are in Python and Rust. */
const PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** A run longer than the regular expression engine can match. */
const LONG_RUN = 6_000_000;

function pieces(text: string, start = 0, end = text.length): string[] {
  const found: string[] = [];
  while (start < end) {
    const next = pieceEnd(text, start, end);
    found.push(text.slice(start, next));
    start = next;
  }
  return found;
}

Deno.test("pieceEnd() cuts words with the space before them", () => {
  assertEquals(pieces("I'll go  now, 2nd!\n"), [
    "I",
    "'ll",
    " go",
    " ",
    " now",
    ",",
    " 2",
    "nd",
    "!",
    "\n",
  ]);
});

Deno.test("pieceEnd() equals GPT-2's pattern", () => {
  const random = randomNumbers(4);
  const randomTexts = Array.from({ length: 10_000 }, () => randomText(random));
  for (const text of [...Object.values(awkwardTexts), ...randomTexts]) {
    assertEquals(pieces(text), text.match(PATTERN) ?? [], JSON.stringify(text));
  }
});

Deno.test("pieceEnd() classes every code point as the pattern does", () => {
  for (let codePoint = 0; codePoint < 0x110000; codePoint++) {
    // After a letter, a number and a space, and before a letter: each class is cut in its own way.
    const text = `a${String.fromCodePoint(codePoint)}1${String.fromCodePoint(codePoint)} b`;
    const expected = text.match(PATTERN)!;
    if (pieces(text).join("|") !== expected.join("|")) assertEquals(pieces(text), [...expected]);
  }
});

Deno.test("pieceEnd() sees nothing after the end", () => {
  const text = "a 's   b'll";
  for (let start = 0; start <= text.length; start++) {
    for (let end = start; end <= text.length; end++) {
      assertEquals(pieces(text, start, end), text.slice(start, end).match(PATTERN) ?? []);
    }
  }
});

Deno.test("pieceEnd() takes runs that are too long for a regular expression", () => {
  assertEquals(pieceEnd("😀".repeat(LONG_RUN), 0, 2 * LONG_RUN), 2 * LONG_RUN);
  assertEquals(pieceEnd("文".repeat(LONG_RUN), 0, LONG_RUN), LONG_RUN);
});
