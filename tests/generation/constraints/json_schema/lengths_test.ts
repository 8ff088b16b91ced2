import { assert, assertEquals, assertThrows } from "@std/assert";
import { stringOf } from "../../../../src/generation/constraints/json_schema/json_strings.ts";
import { withinLengths } from "../../../../src/generation/constraints/json_schema/lengths.ts";
import { regexExpression } from "../../../../src/generation/constraints/regex/regex_expression.ts";
import { accepts, automatonOf } from "../matching.ts";

/** All texts of up to six letters, of which there are two. */
const TEXTS = Array.from(
  { length: 7 },
  (_, length) =>
    Array.from(
      { length: 2 ** length },
      (_, bits) => Array.from({ length }, (_, place) => bits >> place & 1 ? "a" : "b").join(""),
    ),
).flat();

for (
  const pattern of ["a*", "[ab]+b", "b(?:ab)*", "a|b{2,5}|(?:ab){1,3}", "(?:a[ab]{0,4})b", "(a?)b"]
) {
  Deno.test(`withinLengths() leaves of ${pattern} exactly those of such lengths`, async () => {
    const whole = await regexExpression("pattern", pattern);
    const matches = new RegExp(`^(?:${pattern})$`);
    for (const [min, max] of [[0, 3], [2, 4], [3, Infinity], [1, 1], [5, 5]]) {
      const bounded = stringOf(withinLengths(whole, min, max)!);
      const fit = (text: string) => matches.test(text) && text.length >= min && text.length <= max;
      if (!TEXTS.some(fit)) {
        assertThrows(() => automatonOf(bounded), Error, "no text fulfils");
        continue;
      }
      const automaton = automatonOf(bounded);
      for (const text of TEXTS) {
        assertEquals(accepts(automaton, `"${text}"`), fit(text), `${text} of ${min} to ${max}`);
      }
    }
  });
}

Deno.test("withinLengths() counts characters, and gives up where two lengths vary", async () => {
  const faces = automatonOf(
    stringOf(withinLengths(await regexExpression("pattern", "😀*"), 2, 2)!),
  );
  assert(accepts(faces, '"😀😀"') && !accepts(faces, '"😀"'));
  for (const pattern of ["a*b*", "(?:ab?)*", "[ab]+@[ab]+"]) {
    assertEquals(withinLengths(await regexExpression("pattern", pattern), 0, 4), undefined);
  }
});
