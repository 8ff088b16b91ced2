// deno-lint-ignore-file no-import-prefix -- for tests only: not a dependency of the package
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Schema, Validator } from "npm:@cfworker/json-schema@4.1.6";
import { InvalidArgumentError } from "../../../../src/base/errors.ts";
import { Random } from "../../../../src/base/random.ts";
import { schemaExpression } from "../../../../src/generation/constraints/json_schema/schema_expression.ts";
import { accepts, automatonOf, nextBytes, randomText } from "../matching.ts";

async function automatonOfSchema(schema: unknown) {
  return automatonOf(await schemaExpression(schema));
}

const person = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "A person",
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12, description: "in full" },
    born: { type: "string", format: "date" },
    height: { type: "number", minimum: 0.4, exclusiveMaximum: 2.5 },
    'a "quoted" näme': { enum: ["x", 1, null, { deep: ["é"] }] },
    children: { type: "array", items: { $ref: "#" }, maxItems: 3 },
    address: { anyOf: [{ $ref: "#/$defs/address" }, { type: "null" }] },
  },
  required: ["name", "address"],
  additionalProperties: false,
  $defs: {
    address: {
      type: "object",
      properties: { street: { type: "string" }, zip: { type: "string", pattern: "^[0-9]{5}$" } },
      required: ["zip"],
    },
  },
};

