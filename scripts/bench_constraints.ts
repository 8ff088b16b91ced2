/**
 * Measures what constraints cost with GPT-2's 50,257 tokens: to make one, and for each token.
 *
 *     deno run -A scripts/bench_constraints.ts [--rounds 5]
 *
 * Each constraint is made in a process of its own, so that nothing is warm. Its texts are drawn at random among the
 * allowed tokens, which leads to more states that were never met than a model's texts would.
 *
 * @module
 */
import { Random } from "../src/base/random.ts";
import { compileConstraint } from "../src/generation/constraints/compile_constraint.ts";
import type { ConstraintOptions } from "../src/generation/constraints/constraint_options.ts";
import { hasToken, type TokenMask } from "../src/generation/sampling/token_mask.ts";
import { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { parseFlags } from "./parse_flags.ts";

const NUM_TEXTS = 20;
const MAX_TOKENS = 100;

const person = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 40 },
    born: { type: "string", format: "date" },
    height: { type: "number", minimum: 0.3, maximum: 2.5 },
    email: { type: "string", format: "email" },
    tags: { type: "array", items: { enum: ["friend", "family", "work"] }, maxItems: 5 },
    address: { $ref: "#/$defs/address" },
    children: { type: "array", items: { $ref: "#" } },
    notes: { type: "string" },
  },
  required: ["name", "address"],
  additionalProperties: false,
  $defs: {
    address: {
      type: "object",
      properties: {
        street: { type: "string", maxLength: 60 },
        zip: { type: "string", pattern: "^[0-9]{5}$" },
        country: { anyOf: [{ enum: ["DE", "FR", "US"] }, { type: "null" }] },
      },
      required: ["zip"],
    },
  },
};

const CONSTRAINTS: Readonly<Record<string, ConstraintOptions>> = {
  "1,000 choices": { choices: Array.from({ length: 1000 }, (_, i) => `answer ${i * 7919 % 5003}`) },
  "regex: a date": { regex: "\\d{4}-\\d{2}-\\d{2}" },
  "regex: .*": { regex: ".*" },
  "regex: words": { regex: "\\p{Lu}\\p{Ll}+( \\p{L}+){0,30}[.!?]" },
  "JSON Schema: nested, recursive": { jsonSchema: person },
  "JSON Schema: any document": { jsonSchema: true },
};

interface Costs {
  readonly compileMs: number;
  readonly meanMs: number;
  /** Of the tokens before which there was a state that had not been met. */
  readonly firstMeanMs: number;
  readonly worstMs: number;
  readonly numTokens: number;
}

/** In a process of its own. */
async function measure(options: ConstraintOptions, seed: number): Promise<Costs> {
  const tokenizer = await Tokenizer.gpt2();
  const end = tokenizer.endOfTextId!;
  const begin = performance.now();
  const constraint = (await compileConstraint(options, tokenizer, [end]))!;
  const compileMs = performance.now() - begin;
  const random = new Random(seed);
  const times: number[] = [];
  const firstTimes: number[] = [];
  const met = new Set<TokenMask>();
  for (let text = 0; text < NUM_TEXTS; text++) {
    let state = constraint.start();
    for (let place = 0; place < MAX_TOKENS && !state.isFinished; place++) {
      const asked = performance.now();
      const { allowed } = state;
      let elapsedMs = performance.now() - asked;
      const id = draw(allowed, tokenizer.vocabSize, random);
      const drawn = performance.now();
      state = state.after(id);
      elapsedMs += performance.now() - drawn;
      times.push(elapsedMs);
      if (!met.has(allowed)) firstTimes.push(elapsedMs);
      met.add(allowed);
      if (id === end) break;
    }
  }
  return {
    compileMs,
    meanMs: mean(times),
    firstMeanMs: mean(firstTimes),
    worstMs: Math.max(...times),
    numTokens: times.length,
  };
}

function draw(mask: TokenMask, vocabSize: number, random: Random): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const id = Math.floor(random.next() * vocabSize);
    if (hasToken(mask, id)) return id;
  }
  const ids = Array.from({ length: vocabSize }, (_, id) => id).filter((id) => hasToken(mask, id));
  return ids[Math.floor(random.next() * ids.length)];
}

async function measureApart(name: string, seed: number): Promise<Costs> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, "--only", name, "--seed", String(seed)],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

if (import.meta.main) {
  const { values } = parseFlags(Deno.args, {
    values: ["rounds", "only", "seed"],
    switches: [],
  });
  if (values.only !== undefined) {
    console.log(JSON.stringify(await measure(CONSTRAINTS[values.only], Number(values.seed))));
  } else {
    const rounds = Number(values.rounds ?? 5);
    console.log(
      "| constraint | made, ms | mean for a token, ms | where the state is new, ms | worst token, ms | tokens |",
    );
    console.log("| --- | --- | --- | --- | --- | --- |");
    for (const name of Object.keys(CONSTRAINTS)) {
      const costs: Costs[] = [];
      for (let round = 1; round <= rounds; round++) costs.push(await measureApart(name, round));
      const of = (key: keyof Costs) => median(costs.map((each) => each[key]));
      console.log(
        `| ${name} | ${of("compileMs").toFixed(0)} | ${of("meanMs").toFixed(3)} | ${
          of("firstMeanMs").toFixed(2)
        } | ${of("worstMs").toFixed(2)} | ${of("numTokens")} |`,
      );
    }
  }
}
