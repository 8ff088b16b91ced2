import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { LargestLogits } from "../../src/engine/largest_logits.ts";
import type { LogitsSummary } from "../../src/engine/logits_summary.ts";
import { Sampler } from "../../src/generation/sampling/sampler.ts";
import type { SamplingOptions } from "../../src/generation/sampling/sampling_options.ts";
import { Engine } from "../../src/engine/engine.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { canSummarizeLogits } from "../../src/tensor/summarize_logits.ts";
import { createReferenceModel } from "../model/reference.ts";

const model = createReferenceModel("tiny", { threads: 1 });
const { vocabSize } = model.config;

/** Whether the kernel finds the largest logits; operations that every device has do so elsewhere. */
const ways = [false, ...canSummarizeLogits(model.backend) ? [true] : []];

/** Runs the selection on rows of logits, of which the last `padding` columns are not in the vocabulary. */
function select(
  isSummary: boolean,
  rows: number[][],
  count: number,
  padding = 0,
): (LogitsSummary | undefined)[] {
  using backend = Backend.cpu({ threads: 1 });
  using graph = new Graph(backend);
  const columns = rows[0].length;
  const input = graph.input([rows.length, 1, columns], "f32", "logits");
  const vocabSize = columns - padding;
  const largest = LargestLogits.create(graph, scale(input, 1), vocabSize, count, isSummary);
  graph.allocate();
  graph.write(input, Float32Array.from(rows.flat()));
  graph.compute();
  largest?.read();
  return rows.map((_, row) => largest?.summary(row));
}

/** The largest tokens as pairs. */
function pairsOf(summary: LogitsSummary | undefined): number[][] | undefined {
  const { ids, logits } = summary?.largest ?? {};
  return ids && [...ids].map((id, i) => [id, logits![i]]);
}

for (const isSummary of ways) {
  const name = `LargestLogits by ${isSummary ? "the kernel" : "operations of all devices"}`;

  Deno.test(`${name} finds the largest of each text and one more, in the order of their ids`, () => {
    const results = select(isSummary, [[3, -1, 7, 5, 0], [-9, -2, -3, -4, -8]], 2);
    assertEquals(results.map(pairsOf), [[[0, 3], [2, 7], [3, 5]], [[1, -2], [2, -3], [3, -4]]]);
    assertEquals(results.map((summary) => summary?.max), [7, -2]);
    const logOfSum = Math.log(1 + Math.exp(-2) + Math.exp(-4) + Math.exp(-7) + Math.exp(-8));
    if (isSummary) assertAlmostEquals(results[0]!.logOfSum!, logOfSum, 1e-6);
    else assertEquals(results[0]!.logOfSum, undefined);
  });

  Deno.test(`${name} does not take the padding of the vocabulary, which is 0, for logits`, () => {
    const [summary] = select(isSummary, [[-3, -1, -2, 0, 0]], 1, 2);
    assertEquals(pairsOf(summary), [[1, -1], [2, -2]]);
  });

  Deno.test(`${name} asks for all where a choice among the largest needs them`, () => {
    const isEnough = (rows: number[][], count: number) =>
      select(isSummary, rows, count).map((summary) => summary?.largest !== undefined);
    assertEquals(isEnough([[1, 5, 5, 2]], 1), [false], "two are the largest");
    assertEquals(isEnough([[1, 5, 5, 2]], 2), [true], "both are among them");
    for (const odd of [NaN, Infinity, -Infinity]) {
      assertEquals(isEnough([[1, 2, 3, 4], [1, odd, 5, 2]], 1), [true, false], String(odd));
      assertEquals(select(isSummary, [[1, odd, 5, 2]], 1), [undefined]);
    }
  });

  Deno.test(`${name} only tells what the logits add up to where all are needed`, () => {
    const [most, all] = [Array.from({ length: 600 }, (_, i) => i / 100), [1, 5, 4, 2]];
    for (const [row, count] of [[all, 0], [all, 4], [all, 9], [most, 513]] as const) {
      const [summary] = select(isSummary, [[...row]], count);
      assertEquals(summary?.largest, undefined);
      assertEquals(summary?.max, isSummary ? row === all ? 5 : Math.fround(5.99) : undefined);
      assertEquals(summary?.logOfSum !== undefined, isSummary);
    }
  });
}

/** Writes two texts of different lengths with an engine that reads back only what decides, or everything. */
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
    await engine.step(requests, { numLargest: numLogits });
    added = texts.map((text, row) => {
      const { logits, summary } = sequences[row];
      const finite = logits.filter((x) => x > -Infinity).length;
      assertEquals(finite, readsAll ? vocabSize : numLogits! + 1);
      assertEquals(summary?.largest?.ids.length, readsAll ? undefined : numLogits! + 1);
      const given = step % 2 === 0 ? logits : summary?.largest ?? logits;
      const id = samplers[row].sample(given, text);
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