/** Schemas, and for some of them documents that do and do not fit. */
const cases: { schema: Record<string, unknown>; fit?: string[]; unfit?: string[] }[] = [
  {
    schema: person,
    fit: ['{"name":"Ada","address":null}'],
    unfit: ['{"name":"Ada"}', '{"name":"","address":null}', '{"address":null,"name":"Ada"}'],
  },
  {
    schema: {},
    fit: ["null", "[]", "{}", '{"a":[1,{"b":"c"}]}', "-1.5e3", '"é\\n"'],
    unfit: ["", "nul", "[,]", "[1,]", "01", "1.", '"\n"', '"\\x"', "{a:1}", " 1"],
  },
  {
    schema: { type: ["integer", "null"] },
    fit: ["0", "-7", "null", "123456789012345"],
    unfit: ["-0", "1.0", "1234567890123456", "01"],
  },
  { schema: { type: "integer", minimum: -5, maximum: 105 } },
  { schema: { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 1000 } },
  { schema: { type: "integer", minimum: 2.5, maximum: 9007199254740991 } },
  {
    schema: { type: "number", minimum: -1.25, maximum: 0.75 },
    fit: ["0", "0.75", "0.750", "-1.25", "-1"],
    unfit: ["0.76", "-0", "-1.26", "-1.2500000001", "1e-1", "."],
  },
  {
    schema: { type: "number", exclusiveMinimum: 0 },
    fit: ["0.1", "1", "123456789.5"],
    unfit: ["0", "0.0", "-1"],
  },
  { schema: { type: "number" }, fit: ["-0.5", "1E+10", "0"], unfit: ["00", "+1", "1e", "-"] },
  { schema: { type: "boolean" }, fit: ["true", "false"], unfit: ["True"] },
  {
    schema: { const: { b: [1, "é\n"], a: null } },
    fit: ['{"b":[1,"é\\n"],"a":null}'],
    unfit: ["{}"],
  },
  { schema: { type: "string", enum: ["red", "green", 3] }, fit: ['"red"'], unfit: ["3", "red"] },
  {
    schema: { type: "string", minLength: 2, maxLength: 4 },
    fit: ['"ab"', '"日本語😀"', '"\\n\\u0000\\"\\\\"'],
    unfit: ['"a"', '"abcde"', '"\\/a"', '"\\u0041b"'],
  },
  {
    schema: { type: "string", pattern: '[\\n"]x' },
    fit: ['"a\\nx"', '"\\"xé"'],
    unfit: ['"nx"', '"x"'],
  },
  {
    schema: { type: "string", pattern: "^\\p{Lu}\\p{Ll}{1,5}$", maxLength: 6 },
    fit: ['"Éte"'],
    unfit: ['"ete"'],
  },
  ...["date-time", "date", "time", "uuid", "email", "ipv4", "uri"].map((format) => ({
    schema: { type: "string", format },
  })),
  {
    schema: {
      type: "array",
      items: { type: "integer", minimum: 0, maximum: 9 },
      minItems: 2,
      maxItems: 4,
    },
    fit: ["[1,2]", "[1,2,3,4]"],
    unfit: ["[]", "[1]", "[1,2,3,4,5]", "[1,2,]", "[12,1]"],
  },
  { schema: { type: "array", maxItems: 0 }, fit: ["[]"], unfit: ["[1]"] },
  {
    schema: {
      type: "array",
      prefixItems: [{ type: "null" }, { const: 1 }],
      items: { type: "boolean" },
      minItems: 1,
      maxItems: 4,
    },
    fit: ["[null]", "[null,1]", "[null,1,true,false]"],
    unfit: ["[]", "[1]", "[null,true]", "[null,1,true,true,true]"],
  },
  {
    schema: { prefixItems: [{ type: "null" }], items: false },
    fit: ["[]", "[null]"],
    unfit: ["[null,null]"],
  },
  { schema: { type: "object" }, fit: ["{}", '{"a":1,"b":{}}'], unfit: ['{"a"}', '{"a":1,}'] },
  {
    schema: { type: "object", additionalProperties: { type: "boolean" } },
    fit: ['{"x":true}'],
    unfit: ['{"x":1}'],
  },
  {
    schema: { properties: { a: true, b: { type: "null" } } },
    fit: ["{}", '{"a":1}', '{"b":null}', '{"a":[],"b":null}'],
    unfit: ['{"b":null,"a":1}', '{"c":1}', '{,"b":null}'],
  },
  {
    schema: { type: "object", required: ["z", "a"], properties: { a: { type: "null" } } },
    fit: ['{"a":null,"z":[1]}'],
    unfit: ['{"a":null}'],
  },
  {
    schema: { type: "object", propertyNames: { pattern: "^[a-z]{1,3}$" } },
    fit: ["{}", '{"a":1,"abc":[]}'],
    unfit: ['{"A":1}', '{"":1}', '{"abcd":1}', "{a:1}"],
  },
  {
    schema: { propertyNames: { enum: ["a", "é"] }, additionalProperties: { type: "null" } },
    fit: ["{}", '{"é":null,"a":null}'],
    unfit: ['{"b":null}', '{"a":1}'],
  },
  {
    schema: { propertyNames: { minLength: 2, maxLength: 2 } },
    fit: ['{"日本":1}'],
    unfit: ['{"a":1}'],
  },
  { schema: { propertyNames: false }, fit: ["{}"], unfit: ['{"a":1}'] },
  {
    schema: {
      oneOf: [
        { type: "object", properties: { kind: { const: "a" } }, required: ["kind"] },
        { $ref: "#/$defs/b" },
        { type: "null" },
        { enum: ["x", 5] },
      ],
      $defs: {
        b: {
          type: "object",
          properties: { kind: { const: "b" }, size: { type: "integer" } },
          required: ["kind"],
        },
      },
    },
    fit: ['{"kind":"a"}', '{"kind":"b","size":3}', "null", '"x"', "5"],
    unfit: ['{"kind":"c"}', '{"kind":"a","size":3}', "6"],
  },
  {
    schema: {
      $ref: "#/definitions/tree~1of%20words",
      definitions: {
        "tree/of words": { type: "array", items: { $ref: "#/definitions/tree~1of%20words" } },
      },
    },
    fit: ["[]", "[[[]],[]]"],
    unfit: ["[1]"],
  },
];

Deno.test("schemaExpression() leads only to documents that are valid", async () => {
  const random = new Random(1);
  let numDocuments = 0;
  for (const { schema } of cases) {
    const validator = new Validator(schema as Schema, "2020-12", false);
    const automaton = await automatonOfSchema(schema);
    for (let i = 0; i < 80; i++) {
      const made = randomText(automaton, random, 400);
      if (made === undefined) continue;
      numDocuments++;
      const { valid, errors } = validator.validate(JSON.parse(made));
      assert(valid, `${JSON.stringify(schema)}: ${made}: ${JSON.stringify(errors)}`);
    }
  }
  assert(numDocuments > 1500, `${numDocuments}`);
});

