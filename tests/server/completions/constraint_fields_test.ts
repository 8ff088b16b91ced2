import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { prepareConstraint } from "../../../src/server/completions/constraint_fields.ts";
import { complete, model, post, refusal, serving } from "../serving.ts";

const BODY = { prompt: "ROMEO:", max_tokens: 12, seed: 1 };
const SCHEMA = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };

/** What other servers call a constraint, by what it is called here. */
const SAME: readonly [own: object, others: readonly object[]][] = [
  [{ regex: "[ab]{5}" }, [
    { guided_regex: "[ab]{5}" },
    { structured_outputs: { regex: "[ab]{5}" } },
    { structured_outputs: { regex: "[ab]{5}", json: null, choice: null } },
  ]],
  [{ choices: ["yes", "no"] }, [
    { guided_choice: ["yes", "no"] },
    { structured_outputs: { choice: ["yes", "no"] } },
  ]],
  [{ json_schema: SCHEMA }, [
    { guided_json: SCHEMA },
    { guided_json: JSON.stringify(SCHEMA) },
    { structured_outputs: { json: SCHEMA } },
    { structured_outputs: { json: JSON.stringify(SCHEMA) } },
    { response_format: { type: "json_schema", json_schema: { schema: SCHEMA } } },
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "age", description: "An age", strict: true, schema: SCHEMA },
      },
    },
  ]],
  [{ json_schema: { type: "object" } }, [
    { response_format: { type: "json_object" } },
    { structured_outputs: { json_object: true } },
    { guided_json: { type: "object" } },
  ]],
  [{}, [
    { response_format: { type: "text" } },
    { response_format: null },
    { structured_outputs: {} },
    { structured_outputs: { json_object: false } },
  ]],
];

Deno.test("a constraint is the same by whichever name", async () => {
  using handler = serving();
  for (const [own, others] of SAME) {
    const { choices: [{ text }] } = await complete(handler, { ...BODY, ...own });
    for (const other of others) {
      const { choices } = await complete(handler, { ...BODY, ...other });
      assertEquals(choices[0].text, text, JSON.stringify(other));
    }
  }
});

const REFUSED: readonly [body: object, param: string, message: RegExp][] = [
  [{ guided_regex: 5 }, "guided_regex", /must be a text/],
  [{ guided_choice: [] }, "guided_choice", /1 to 1024 texts/],
  [{ guided_json: "{" }, "guided_json", /or JSON that is that/],
  [{ guided_json: "[]" }, "guided_json", /or JSON that is that/],
  [{ guided_json: { no: 1 } }, "guided_json", /guided_json cannot be used: at "#" .*received "no"/],
  [{ guided_json: '{"no":1}' }, "guided_json", /guided_json cannot be used/],
  [{ guided_json: { pattern: "(?=a)" } }, "guided_json", /pattern has a lookahead/],
  [{ guided_json: { enum: [] } }, "guided_json", /guided_json cannot be fulfilled/],
  [{ guided_regex: "(" }, "guided_regex", /: guided_regex is not a regular expression/],
  [
    { structured_outputs: { regex: "(?=a)" } },
    "structured_outputs.regex",
    /: structured_outputs.regex has/,
  ],
  [
    { response_format: { type: "json_schema", json_schema: { schema: { no: 1 } } } },
    "response_format.json_schema.schema",
    /: response_format\.json_schema\.schema cannot be used/,
  ],
  [{ guided_grammar: "a" }, "guided_grammar", /left out, or null, since it is not supported/],
  [{ guided_regex: "a".repeat(5000) }, "guided_regex", /at most 4096 characters: received 5000/],
  [{ response_format: {} }, "response_format.type", /"json_object"/],
  [{ response_format: { type: "xml" } }, "response_format.type", /must be one of/],
  [{ response_format: { type: "toString" } }, "response_format.type", /must be one of/],
  [
    { response_format: { type: "json_schema" } },
    "response_format.json_schema.schema",
    /is missing/,
  ],
  [
    { response_format: { type: "json_schema", json_schema: { shema: {} } } },
    "response_format.json_schema.shema",
    /Did you mean schema\?/,
  ],
  [{ response_format: { type: "text", x: 1 } }, "response_format.x", /no such field/],
  [{ structured_outputs: { grammar: "" } }, "structured_outputs.grammar", /not supported/],
  [{ structured_outputs: { regex: 1 } }, "structured_outputs.regex", /must be a text/],
  [
    { structured_outputs: { regex: "a", choice: ["a"] } },
    "structured_outputs.choice",
    /only one constraint/,
  ],
  [
    { regex: "a", guided_regex: "a" },
    "guided_regex",
    /only one constraint: received regex and guided_regex/,
  ],
  [{ json_schema: {}, response_format: { type: "json_object" } }, "response_format", /only one/],
];

Deno.test("a constraint of another form is refused, by the name that the client has for it", async () => {
  using handler = serving();
  for (const [body, param, message] of REFUSED) {
    const refused = await refusal(handler, post("/v1/completions", { ...BODY, ...body }));
    assertEquals([refused.status, refused.param], [400, param], refused.message);
    assertMatch(refused.message, message);
    const isUnknown = /no such field/.test(refused.message);
    assertEquals(refused.code, isUnknown ? "unknown_field" : "invalid_value");
  }
});

Deno.test("what comes of a client's schema, expression or text is never renamed", async () => {
  using handler = serving();
  const cases: readonly [body: object, message: string][] = [
    [
      { json_schema: { properties: { topK: { properties: { firstName: { minLength: -1 } } } } } },
      'at "#/properties/topK/properties/firstName" minLength is no count',
    ],
    [{ json_schema: { no: 1 } }, "minItems, maxItems, uniqueItems (false), pattern, minLength"],
    [
      { json_schema: { properties: { 'a"topK': { no: 1 } } } },
      String.raw`at "#/properties/a\"topK" a keyword`,
    ],
    [{ json_schema: { $ref: "#/$defs/maxNewTokens" } }, 'received "#/$defs/maxNewTokens"'],
    [
      { regex: "(?<topK>a" },
      'received "(?<topK>a". As JavaScript reads it with the flag u: Unterm',
    ],
    [{ regex: "/topK: (a" }, "flag u: Unterminated group."],
    [{ regex: String.raw`(?<topK>a)\k<topK>` }, String.raw`received "\\k<topK>"`],
    [{ top_p: 2 }, "Cannot sample: top_p is not above 0"],
  ];
  for (const [body, message] of cases) {
    const refused = await refusal(handler, post("/v1/completions", { ...BODY, ...body }));
    assertStringIncludes(refused.message, message);
  }
});

Deno.test("what a thousand properties have alike is prepared once, and not too large", async () => {
  using handler = serving();
  for (const type of ["integer", "number", "string"]) {
    const names = Array.from({ length: 1000 }, (_, i) => `p${i}`);
    const properties = Object.fromEntries(names.map((name) => [name, { type }]));
    const { choices } = await complete(handler, {
      ...BODY,
      json_schema: { type: "object", properties, required: names },
    });
    assertMatch(choices[0].text, /^\{"p0":./);
  }
});

Deno.test("a client that has left does not keep its place until its constraint is made", async () => {
  const constraint = { name: "guided_regex", option: "regex", value: "(ab|cd){20}" } as const;
  const reason = new DOMException("The client has left", "AbortError");
  const rejected = await assertRejects(() =>
    prepareConstraint(constraint, model.tokenizer, [], AbortSignal.abort(reason))
  );
  assertEquals(rejected, reason);
});
