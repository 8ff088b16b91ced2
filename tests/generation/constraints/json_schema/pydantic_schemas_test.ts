import { assert, assertEquals } from "@std/assert";
import { Random } from "../../../../src/base/random.ts";
import { schemaExpression } from "../../../../src/generation/constraints/json_schema/schema_expression.ts";
import { accepts, automatonOf, randomText } from "../matching.ts";

/** What `model_json_schema()` of Pydantic makes of everyday types, and texts that fit and do not. */
const CASES: readonly { schema: object; fit: readonly string[]; unfit: readonly string[] }[] = [
  // HttpUrl
  {
    schema: { format: "uri", maxLength: 2083, minLength: 1, type: "string" },
    fit: ['"http://a"', '"https://example.org:8080/a/b%20c?d=/e#f"', '"http://a1.b2/?#"'],
    unfit: [
      '""',
      '"example.org"',
      `"http://a/${"b".repeat(2083)}"`,
      '"http://a b"',
      '"http://a.34"',
      '"ftp://a"',
    ],
  },
  // constr(pattern=..., min_length=3, max_length=5)
  {
    schema: { type: "string", pattern: "^[a-z0-9_-]+$", minLength: 3, maxLength: 5 },
    fit: ['"abc"', '"a_b-c"'],
    unfit: ['"ab"', '"abcdef"', '"ABC"'],
  },
  // timedelta
  {
    schema: { type: "string", format: "duration" },
    fit: ['"P3D"', '"P3DT12H30M5S"', '"PT5S"', '"PT10H"', '"PT1M2S"'],
    unfit: ['"P"', '"PT"', '"3D"', '"P1DT"', '"PT1H5S"'],
  },
  // bytes, SecretStr, Path
  {
    schema: { type: "string", format: "binary" },
    fit: ['"é\\n"', '""'],
    unfit: ["1"],
  },
  {
    schema: { type: "string", format: "password", writeOnly: true, minLength: 2 },
    fit: ['"ab"'],
    unfit: ['"a"'],
  },
  { schema: { type: "string", format: "path" }, fit: ['"/a/b"'], unfit: ["null"] },
  // Field(discriminator="kind")
  {
    schema: {
      $defs: {
        Cat: {
          type: "object",
          properties: { kind: { const: "cat", type: "string" } },
          required: ["kind"],
        },
        Dog: {
          type: "object",
          properties: { kind: { const: "dog", type: "string" } },
          required: ["kind"],
        },
      },
      discriminator: {
        mapping: { cat: "#/$defs/Cat", dog: "#/$defs/Dog" },
        propertyName: "kind",
      },
      oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
    },
    fit: ['{"kind":"cat"}', '{"kind":"dog"}'],
    unfit: ['{"kind":"cow"}', "{}"],
  },
  // A model in a field with a default, as older versions write it.
  {
    schema: {
      $defs: { A: { type: "integer" } },
      allOf: [{ $ref: "#/$defs/A" }],
      default: 1,
    },
    fit: ["7"],
    unfit: ['"7"'],
  },
  {
    schema: { type: "array", items: { type: "boolean" }, uniqueItems: false },
    fit: ["[true,true]"],
    unfit: ["[1]"],
  },
];

for (const { schema, fit, unfit } of CASES) {
  Deno.test(`schemaExpression() reads ${JSON.stringify(schema).slice(0, 60)}`, async () => {
    const automaton = automatonOf(await schemaExpression(schema));
    for (const text of fit) assert(accepts(automaton, text), text);
    for (const text of unfit) assert(!accepts(automaton, text), text);
  });
}

Deno.test("a uri is no longer than it may be, and is one", async () => {
  const schema = { type: "string", format: "uri", maxLength: 300 };
  const automaton = automatonOf(await schemaExpression(schema));
  const random = new Random(4);
  for (let round = 0; round < 30; round++) {
    const text = randomText(automaton, random, 400);
    if (text === undefined) continue;
    const url = JSON.parse(text);
    assert(url.length <= 300 && URL.canParse(url), url);
  }
  const label = "a".repeat(61);
  const head = `https://${[label, label, label, label].join(".")}:8080`;
  assertEquals(head.length, 260);
  const parts = ["/", "?", "#"].map((sign) => sign + "%20".repeat(4)).join("");
  assert(accepts(automaton, JSON.stringify(head + parts)));
  assertEquals((head + parts).length, 299);
});
