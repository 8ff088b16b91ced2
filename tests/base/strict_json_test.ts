import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { type JsonValue, parseStrictJson, readJsonFile } from "../../src/base/strict_json.ts";

/** The same value as JSON.parse() gives it. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(Array.from(value, ([key, element]) => [key, plain(element)]));
}

Deno.test("parseStrictJson() agrees with JSON.parse()", () => {
  const texts = [
    "null",
    " true ",
    "false",
    "0",
    "-0.5e-3",
    "1E+2",
    "[]",
    "[1, [2, [3]], {}]",
    '{"a": {"b": [null, true]}, "c": "d"}',
    '"\\u00e9\\n\\"\\\\ \\ud83d\\ude00 é 👍"',
    '{"": "", "a\\u0062": 1}',
    "\t\r\n [ 1 ,\n2 ] \n",
  ];
  for (const text of texts) assertEquals(plain(parseStrictJson(text)), JSON.parse(text), text);
});

Deno.test("parseStrictJson() refuses what JSON.parse() refuses", () => {
  const texts = [
    "",
    " ",
    "{",
    "[",
    '"',
    "[1,]",
    "[,1]",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    "{1:1}",
    "[1 2]",
    "1 2",
    "tru",
    "nul",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "1.",
    ".5",
    "1e",
    "0x10",
    "'a'",
    '"\\x"',
    '"\\u12"',
    '"a\nb"',
    '"\u0001"',
    "[1]]",
    "// a comment",
    "\u00a01",
    "\ufeff1",
  ];
  for (const text of texts) {
    assertThrows(() => JSON.parse(text), SyntaxError);
    assertThrows(() => parseStrictJson(text), SyntaxError, "Cannot parse JSON: ", text);
  }
});

Deno.test("parseStrictJson() refuses equal keys, __proto__, half surrogates, infinite numbers and great depth", () => {
  const cases = [
    ['{"a":1,"b":{"a":2},"a":3}', 'the key "a" is there twice at position'],
    ['{"a":1,"\\u0061":3}', 'the key "a" is there twice at position'],
    ['{"__proto__":{}}', 'the key "__proto__" is not allowed'],
    ['"\\ud83d"', "half a surrogate pair"],
    ["1e999", "a number is too large"],
    ["[".repeat(65) + "]".repeat(65), "nested deeper than 64 levels"],
    ["[" + "1,".repeat(1_000_000) + "1]", "more than 1000000 values"],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parseStrictJson(text), SyntaxError, message);
  }
  assertEquals(
    plain(parseStrictJson("[".repeat(64) + "]".repeat(64))),
    JSON.parse("[".repeat(64) + "]".repeat(64)),
  );
});

Deno.test("parseStrictJson() says where it stopped, and shows what is there", () => {
  assertThrows(
    () => parseStrictJson('{"a": nothing}'),
    SyntaxError,
    'at position 6: received "nothing}"',
  );
});

Deno.test("readJsonFile() names the file, and what it is instead of JSON", () => {
  const path = Deno.makeTempFileSync();
  const cases = [
    ["version https://git-lfs.github.com/spec/v1\noid", "it is a Git-LFS pointer"],
    ["<!doctype html><title>404</title>", "it is an HTML page"],
    [
      '{"a": NaN}',
      "the file is not valid JSON: a value is missing or not JSON at position 6: received",
    ],
    ["", "the file is not valid JSON"],
    ["[" + " ".repeat(200) + "]", "it is larger than 100 bytes: received 202"],
  ];
  try {
    for (const [text, message] of cases) {
      Deno.writeTextFileSync(path, text);
      const error = assertThrows(
        () => readJsonFile(path, { maxBytes: 100 }),
        FileFormatError,
        message,
      );
      assertInstanceOf(error, FileFormatError);
      assertEquals(error.path, path);
      assertStringIncludes(error.message, path);
    }
    Deno.writeFileSync(path, new Uint8Array([0x22, 0xff, 0x22]));
    assertThrows(() => readJsonFile(path), FileFormatError, "the file is not valid UTF-8");
    Deno.writeTextFileSync(path, '{"a": [1]}');
    assertEquals(plain(readJsonFile(path)), { a: [1] });
  } finally {
    Deno.removeSync(path);
  }
  assertThrows(() => readJsonFile(path), Deno.errors.NotFound, "there is no such file");
});
