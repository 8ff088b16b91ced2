// What is changed in a model while it computes.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { rearrange } from "../../src/einops/einops.ts";
import { Engine } from "../../src/engine/engine.ts";
import { forward } from "../../src/engine/forward.ts";
import type {
  ActivationPlace,
  InterventionFunction,
  Interventions,
} from "../../src/engine/intervention.ts";
import { generate } from "../../src/generation/generate.ts";
import type { GenerateOptions } from "../../src/generation/generate_options.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import type { Model } from "../../src/model/model.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { add, scale } from "../../src/tensor/elementwise.ts";
import { constant } from "../../src/tensor/ops.ts";
import { assertClose } from "../close.ts";

const config = new GPT2Config({
  vocabSize: 131,
  contextLength: 64,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
const texts = [[1, 2, 3, 4, 5, 6, 7], [100, 90, 80], [55, 44, 33, 22, 11]];
/** The same sums in another order. */
const ORDER_TOLERANCE = 2e-6;

function smallModel(): Model {
  return createModel(config, { seed: 3, threads: 1 });
}

const push: InterventionFunction = (x) =>
  add(x, constant(Array.from({ length: 64 }, (_, i) => Math.sin(i)), [64], x));

/** The logits of one text of a batch. */
function logitsOf(logits: Float32Array, seq: number, text: number, length: number): Float32Array {
  const begin = text * seq * config.vocabSize;
  return logits.subarray(begin, begin + length * config.vocabSize);
}

/** The tokens that are written after each prompt. */
async function written(
  engine: Engine,
  prompts: readonly number[][],
  options: GenerateOptions,
): Promise<number[][]> {
  const result: number[][] = prompts.map(() => []);
  for await (const { prompt, id } of generate(engine, undefined, prompts, options)) {
    result[prompt].push(id);
  }
  return result;
}

Deno.test("an intervention that changes nothing changes no bit, wherever it is made", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const { logits } = await forward(engine, texts);
  for (const name of activationNames(config)) {
    const changed = await forward(engine, texts, { intervene: { [name]: (x) => scale(x, 1) } });
    const isSpelled = /scores|weights/.test(name);
    if (isSpelled) assertClose(changed.logits, logits, ORDER_TOLERANCE, name);
    else assertEquals(changed.logits, logits, name);
  }
});

Deno.test("an intervention changes what comes after it, and nothing before", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const names = activationNames(config);
  const capture = names;
  const plain = (await forward(engine, texts[0], { capture })).activations!;
  for (const [index, name] of names.entries()) {
    if (name.endsWith(".weights")) continue;
    const intervene = { [name]: (x) => scale(x, 0.5) } satisfies Interventions;
    const { activations, logits } = await forward(engine, texts[0], { capture, intervene });
    for (const before of names.slice(0, index)) {
      assertEquals(activations!.get(before)!.data, plain.get(before)!.data, `${before}, ${name}`);
    }
    assertClose(
      activations!.get(name)!.data,
      plain.get(name)!.data.map((value) => 0.5 * value),
      0,
      name,
    );
    assertNotEquals(logits, plain.get("logits")!.data);
  }
});

Deno.test("interventions of one name are made one after another", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const double: InterventionFunction = (x) => scale(x, 2);
  const [once, twice] = await Promise.all([
    forward(engine, texts, { intervene: { embedding: [double, push] } }),
    forward(engine, texts, {
      intervene: { embedding: (x, context) => push(double(x, context), context) },
    }),
  ]);
  assertEquals(once.logits, twice.logits);
  const other = await forward(engine, texts, { intervene: { embedding: [push, double] } });
  assertNotEquals(other.logits, once.logits);
});

Deno.test("an intervention in one text of a batch changes no bit of the others", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const { logits, shape: [, seq] } = await forward(engine, texts);
  const alone = await forward(engine, texts[1], { intervene: { "blocks.*.residual": push } });
  const intervene = { "blocks.*.residual": { change: push, texts: [1] } };
  const changed = await forward(engine, texts, { intervene });
  for (const [text, { length }] of texts.entries()) {
    const [before, after] = [logits, changed.logits].map((all) => logitsOf(all, seq, text, length));
    if (text === 1) assertClose(after, alone.logits, 0);
    else assertEquals(after, before);
  }
});

Deno.test("an intervention at one position changes no bit of those before", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const { logits } = await forward(engine, texts[0]);
  const intervene = { "blocks.0.mlp.output": { change: push, positions: [3] } };
  const changed = (await forward(engine, texts[0], { intervene })).logits;
  const row = (all: Float32Array, i: number) => all.subarray(i * 131, (i + 1) * 131);
  for (const i of texts[0].keys()) {
    if (i < 3) assertEquals(row(changed, i), row(logits, i));
    else assertNotEquals(row(changed, i), row(logits, i));
  }
});

