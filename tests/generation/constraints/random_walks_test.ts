// deno-lint-ignore-file no-import-prefix -- for tests only: not a dependency of the package
import { assert } from "@std/assert";
import { type Schema, Validator } from "npm:@cfworker/json-schema@4.1.6";
import { Random } from "../../../src/base/random.ts";
import { compileConstraint } from "../../../src/generation/constraints/compile_constraint.ts";
import type { ConstraintOptions } from "../../../src/generation/constraints/constraint_options.ts";
import { hasToken, type TokenMask } from "../../../src/generation/sampling/token_mask.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";

const gpt2 = await Tokenizer.gpt2();
const END = 50256;

/** One of the tokens of a mask: half of the time one of the first that there are, mostly single bytes. */
function draw(mask: TokenMask, random: Random): number {
  if (hasToken(mask, END) && random.next() < 0.3) return END;
  for (let attempt = 0; attempt < 20 && random.next() < 0.97; attempt++) {
    const id = Math.floor(random.next() * END);
    if (hasToken(mask, id)) return id;
  }
  const ids: number[] = [];
  for (let id = 0; id <= END && ids.length < 250; id++) if (hasToken(mask, id)) ids.push(id);
  assert(ids.length > 0, "a dead end");
  return ids[Math.floor(random.next() * ids.length)];
}

async function* walks(options: ConstraintOptions, count: number, random: Random) {
  const constraint = (await compileConstraint(options, gpt2, [END]))!;
  for (let walk = 0; walk < count; walk++) {
    const ids: number[] = [];
    let state = constraint.start();
    while (!state.isFinished && ids.length < 60) {
      const id = draw(state.allowed, random);
      if (id === END) break;
      ids.push(id);
      state = state.after(id);
    }
    if (!state.isComplete) continue;
    yield new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(gpt2.decodeBytes(ids));
  }
}

const schemas: Record<string, unknown>[] = [
  {
    type: "object",
    properties: {
      id: { type: "string", format: "uuid" },
      age: { type: "integer", minimum: 0, maximum: 130 },
      tags: { type: "array", items: { type: "string", maxLength: 6 }, maxItems: 3 },
      parent: { anyOf: [{ $ref: "#/$defs/name" }, { type: "null" }] },
    },
    required: ["age", "parent"],
    additionalProperties: false,
    $defs: { name: { type: "string", pattern: "^[A-Zé日]{1,4}$" } },
  },
  { type: "array", items: { type: "number", minimum: -0.5, exclusiveMaximum: 10 }, minItems: 1 },
  { type: "object", additionalProperties: { type: ["boolean", "null"] } },
  { type: "string", minLength: 1, maxLength: 30 },
  { type: "string", format: "date-time" },
  { enum: ["red", "é", 12, { a: [null] }] },
];

Deno.test("tokens drawn among those allowed make valid documents", async () => {
  const random = new Random(1);
  let numDocuments = 0;
  for (const jsonSchema of schemas) {
    const validator = new Validator(jsonSchema as Schema, "2020-12", false);
    for await (const text of walks({ jsonSchema }, 250, random)) {
      assert(validator.validate(JSON.parse(text)).valid, text);
      numDocuments++;
    }
  }
  assert(numDocuments > 1000, `${numDocuments}`);
});

Deno.test("tokens drawn among those allowed make texts that match", async () => {
  const random = new Random(2);
  const regexes = [
    /[A-Z][a-z]{1,9}( [a-zé日]+){0,4}[.!?]/u,
    /.{2,20}/u,
    /(\p{Lu}\p{Ll}*[ ,]*){1,5}/u,
    /[^\p{ASCII}]{1,5}x/u,
    /(\d{1,3}\.){3}\d{1,3}/u,
    /(yes|no|[😀日]+)(, (yes|no)){0,3}/iu,
    /a*?(b|cd)+?[^]{0,3}/u,
  ];
  let numTexts = 0;
  for (const regex of regexes) {
    const whole = new RegExp(`^(?:${regex.source})$`, regex.flags);
    for await (const text of walks({ regex }, 250, random)) {
      assert(whole.test(text), `${regex} ${JSON.stringify(text)}`);
      numTexts++;
    }
  }
  assert(numTexts > 1200, `${numTexts}`);
});
