import { assert, assertMatch, assertThrows } from "@std/assert";
import { InvalidArgumentError } from "../../../../src/base/errors.ts";
import type { Expression } from "../../../../src/generation/constraints/grammar/expression.ts";
import { regexExpression } from "../../../../src/generation/constraints/regex/regex_expression.ts";
import { schemaExpression } from "../../../../src/generation/constraints/json_schema/schema_expression.ts";
import { accepts, automatonOf, numAddedToSets } from "../matching.ts";

const list = { type: "array", items: { $ref: "#" } };
const objectWith = (name: string) => ({
  type: "object",
  properties: { [name]: { $ref: "#" } },
  required: [name],
  additionalProperties: false,
});

/** Any of some schemas that refer to this one, or null. */
const anyOf = (...options: object[]) => schemaExpression({ anyOf: [...options, { type: "null" }] });

const ambiguous: readonly [string, Expression, text: string, advice: RegExp][] = [
  [
    "a schema within itself",
    await anyOf(list, { ...list, maxItems: 3 }),
    "[".repeat(40),
    /refers to itself.* a beginning of their own/,
  ],
  [
    "objects that begin alike",
    await anyOf(objectWith("a"), { ...objectWith("a"), title: "b" }),
    '{"a":'.repeat(40),
    /refers to itself.* a beginning of their own/,
  ],
  [
    "repetitions within repetitions",
    await regexExpression("regex", "(?:(?:(?:a|aa){0,99}){0,99}){0,99}b"),
    "a".repeat(200),
    /without repetitions within repetitions/,
  ],
];
for (const [what, expression, text, advice] of ambiguous) {
  Deno.test(`what to do about ${what} is told where there are too many ways to read a text`, () => {
    const automaton = automatonOf(expression);
    const { message } = assertThrows(() => accepts(automaton, text), InvalidArgumentError);
    assertMatch(message, advice);
  });
}

Deno.test("what the advice makes of a schema within itself can be read to any depth", async () => {
  for (const name of ["b", "list"]) {
    const other = name === "list" ? list : objectWith(name);
    const automaton = automatonOf(await anyOf(objectWith("a"), other));
    const text = '{"a":'.repeat(2000) + "null" + "}".repeat(2000);
    assert(accepts(automaton, text), name);
  }
});

Deno.test("what may follow many parts that may be left out is found once for all of them", async () => {
  const grows: string[] = ["a?", "a*", "(?:ab)?", "é?", ".?"];
  for (const part of grows) {
    const [few, many] = await Promise.all([250, 1000].map(async (length) => {
      const automaton = automatonOf(await regexExpression("regex", part.repeat(length)));
      return numAddedToSets(() => {
        const [text] = part.match(/ab|é/) ?? ["a"];
        const state = automaton.after(automaton.start, new TextEncoder().encode(text.repeat(8)));
        assert(state?.isComplete, part);
      });
    }));
    assert(many < 8 * few, `${part}: ${few} places of 250 parts, ${many} of 1000`);
  }
});