Deno.test("writeRows() puts rows of another run in place: everything of a layer makes the other run", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const [clean, corrupted] = [[1, 2, 3, 4, 5], [9, 8, 7, 6, 5]];
  const name = "blocks.0.residual";
  const capture = [name];
  const { activations, logits } = await forward(engine, clean, { capture });
  const { data } = activations!.get(name)!;
  const restore: InterventionFunction = (x, { writeRows }) =>
    writeRows(x, ({ position }, row) => {
      row.set(data.subarray(position * 64, (position + 1) * 64));
      return true;
    });
  const patched = await forward(engine, corrupted, { intervene: { [name]: restore } });
  assertEquals(patched.logits, logits);
  const some: InterventionFunction = (x, { writeRows }) =>
    writeRows(x, ({ position }, row) => {
      // What is written where nothing is to be changed does not count.
      row.set(data.subarray(position * 64, (position + 1) * 64));
      return false;
    });
  const unpatched = await forward(engine, corrupted, { intervene: { [name]: some } });
  assertEquals(unpatched.logits, (await forward(engine, corrupted)).logits);
});

Deno.test("choose() and writeRows() tell each row's text, position and head", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const places: ActivationPlace[] = [];
  const note: InterventionFunction = (x, { choose, axes, layer, name }) => {
    assertEquals([axes, layer, name], ["batch heads seq head_dim", 1, "blocks.1.attention.query"]);
    return choose(x, x, (place) => {
      places.push(place);
      return false;
    });
  };
  await forward(engine, texts, { intervene: { "blocks.1.attention.query": note } });
  const expected = texts.flatMap((tokens, text) =>
    tokens.flatMap((_, position) => [0, 1, 2, 3].map((head) => `${text} ${position} ${head} true`))
  );
  const seen = places.map(({ text, position, head, isPrompt }) =>
    `${text} ${position} ${head} ${isPrompt}`
  );
  assertEquals(seen.sort(), expected.sort());
});

Deno.test("choose() takes each row of the one or of the other, also if it is told at random which", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  let isNext = false;
  const either: InterventionFunction = (x, { choose }) =>
    choose(scale(x, 2), x, () => isNext = !isNext);
  const name = "blocks.0.residual";
  const read = async (intervene?: Interventions) => {
    isNext = false;
    const { activations } = await forward(engine, texts[0], { capture: [name], intervene });
    return activations!.get(name)!.data;
  };
  const plain = await read();
  const chosen = await read({ [name]: either });
  const { embeddingDim } = config;
  const expected = plain.map((value, i) =>
    Math.floor(i / embeddingDim) % 2 === 0 ? 2 * value : value
  );
  assertEquals(chosen, expected);
});

for (
  const [what, options] of [
    ["one text", { maxNewTokens: 8, temperature: 0 }],
    ["with speculation", { maxNewTokens: 8, temperature: 0, speculate: "lookup" }],
    ["with sampling", { maxNewTokens: 8, seed: 4 }],
    ["in small batches", { maxNewTokens: 8, seed: 4, batchSize: 2 }],
  ] as [string, GenerateOptions][]
) {
  Deno.test(`generate() writes with interventions what forward() computes with them: ${what}`, async () => {
    using model = smallModel();
    using engine = new Engine(model);
    const intervene = { "blocks.0.residual": push };
    const tokens = await written(engine, texts, { ...options, intervene });
    assertNotEquals(tokens, await written(engine, texts, options));
    // What a text gets does not depend on the others.
    for (const [i, prompt] of texts.entries()) {
      if (options.seed !== undefined) continue;
      const { logits } = await forward(engine, [...prompt, ...tokens[i]], { intervene });
      for (const [j, id] of tokens[i].entries()) {
        const row = logits.subarray((prompt.length + j - 1) * 131, (prompt.length + j) * 131);
        assertEquals(id, row.indexOf(row.reduce((a, b) => Math.max(a, b))));
      }
    }
    const together = await Promise.all([
      written(engine, texts, { ...options, intervene }),
      written(engine, texts, options),
    ]);
    assertEquals(together, [tokens, await written(engine, texts, options)]);
  });
}

Deno.test("during tells what was given from what was written", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const seen = { prompt: new Set<number>(), continuation: new Set<number>() };
  const noting = (during: "prompt" | "continuation") => ({
    during,
    change: ((x, { choose }) =>
      choose(x, x, ({ position, isPrompt }) => {
        seen[isPrompt ? "prompt" : "continuation"].add(position);
        return true;
      })) as InterventionFunction,
  });
  const options = { maxNewTokens: 4, temperature: 0 };
  await written(engine, [texts[2]], { ...options, intervene: { embedding: noting("prompt") } });
  assertEquals([...seen.prompt], [0, 1, 2, 3, 4]);
  assertEquals([...seen.continuation], [5, 6, 7]);
  const strong: InterventionFunction = (x) => scale(x, -3);
  const [plain, prompt, continuation, both] = await Promise.all([
    undefined,
    { change: strong, during: "prompt" as const },
    { change: strong, during: "continuation" as const },
    strong,
  ].map((each) =>
    written(engine, [texts[2]], {
      ...options,
      ...each && { intervene: { "blocks.0.mlpNorm": each } },
    })
  ));
  // The first token is chosen after the prompt only.
  assertEquals(continuation[0][0], plain[0][0]);
  assertEquals(prompt[0][0], both[0][0]);
  assertEquals(new Set([plain, prompt, continuation, both].map(String)).size, 4);
});

