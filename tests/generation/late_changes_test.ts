/** What callers do to their lists and objects after a call. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Intervention, Interventions } from "../../src/engine/intervention.ts";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";
import type { GeneratedToken } from "../../src/generation/generated_token.ts";
import type { AppendOptions } from "../../src/generation/text_options.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { smallMerges, smallTokens } from "../tokenizer/small_vocabulary.ts";

const tokenizer = new Tokenizer({ tokens: smallTokens, merges: smallMerges });
const config = new GPT2Config({
  vocabSize: tokenizer.vocabSize,
  contextLength: 48,
  embeddingDim: 32,
  numHeads: 2,
  numLayers: 1,
});
const model = new GPT2(config, { seed: 1, threads: 1, tokenizer });
const many = Array.from({ length: 200 }, (_, id) => id);

/** Options with an intervention that turns an activation round, among others. */
function turning(places: Partial<Intervention>): GenerateOptions {
  return { intervene: { finalNorm: [{ change: (x) => scale(x, -1), ...places }] } };
}

function turningOf({ intervene }: GenerateOptions): Intervention {
  return (intervene!.finalNorm as Intervention[])[0];
}

/** Options, and what somebody makes of them, which would give another text. */
const CHANGES: Record<string, [() => GenerateOptions, (options: GenerateOptions) => void]> = {
  maxNewTokens: [() => ({}), (options) => options.maxNewTokens = 2],
  badWords: [() => ({ badWords: [[1]] }), ({ badWords }) => {
    (badWords as number[][]).push(...many.map((id) => [id]));
  }],
  "a bad word": [() => ({ badWords: [[1, 2]] }), ({ badWords }) => {
    (badWords as number[][])[0].splice(0, 2, 19);
  }],
  suppressTokens: [() => ({ suppressTokens: Uint32Array.of(1) }), ({ suppressTokens }) => {
    (suppressTokens as Uint32Array)[0] = 19;
  }],
  forcedStart: [() => ({ forcedStart: [5, 6] }), ({ forcedStart }) => {
    (forcedStart as number[])[1] = 7;
  }],
  stop: [() => ({ stop: ["no such"] }), ({ stop }) => {
    (stop as string[]).push(...smallTokens);
  }],
  logitBias: [() => ({ logitBias: { 1: 1 } }), ({ logitBias }) => {
    (logitBias as Record<number, number>)[9] = 1000;
  }],
  "a map of biases": [() => ({ logitBias: new Map([[1, 1]]) }), ({ logitBias }) => {
    (logitBias as Map<number, number>).set(9, 1000);
  }],
  choices: [() => ({ choices: ["hello"] }), ({ choices }) => {
    (choices as string[])[0] = "bye";
  }],
  "the positions of an intervention": [() => turning({ positions: [3, 4] }), (options) => {
    (turningOf(options).positions as number[]).splice(0);
  }],
  "the texts of an intervention": [() => turning({ texts: [0] }), (options) => {
    (turningOf(options).texts as number[]).splice(0);
  }],
  "an intervention": [() => turning({ positions: [3, 4] }), (options) => {
    Object.assign(turningOf(options), { change: (x: Tensor) => x });
  }],
  jsonSchema: [() => ({ jsonSchema: { enum: ["hello"] } }), ({ jsonSchema }) => {
    ((jsonSchema as Record<string, unknown>).enum as string[])[0] = "bye";
  }],
};

async function idsOf(generated: AsyncIterable<GeneratedToken>): Promise<number[]> {
  return (await Array.fromAsync(generated)).map(({ id }) => id);
}

