import { assertEquals } from "@std/assert";
import { capitalize, numCharacters, strip } from "../../../src/evaluation/tasks/python_text.ts";

Deno.test("strip() takes off what Python takes for white space", () => {
  assertEquals(strip(" \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u2003a b\u3000 "), "a b");
  assertEquals(strip("\ufeffa\u200b"), "\ufeffa\u200b");
  assertEquals(strip(" \n"), "");
});

Deno.test("capitalize() makes texts as Python's str.capitalize() does", () => {
  // Python 3.11's.
  const cases = { "": "", "the CAT": "The cat", "ÉCOUTE": "Écoute", "ßA": "Ssa", "ﬁX": "Fix" };
  for (const [text, expected] of Object.entries(cases)) assertEquals(capitalize(text), expected);
  assertEquals(capitalize("οδΟΣ ΟΔΟΣ!"), "Οδος οδος!");
  assertEquals(capitalize("𐐨𐐀"), "𐐀𐐨");
});

Deno.test("numCharacters() counts code points", () => {
  assertEquals(["", "naïve", "🎭a"].map(numCharacters), [0, 5, 2]);
});