Deno.test("values of an input may change from step to step", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  let numBuilt = 0;
  let strength = 0;
  const steer: InterventionFunction = (x, { input }) => {
    numBuilt++;
    return add(x, input([64], () => Array.from({ length: 64 }, (_, i) => strength * Math.cos(i))));
  };
  const options = { maxNewTokens: 9, temperature: 0, ignoreEndOfText: true };
  const plain = await written(engine, [texts[0]], options);
  const ids: number[] = [];
  const steered = generate(engine, undefined, [texts[0]], {
    ...options,
    intervene: { "blocks.1.residual": steer },
  });
  for await (const { id } of steered) {
    ids.push(id);
    if (ids.length === 4) strength = 30;
  }
  assertEquals(ids.slice(0, 4), plain[0].slice(0, 4));
  assertNotEquals(ids, plain[0]);
  // Once for the prompt, once for all steps of one token.
  assertEquals(numBuilt, 2);
});

const wrong: [what: string, intervene: unknown, error: ErrorConstructor, message: string][] = [
  ["no function", { embedding: 3 }, TypeError, "must be a function, or { change,"],
  ["no change", { embedding: { texts: [1] } }, TypeError, "change must be a function"],
  ["a misspelt name", { "block.0.residual": push }, RangeError, `Did you mean "blocks.`],
  ["another option", { embedding: { change: push, text: [1] } }, TypeError, "Did you mean texts?"],
  ["nothing returned", { embedding: () => undefined }, TypeError, "received nothing"],
  [
    "another shape",
    { embedding: (x: never) => rearrange(x, "batch seq embed -> batch (seq embed)") },
    TypeError,
    "must return a tensor like the one it was given, f32 (1, 7, 64)",
  ],
  [
    "an input too short",
    {
      embedding: ((x, { input }) => add(x, input([64], () => [1, 2]))) as InterventionFunction,
    },
    TypeError,
    "64 numbers are needed: received 2",
  ],
  [
    "a text that is not there",
    { embedding: { change: push, texts: [1] } },
    RangeError,
    "received [1]",
  ],
  [
    "a position that is not there",
    { embedding: { change: push, positions: [7] } },
    RangeError,
    "there is no such position: received [7], where each is from 0 to 6",
  ],
  ["an array", [push], TypeError, "intervene must be an object"],
];

for (const [what, intervene, error, message] of wrong) {
  Deno.test(`intervening with ${what} is refused, and the engine goes on`, async () => {
    using model = smallModel();
    using engine = new Engine(model);
    const before = await forward(engine, texts[0]);
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    const options = { intervene: intervene as any };
    await assertRejects(() => forward(engine, texts[0], options), error, message);
    assertEquals(await forward(engine, texts[0]), before);
  });
}

Deno.test("what an intervention throws reaches the caller, and others that overlap go on", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const before = await forward(engine, texts[0]);
  const failing = [
    () => {
      throw new Error("while the graph is built");
    },
    ((x, { choose }) =>
      choose(x, x, () => {
        throw new Error("while it is written");
      })) as InterventionFunction,
  ];
  for (const apply of failing) {
    const [failed, other] = await Promise.allSettled([
      forward(engine, texts[0], { intervene: { embedding: apply } }),
      forward(engine, texts[0]),
    ]);
    assert(failed.status === "rejected" && /^while/.test(failed.reason.message));
    assertEquals(other, { status: "fulfilled", value: before });
  }
});

Deno.test("a tensor of another graph, or one from an earlier call, is refused", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const foreign = graph.input([1, 7, 64], "f32", "foreign");
  let earlier = foreign;
  const keep: InterventionFunction = (x) => earlier = x;
  await forward(engine, texts[0], { intervene: { embedding: keep } });
  for (const x of [foreign, earlier]) {
    for (const apply of [() => x, ((own) => add(own, x)) as InterventionFunction]) {
      for (const name of ["embedding", "logits", "finalNorm"]) {
        const options = { intervene: { [name]: apply } };
        const message = apply.length === 0 ? "of another graph" : "";
        await assertRejects(() => forward(engine, texts[0], options), TypeError, message);
      }
    }
  }
});