/** The same call made with the changed options from the start, with a change at some time, and with none. */
async function assertUnchanged(
  name: string,
  generate: (options: GenerateOptions) => Promise<AsyncGenerator<GeneratedToken>>,
): Promise<void> {
  const [make, change] = CHANGES[name];
  const fixed = { seed: 1, maxNewTokens: 6, greedy: name === "a bad word" };
  const given = () => ({ ...fixed, ...make() });
  const all = async (options: GenerateOptions) => await idsOf(await generate(options));
  const expected = await all(given());
  for (const when of ["after the call", "after next()", "after a token"]) {
    const options = given();
    const generated = await generate(options);
    if (when === "after the call") change(options);
    const first = generated.next();
    if (when === "after next()") change(options);
    const { value } = await first;
    if (when === "after a token") change(options);
    assertEquals([(value as GeneratedToken).id, ...await idsOf(generated)], expected, when);
    // Nor is anything remembered under a wrong name.
    assertEquals(await all(given()), expected, when);
  }
  const changed = given();
  change(changed);
  if (name !== "a bad word") assertNotEquals(await all(changed), expected);
}

for (const name of Object.keys(CHANGES)) {
  Deno.test(`generate() does not mind what becomes of its options when ${name} changes`, async () => {
    await assertUnchanged(
      name,
      (options) => Promise.resolve(model.generate([1, 2, 3], options)),
    );
    await assertUnchanged(
      name,
      async (options) => (await model.open([1, 2, 3])).generate(options),
    );
  });
}

Deno.test("generate(), explore(), open() and forward() do not mind what becomes of a prompt", async () => {
  const reads: ((prompt: number[]) => Promise<unknown>)[] = [
    (prompt) => idsOf(model.generate(prompt, { seed: 1, maxNewTokens: 4 })),
    (prompt) => idsOf(model.generate([prompt, [4]], { seed: 1, maxNewTokens: 4, batchSize: 1 })),
    (prompt) => model.generateText(prompt, { numBeams: 2, maxNewTokens: 4 }),
    (prompt) => model.explore(prompt, { depth: 2, minProbability: 0 }),
    async (prompt) => (await model.forward(prompt)).logits,
    async (prompt) => {
      const capture = { names: ["finalNorm"], positions: [prompt.length - 1] };
      const intervene: Interventions = { embedding: (x) => x };
      const result = model.forward(prompt, { capture, intervene });
      capture.names[0] = "no such";
      capture.positions.push(9999);
      Object.assign(intervene, { "no such": (x: unknown) => x });
      return Object.keys((await result).activations!);
    },
    async (prompt) => await (await model.open(prompt)).logits(),
  ];
  for (const read of reads) {
    const prompt = [1, 2, 3];
    const result = read(prompt);
    prompt.splice(0, 3, 7);
    assertEquals(await result, await read([1, 2, 3]));
  }
  const generated = model.generate(many.slice(0, 3), { seed: 1, maxNewTokens: 4 });
  const changing = many.slice(0, 3);
  const other = model.generate(changing, { seed: 1, maxNewTokens: 4 });
  changing.length = 1;
  assertEquals(await idsOf(other), await idsOf(generated));
});

Deno.test("generate(), open(), append() and score() do not mind what becomes of the names of special tokens", async () => {
  const text = "he<|endoftext|>";
  const reads: ((options: AppendOptions, change: () => void) => Promise<unknown>)[] = [
    (options, change) => {
      const generated = model.generate(text, { ...options, seed: 1, maxNewTokens: 4 });
      change();
      return idsOf(generated);
    },
    async (options, change) => {
      const opening = model.open(text, options);
      change();
      return (await opening).tokens;
    },
    async (options, change) => {
      const opened = await model.open([1]);
      const before = opened.append([2]);
      const appended = opened.append(text, options);
      change();
      await Promise.all([before, appended]);
      return opened.tokens;
    },
    async (options, change) => {
      const opened = await model.open([1]);
      const before = opened.append([2]);
      const scored = opened.score(text, options);
      change();
      await before;
      return (await scored).length;
    },
  ];
  for (const read of reads) {
    const allowSpecial = ["<|endoftext|>"];
    const found = await read({ allowSpecial }, () => void allowSpecial.splice(0));
    assertEquals(found, await read({ allowSpecial: "all" }, () => {}));
    assertNotEquals(found, await read({}, () => {}));
  }
});
