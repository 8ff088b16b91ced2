import { assert, assertEquals, assertThrows } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { LargestLogits } from "../../src/engine/largest_logits.ts";
import { Sampler } from "../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../src/generation/sampling/sampling_options.ts";
import { Engine } from "../../src/engine/engine.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { scale } from "../../src/tensor/ops.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { createReferenceModel } from "../model/reference.ts";

const model = createReferenceModel("tiny", { threads: 1 });
const { vocabSize } = model.config;

/** Runs the selection on rows of logits, of which the last `padding` columns are not in the vocabulary. */
function select(
  rows: number[][],
  count: number,
  padding = 0,
): { isEnough: boolean; logits: Float32Array }[] {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const columns = rows[0].length;
  const input = graph.input([rows.length, 1, columns], "f32", "logits");
  const largest = new LargestLogits(graph, scale(input, 1), columns - padding, count);
  graph.allocate();
  graph.write(input, Float32Array.from(rows.flat()));
  graph.compute();
  largest.read();
  return rows.map((_, text) => {
    const logits = new Float32Array(columns - padding);
    return { isEnough: largest.fill(text, logits), logits };
  });
}

const none = -Infinity;

Deno.test("LargestLogits keeps the largest of each text and one more, at their places", () => {
  const results = select([[3, -1, 7, 5, 0], [-9, -2, -3, -4, -8]], 2);
  assertEquals(results.map(({ isEnough }) => isEnough), [true, true]);
  assertEquals([...results[0].logits], [3, none, 7, 5, none]);
  assertEquals([...results[1].logits], [none, -2, -3, -4, none]);
});

Deno.test("LargestLogits does not take the padding of the vocabulary, which is 0, for logits", () => {
  const [{ isEnough, logits }] = select([[-3, -1, -2, 0, 0]], 1, 2);
  assert(isEnough);
  assertEquals([...logits], [none, -1, -2]);
});

Deno.test("LargestLogits asks for all where a choice among the largest needs them", () => {
  assertEquals(select([[1, 5, 5, 2]], 1)[0].isEnough, false, "two are the largest");
  assertEquals(select([[1, 5, 5, 2]], 2)[0].isEnough, true, "both are among them");
  for (const odd of [NaN, Infinity, -Infinity]) {
    assertEquals(select([[1, odd, 5, 2]], 1)[0].isEnough, false, String(odd));
    assertEquals(select([[1, 2, 3, 4], [1, odd, 5, 2]], 1)[0].isEnough, true, "the other text");
  }
});

/** Writes two texts of different lengths with a session that reads back only what decides, or everything. */
async function write(options: SamplingOptions, readsAll: boolean): Promise<number[][]> {
  const sampler = new Sampler(options, vocabSize);
  const numLogits = readsAll ? undefined : sampler.numDecisiveLogits;
  using engine = new Engine(model);
  const samplers = [sampler, sampler.fork(1)];
  const texts = [[5, 6, 7], [40]];
  let added = texts.map((text) => [...text]);
  const sequences = texts.map(() => engine.open());
  for (let step = 0; step < 20; step++) {
    const requests = sequences.map((sequence, i) => ({
      sequence,
      tokens: added[i],
      logits: "last" as const,
    }));
    const logits = await engine.step(requests, { numLargest: numLogits });
    added = texts.map((text, row) => {
      const part = logits[row];
      const finite = part.filter((x) => x > -Infinity).length;
      assertEquals(finite, readsAll ? vocabSize : numLogits! + 1);
      const id = samplers[row].sample(part, text);
      text.push(id);
      return [id];
    });
  }
  return texts;
}

for (
  const options of [
    { greedy: true },
    { temperature: 0 },
    { topK: 1, seed: 1 },
    { topK: 40, seed: 2 },
    { topK: 7, topP: 0.8, temperature: 1.3, seed: 3 },
    { topK: 12, minP: 0.01, typicalP: 0.9, order: "llama.cpp", temperature: 0.7, seed: 4 },
  ] satisfies SamplingOptions[]
) {
  Deno.test(`choosing in the graph gives the same tokens: ${JSON.stringify(options)}`, async () => {
    assertEquals(await write(options, false), await write(options, true));
  });
}

Deno.test("numDecisiveLogits is undefined where any token may be drawn, or is changed first", () => {
  const numOf = (options: SamplingOptions) => new Sampler(options, vocabSize).numDecisiveLogits;
  assertEquals(numOf({ topK: 0 }), undefined);
  assertEquals(numOf({ topK: 9 }), 9);
  assertEquals(numOf({ greedy: true, topK: 9 }), 1);
  assertEquals(numOf({ greedy: true, repetitionPenalty: 1.1 }), undefined);
  assertEquals(numOf({ topK: 9, presencePenalty: 0.5 }), undefined);
  assertEquals(numOf({ topK: 9, noRepeatNgramSize: 2 }), undefined);
  assertEquals(numOf({ topK: 9, logitBias: new Map([[1, 1]]) }), undefined);
});

Deno.test("a model that computes what is no number is an error when choosing in the graph too", async () => {
  const broken = createReferenceModel("tiny", { threads: 1 });
  const { name, shape } = broken.weights.specs.find(({ name }) => name === "finalNorm.bias")!;
  const bytes = new Uint8Array(new Float32Array(shape[0]).fill(NaN).buffer);
  broken.weights.write(name, bytes);
  const engine = new Engine(broken);
  const sequence = engine.open();
  const sampler = new Sampler({ greedy: true }, vocabSize);
  await engine.step([{ sequence, tokens: [1, 2], logits: "last" }], { numLargest: 1 });
  assertThrows(() => sampler.sample(sequence.logits, [1, 2]), NumericalError);
  broken[Symbol.dispose]();
});
