import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import type { LogitsSummary } from "../../src/engine/logits_summary.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { canSummarizeLogits } from "../../src/tensor/summarize_logits.ts";
import { createReferenceModel } from "../model/reference.ts";

const model = createReferenceModel("tiny", { threads: 1 });
const { vocabSize } = model.config;
const canSummarize = canSummarizeLogits(model.backend);

const TOLERANCE = 1e-6;

/** The logits after the last of some tokens. */
async function fullLogits(tokens: number[]): Promise<Float32Array> {
  using engine = new Engine(model);
  using sequence = engine.open();
  await engine.step([{ sequence, tokens, logits: "last" }]);
  assertEquals(sequence.summary, undefined);
  return sequence.logits;
}

/** How many logits of an array were read. */
const numRead = (logits: Float32Array) => logits.filter((x) => x > -Infinity).length;

function assertSummarizes(
  summary: LogitsSummary | undefined,
  full: Float32Array,
  numLargest: number,
): void {
  if (numLargest === 0 && !canSummarize) return assertEquals(summary, undefined);
  assertEquals(summary?.max, Math.max(...full));
  assertEquals(summary?.largest?.ids.length, numLargest === 0 ? undefined : numLargest + 1);
  const sum = full.reduce((sum, logit) => sum + Math.exp(logit - summary!.max), 0);
  if (canSummarize) assertAlmostEquals(summary!.logOfSum!, Math.log(sum), TOLERANCE);
}

const read = (engine: Engine, sequence: Sequence, tokens: number[], numLargest?: number) =>
  engine.step([{ sequence, tokens, logits: "last" }], { numLargest });

Deno.test("Engine.step() tells what is known of the logits as often as it is asked to", async () => {
  using engine = new Engine(model);
  using sequence = engine.open();
  const text: number[] = [];
  for (const [step, numLargest] of [3, 3, 0, 5, undefined, 2, undefined, 0, 1].entries()) {
    text.push(step + 4);
    await read(engine, sequence, [step + 4], numLargest);
    const full = await fullLogits(text);
    if (numLargest === undefined) assertEquals(sequence.summary, undefined);
    else assertSummarizes(sequence.summary, full, numLargest);
    const expected = full.slice();
    if (numLargest) {
      const kept = new Set(sequence.summary!.largest!.ids);
      expected.forEach((_, id) => {
        if (!kept.has(id)) expected[id] = -Infinity;
      });
    }
    assertEquals(sequence.logits, expected, `step ${step}`);
  }
});

Deno.test("Engine.step() summarizes the logits after each token where all are asked for", async () => {
  using engine = new Engine(model);
  using sequence = engine.open();
  const tokens = [3, 1, 4, 1, 5];
  const [rows] = await engine.step([{ sequence, tokens, logits: "all" }], { numLargest: 4 });
  assertEquals(sequence.summaries.length, 5);
  for (const [i, summary] of sequence.summaries.entries()) {
    assertSummarizes(summary, await fullLogits(tokens.slice(0, i + 1)), 4);
    assertEquals(numRead(rows.subarray(i * vocabSize, (i + 1) * vocabSize)), 5);
  }
  assertEquals(sequence.logits, rows.slice(-vocabSize));
  await read(engine, sequence, [9], 4);
  assertEquals(numRead(sequence.logits), 5);
  assertEquals(sequence.summaries.length, 1);
});

Deno.test("Engine.fork() copies what is known of the logits", async () => {
  using engine = new Engine(model);
  using sequence = engine.open();
  await read(engine, sequence, [3, 1, 4], 4);
  using fork = engine.fork(sequence);
  assertEquals(fork.summary, sequence.summary);
  await read(engine, fork, [1], 2);
  assertEquals(numRead(fork.logits), 3);
  assertEquals(numRead(sequence.logits), 5);
});

Deno.test("calls that share a pass get the logits that they ask for", async () => {
  using engine = new Engine(model);
  const asked = [2, undefined, 0, 6];
  const sequences = asked.map(() => engine.open());
  for (const token of [3, 8]) {
    await Promise.all(
      sequences.map((sequence, i) => read(engine, sequence, [token, i], asked[i])),
    );
  }
  for (const [i, { logits, summary }] of sequences.entries()) {
    const numLargest = asked[i];
    const full = await fullLogits([3, i, 8, i]);
    if (numLargest === undefined) assertEquals(summary, undefined);
    if (!numLargest) {
      assertEquals(logits.length, numRead(logits));
      continue;
    }
    assert(summary!.largest!.ids.length > numLargest);
    assertEquals(summary!.max, Math.max(...full));
  }
});