Deno.test("schemaExpression() accepts the documents that a schema describes, in compact form", async () => {
  for (const { schema, fit = [], unfit = [] } of cases) {
    const automaton = await automatonOfSchema(schema);
    for (const text of fit) assert(accepts(automaton, text), `${JSON.stringify(schema)}: ${text}`);
    for (const text of unfit) {
      assert(!accepts(automaton, text), `${JSON.stringify(schema)}: ${text}`);
    }
  }
});

Deno.test("nullable allows null beside a type, as OpenAPI has it", async () => {
  const nullable = await automatonOfSchema({ type: "boolean", nullable: true });
  for (const text of ["null", "true"]) assert(accepts(nullable, text));
  const listed = await automatonOfSchema({ type: "string", nullable: true, enum: ["a", null, 1] });
  assertEquals(["null", '"a"', "1"].map((text) => accepts(listed, text)), [true, true, false]);
  for (const schema of [{ type: "boolean", nullable: false }, { maxLength: 1, nullable: true }]) {
    assert(!accepts(await automatonOfSchema(schema), "null"));
  }
});

Deno.test("strings are what JSON.stringify() writes, for each character", async () => {
  const automaton = await automatonOfSchema({ type: "string" });
  for (
    const code of [
      ...Array(0x300).keys(),
      0x2028,
      0xd7ff,
      0xe000,
      0xfeff,
      0xffff,
      0x10000,
      0x10ffff,
    ]
  ) {
    assert(accepts(automaton, JSON.stringify(String.fromCodePoint(code))), `${code}`);
  }
  assert(!accepts(automaton, '"\\u0041"'));
  assert(!accepts(automaton, '"\\ud800"'));
});

Deno.test("bounds of integers are exact", async () => {
  const random = new Random(2);
  for (let round = 0; round < 60; round++) {
    const size = 10 ** Math.floor(random.next() * 5);
    const [a, b] = [random.normal(), random.normal()].map((x) => Math.round(x * size));
    const [minimum, maximum] = [Math.min(a, b), Math.max(a, b)];
    const automaton = await automatonOfSchema({ type: "integer", minimum, maximum });
    const near = [minimum, maximum, 0, 9, 10, 99, 100, -9, -10].flatMap((n) => [n - 1, n, n + 1]);
    for (const n of [...near, ...near.map((n) => Math.round(n * random.next()))]) {
      assertEquals(
        accepts(automaton, String(n)),
        n >= minimum && n <= maximum,
        `${minimum} ${n} ${maximum}`,
      );
    }
  }
});

Deno.test("bounds of decimal numbers are exact", async () => {
  const random = new Random(3);
  for (let round = 0; round < 60; round++) {
    const scale = 10 ** Math.floor(random.next() * 4);
    const [a, b] = [random.normal(), random.normal()].map((x) => Math.round(x * 200) / scale);
    if (a === b) continue;
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const closed = await automatonOfSchema({ type: "number", minimum: low, maximum: high });
    const open = await automatonOfSchema({
      type: "number",
      exclusiveMinimum: low,
      exclusiveMaximum: high,
    });
    const step = 1 / scale / 10;
    const near = [low, high, 0].flatMap((x) => [x - step, x, x + step, x - 1e-7, x + 1e-7]);
    for (const x of [...near, ...near.map((x) => x * random.next())]) {
      const written = x.toFixed(8).replace(/^-(0\.0+)$/, "$1");
      for (const text of [written, written.replace(/\.?0+$/, "")]) {
        const value = Number(text);
        assertEquals(
          accepts(closed, text),
          value >= low && value <= high,
          `${low} ${text} ${high}`,
        );
        assertEquals(accepts(open, text), value > low && value < high, `${low} ${text} ${high}`);
      }
    }
  }
});

