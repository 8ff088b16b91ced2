import { assert, assertEquals } from "@std/assert";
import { doAtOnce } from "../../../../src/base/event_loop.ts";
import { Random } from "../../../../src/base/random.ts";
import {
  areDisjoint,
  firstOverlap,
} from "../../../../src/generation/constraints/json_schema/disjoint.ts";
import { pick } from "../matching.ts";

const tagged = (value: unknown, more = {}, moreRequired = {}) => ({
  type: "object",
  properties: { tag: { const: value }, ...more, ...moreRequired },
  required: ["tag", ...Object.keys(moreRequired)],
});

Deno.test("areDisjoint() is sure of what differs in type, constants, or a property that both require", () => {
  const apart: [unknown, unknown][] = [
    [false, true],
    [{ type: "string" }, { type: ["null", "integer"] }],
    [{ type: "string" }, { const: 5 }],
    [{ enum: [1, 2] }, { enum: ["1", 3] }],
    [{ const: { a: 1, b: 2 } }, { const: { a: 1, b: 3 } }],
    [{ type: "integer" }, { enum: ["a", null, []] }],
    [tagged("a"), tagged("b", { size: {} })],
    [tagged(1), { type: "object", properties: { tag: { type: "string" } }, required: ["tag"] }],
    [{ anyOf: [tagged("a"), tagged("b")] }, { oneOf: [tagged("c"), { type: "array" }] }],
    [{ $ref: "#/$defs/a" }, tagged("b")],
    [tagged("b"), { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }] }],
    [{ type: "boolean", nullable: true }, { type: "string" }],
  ];
  const lookUp = (ref: unknown) => ref === "#/$defs/a" ? tagged("a") : undefined;
  for (const [a, b] of apart) {
    assertEquals([areDisjoint(a, b, lookUp), areDisjoint(b, a, lookUp)], [true, true], show(a, b));
  }
});

Deno.test("areDisjoint() is not sure of what a document may fit both of", () => {
  const both: [unknown, unknown][] = [
    [true, { type: "null" }],
    [{}, { type: "null" }],
    // 1 is a whole number, and a number.
    [{ type: "integer" }, { type: "number" }],
    [{ type: "integer" }, { const: 1 }],
    [{ const: 1.5 }, { type: "integer" }],
    [{ const: { a: 1, b: 2 } }, { enum: [{ b: 2, a: 1 }] }],
    [{ type: "string", maxLength: 1 }, { type: "string", minLength: 2 }],
    // Without a type, properties say nothing of what is no object.
    [{ properties: { tag: { const: 1 } }, required: ["tag"] }, {
      properties: { tag: { const: 2 } },
      required: ["tag"],
    }],
    [tagged("a"), { ...tagged("b"), required: [] }],
    [tagged("a"), { type: "object", properties: { other: { const: "b" } }, required: ["other"] }],
    [{ anyOf: [tagged("a"), tagged("b")] }, tagged("b")],
    [{ type: "boolean", nullable: true }, { type: "null" }],
    [{ $ref: "#" }, { type: "null" }],
    [{ $ref: "#/nowhere" }, { type: "null" }],
  ];
  const lookUp = (ref: unknown) => ref === "#" ? { $ref: "#" } : undefined;
  for (const [a, b] of both) {
    assertEquals(
      [areDisjoint(a, b, lookUp), areDisjoint(b, a, lookUp)],
      [false, false],
      show(a, b),
    );
  }
});

Deno.test("firstOverlap() compares only what can meet: so many alternatives are no more pairs", () => {
  const kinds: ((i: number) => unknown)[] = [
    (i) => ({ const: i }),
    (i) => ({ enum: [i, `${i}`, { i }] }),
    (i) => tagged(i, { more: { type: "string" } }),
    (i) => ({ $ref: `#/$defs/${i}` }),
    (i) => tagged("same", { more: { type: "string" } }, { id: { const: i } }),
    // A few are not told apart by what tells apart the others.
    (i) => i === 7 ? { type: "string" } : tagged(i),
  ];
  const lookUp = (ref: unknown) => tagged(ref);
  for (const [kind, option] of kinds.entries()) {
    for (const length of [100, 1000]) {
      const options = Array.from({ length }, (_, i) => option(i));
      let numCompared = 0;
      const overlap = doAtOnce(firstOverlap(options, lookUp, () => numCompared++));
      assertEquals(overlap, undefined);
      assert(numCompared < length, `${kind}: ${numCompared} pairs of ${length}`);
    }
  }
});

Deno.test("firstOverlap() takes a step for each pair that is compared, also of alternatives within alternatives", () => {
  const wrapped = (length: number, first: number) => ({
    anyOf: Array.from({ length }, (_, i) => ({ anyOf: [{ const: first + i }, { type: "null" }] })),
  });
  const options = [wrapped(50, 0), { type: "boolean" }, { anyOf: [{ const: "a" }, tagged("a")] }];
  let numSteps = 0;
  for (const _ of firstOverlap(options, () => undefined)) numSteps++;
  assert(numSteps >= 50 * 2 * 3, `${numSteps}`);
});

Deno.test("firstOverlap() finds the same two as comparing each with each does", () => {
  const random = new Random(3);
  const number = () => Math.floor(random.next() * 12);
  const makers: (() => unknown)[] = [
    () => ({ const: number() }),
    () => ({ enum: [number(), `${number()}`] }),
    () => tagged(number()),
    () => tagged(number(), {}, { id: { enum: [number(), number()] } }),
    () => ({ ...tagged(number()), required: [] }),
    () => ({ ...tagged(number()), type: ["object", "null"] }),
    () => ({ ...tagged(number()), nullable: true }),
    () => ({ anyOf: [tagged(number()), { const: number() }] }),
    () => ({ $ref: `${number()}` }),
    () => ({ type: pick(["string", "boolean", "object"], random) }),
  ];
  const lookUp = (ref: unknown) => tagged(Number(ref));
  let numApart = 0;
  for (let round = 0; round < 2000; round++) {
    const some = [pick(makers, random), pick(makers, random)];
    const options = Array.from({ length: 2 + number() % 5 }, () => pick(some, random)());
    const pairs = options.flatMap((_, i) => options.map((_, k) => [i, k] as const).slice(i + 1));
    const expected = pairs.find(([i, k]) => !areDisjoint(options[i], options[k], lookUp));
    if (expected === undefined) numApart++;
    assertEquals(doAtOnce(firstOverlap(options, lookUp)), expected, show(...options));
  }
  assert(numApart > 200 && numApart < 1800, `${numApart}`);
});

function show(...schemas: unknown[]): string {
  return JSON.stringify(schemas);
}
