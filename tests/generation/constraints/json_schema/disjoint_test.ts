import { assertEquals } from "@std/assert";
import { areDisjoint } from "../../../../src/generation/constraints/json_schema/disjoint.ts";

const tagged = (value: unknown, more = {}) => ({
  type: "object",
  properties: { tag: { const: value }, ...more },
  required: ["tag"],
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

function show(...schemas: unknown[]): string {
  return JSON.stringify(schemas);
}