Deno.test("bounds that are far away hold, too", async () => {
  const random = new Random(5);
  for (const type of ["number", "integer"]) {
    for (const far of [1e15, 2e15, 1e21, 1e90]) {
      const schemas: Schema[] = [
        { maximum: far },
        { exclusiveMaximum: far },
        { minimum: -far },
        { exclusiveMinimum: -far },
        { minimum: -far, maximum: far },
        { minimum: -1, exclusiveMaximum: far },
      ];
      for (const bounds of schemas) {
        const validator = new Validator({ type, ...bounds } as Schema, "2020-12", false);
        const automaton = await automatonOfSchema({ type, ...bounds });
        const written = Array.from({ length: 40 }, () => randomText(automaton, random));
        for (const text of [...written, "0", "123456789"]) {
          assert(accepts(automaton, text!), `${JSON.stringify(bounds)}: ${text}`);
          assert(validator.validate(Number(text)).valid, `${JSON.stringify(bounds)}: ${text}`);
        }
        for (const text of ["1e95", "-1e95", "1e15", "-2E+15"]) {
          if (validator.validate(Number(text)).valid) continue;
          assert(!accepts(automaton, text), `${JSON.stringify(bounds)}: ${text}`);
        }
      }
    }
  }
});

Deno.test("schemas that allow nothing are found out", async () => {
  const impossible = [
    false,
    { type: "array", minItems: 3, maxItems: 2 },
    { type: "array", prefixItems: [true], items: false, minItems: 2 },
    { type: "string", minLength: 3, maxLength: 2 },
    { type: "integer", minimum: 3, maximum: 2 },
    { type: "number", exclusiveMinimum: 1, exclusiveMaximum: 1 },
    { type: "string", enum: [1, 2] },
    { enum: [] },
    { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
    { type: "object", properties: {}, required: ["a"], additionalProperties: false },
  ];
  for (const schema of impossible) {
    let error: Error | undefined;
    await automatonOfSchema(schema).catch((reason) => error = reason);
    assertEquals(error?.message, "no text fulfils the expression", JSON.stringify(schema));
  }
});

Deno.test("the keywords that a refusal lists as supported are those of the documentation, and are accepted", async () => {
  const refusal = await automatonOfSchema({ no: 1 }).then(() => "", ({ message }) => message);
  const listed: string[] = refusal.match(/these are supported: (.*)\.$/)![1].split(", ");
  const page = await Deno.readTextFile(
    new URL("../../../../docs/generating.md", import.meta.url),
  );
  assert(listed.includes("uniqueItems (false)") && listed.includes("allOf (of one)"));
  for (const keyword of listed) {
    const [name, limit] = keyword.split(/ (?=\()/);
    const shown = limit === "(false)" ? `"${name}": false` : name;
    assert(page.includes(`\`${shown}\``) || page.includes(`\`"${name}": `), keyword);
  }
  await automatonOfSchema({ type: "array", items: { type: "null" }, uniqueItems: false });
});

Deno.test("schemaExpression() refuses by name and place what it does not support", async () => {
  const cases: [unknown, string][] = [
    [
      { type: "integer", multipleOf: 3 },
      'at "#" a keyword is not supported: received "multipleOf"',
    ],
    [
      { properties: { a: { items: { not: {} } } } },
      'at "#/properties/a/items" a keyword is not supported: received "not"',
    ],
    [{ allOf: [{}, {}] }, "allOf of other than one schema is not supported: received 2 of them"],
    [
      { anyOf: [{ oneOf: [{ type: "null" }, { const: 1 }, { type: "integer" }] }] },
      'at "#/anyOf/0" a document may fit two alternatives of oneOf, which is not supported: received numbers 1 and 2',
    ],
    [{ type: "string", nullable: 1 }, "nullable is not true or false"],
    [{ $ref: "#", nullable: true }, "$ref together with other keywords"],
    [{ propertyNames: { pattern: "a" }, required: ["a"] }, "propertyNames together with"],
    [{ propertyNames: { type: "integer" } }, 'at "#/propertyNames" a name is no string'],
    [{ propertyNames: { $ref: "#" } }, "$ref together with other keywords"],
    [{ uniqueItems: true }, "uniqueItems is not supported"],
    [{ patternProperties: {} }, '"patternProperties"'],
    [
      { anyOf: [{ type: "null" }], type: "null" },
      "anyOf together with other keywords is not supported",
    ],
    [{ $ref: "#/$defs/a", minimum: 1, $defs: { a: {} } }, "$ref together with other keywords"],
    [{ enum: [1], minimum: 1 }, "enum together with other keywords"],
    [{ $ref: "https://example.com/schema" }, "a reference does not lead to a definition"],
    [{ $ref: "#/properties/a" }, "a reference does not lead to a definition"],
    [{ $ref: "#/$defs/a" }, "there is no such definition"],
    [{ $ref: "#" }, 'a definition refers to itself: received "# -> #"'],
    [{
      $ref: "#/$defs/a",
      $defs: { a: { anyOf: [{ type: "null" }, { $ref: "#/$defs/b" }] }, b: { $ref: "#/$defs/a" } },
    }, '"#/$defs/a -> #/$defs/b -> #/$defs/a"'],
    [{ type: "strng" }, "there is no such type"],
    [{ type: "string", format: "hostname" }, "there is no such format"],
    [{ type: "string", format: "date", pattern: "a" }, "pattern and format are together"],
    [
      { type: "string", pattern: "^a*b*$", maxLength: 3 },
      "maxLength excludes texts that pattern allows",
    ],
    [
      { type: "string", pattern: "^a*(bc?)*$", minLength: 3 },
      "minLength excludes texts that pattern allows",
    ],
    [
      { type: "string", format: "uri", maxLength: 100 },
      "maxLength excludes texts that format allows",
    ],
    [{ type: "string", maxLength: 10_001 }, "maxLength is too large"],
    [{ type: "string", minLength: 1.5 }, "minLength is no count"],
    [{ type: "string", pattern: 5 }, "pattern is no text"],
    [{ type: "string", pattern: "(" }, "pattern is not a regular expression"],
    [{ type: "string", pattern: "(?=a)" }, "pattern has a lookahead"],
    [{ type: "number", minimum: "1" }, "minimum is no number"],
    [{ type: "number", minimum: 0.1234567890123456 }, "a bound has more than 15 digits"],
    [{ type: "number", maximum: Infinity }, "maximum is too large to be read as a number"],
    [{ const: 12345678901234567000 }, "const has a number that is not read as it is written"],
    [{ enum: [1, { a: [-Infinity] }] }, "enum has a number that is not read as it is written"],
    [{ type: "integer", minimum: 1e15 }, "a bound has more than 15 digits"],
    [{ items: [{ type: "null" }] }, "Use prefixItems"],
    [{ properties: [] }, "properties is no object"],
    [{ required: "a" }, "required is no list"],
    [{ required: [1] }, "required has what is no name"],
    [{ properties: { a: 5 } }, 'at "#/properties/a" there is no schema'],
  ];
  for (const [schema, message] of cases) {
    const error = await assertRejects(() => schemaExpression(schema), InvalidArgumentError);
    assert(error.message.includes(message), error.message);
  }
});

Deno.test("names of properties are not those of every object", async () => {
  const automaton = await automatonOfSchema(
    JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"null"}},"required":["__proto__","toString"]}',
    ),
  );
  assert(accepts(automaton, '{"__proto__":null,"toString":1}'));
  assertEquals(nextBytes(automaton, automaton.start), [0x7b]);
});

Deno.test("alternatives of oneOf are compared in turns with others, where each is compared with each", async () => {
  // By no one value; and the last two overlap, so that nothing but comparing is done.
  const oneOf = Array.from(
    { length: 400 },
    (_, i) => ({ anyOf: [{ const: i }, { const: `${i}` }] }),
  );
  oneOf.push(oneOf[399]);
  let isOthersTurn = false;
  setTimeout(() => isOthersTurn = true, 0);
  await assertRejects(
    () => schemaExpression({ oneOf }),
    InvalidArgumentError,
    "received numbers 399 and 400",
  );
  assert(isOthersTurn);
});
