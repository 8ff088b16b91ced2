import { assertEquals, assertThrows } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { parsePrompts } from "../../../src/cli/generate/line_prompts.ts";

/** Files, and the prompts in them by line. */
const FILES: readonly (readonly [text: string, prompts: [string, number][]])[] = [
  ["a\nb", [["a", 1], ["b", 2]]],
  ["a\r\n\r\n b \n", [["a", 1], [" b ", 3]]],
  ['{"prompt": "a"}\n\n{"id": 7, "prompt": ""}\n', [["a", 1], ["", 3]]],
  ['  {"prompt": "two\\nlines"}', [["two\nlines", 1]]],
  // Text that only looks like JSON, or is no object, is text, if the first line does not begin with a brace.
  ["b\n{x}", [["b", 1], ["{x}", 2]]],
  ['["a"]', [['["a"]', 1]]],
  ['b\n{"prompt": "a"', [["b", 1], ['{"prompt": "a"', 2]]],
];

for (const [text, prompts] of FILES) {
  Deno.test(`parsePrompts() reads ${JSON.stringify(text)}`, () => {
    assertEquals(parsePrompts(text, "-"), prompts.map(([text, line]) => ({ text, line })));
  });
}

Deno.test("parsePrompts() names the line that is not like the first one", () => {
  for (const line of ["b", '{"prompt": "b"', "[]", '{"prompt": "b"} x']) {
    const text = `{"prompt": "a"}\n\n${line}\n`;
    assertThrows(
      () => parsePrompts(text, "p.jsonl"),
      FileFormatError,
      'line 3 of "p.jsonl" is not',
    );
  }
});

Deno.test("parsePrompts() refuses JSON objects without a text as prompt, wherever they are", () => {
  for (const line of ['{"text":"A"}', '{"prompt":5}', '{"prompt":null}', "{}"]) {
    for (const [before, number] of [["", 1], ["\n", 2], ['{"prompt": "a"}\n', 2]] as const) {
      assertThrows(
        () => parsePrompts(`${before}${line}\n`, "p.jsonl"),
        FileFormatError,
        `line ${number} of "p.jsonl" is a JSON object without a text as "prompt": received `,
      );
    }
  }
});

Deno.test("parsePrompts() refuses JSON objects among lines of plain text", () => {
  for (const first of ["ROMEO:", "[]"]) {
    for (const line of ['{"prompt":"KING"}', '{"text":"A"}']) {
      assertThrows(
        () => parsePrompts(`${first}\n\n${line}\n`, "p.txt"),
        FileFormatError,
        'line 3 of "p.txt" is a JSON object, and the first prompt is plain text: received ',
      );
    }
  }
});

Deno.test("parsePrompts() takes a first line that begins with a brace for JSON, broken or not", () => {
  for (const first of ['{"prompt": "broken"', "{x}", '{"prompt": "a"},', ' {"prompt": "a"} x']) {
    assertThrows(
      () => parsePrompts(`\n${first}\nb\n`, "p.jsonl"),
      FileFormatError,
      'line 2 of "p.jsonl" is no JSON, though it begins with a brace: received ',
    );
  }
});

Deno.test("parsePrompts() needs a prompt", () => {
  for (const text of ["", "\n", "\r\n\n"]) {
    assertThrows(() => parsePrompts(text, "-"), FileFormatError, "received none in stdin");
  }
});
