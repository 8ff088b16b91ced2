// The demo model's hidden states and attentions, as transformers computes them from the same values.

import { assertEquals, assertLess } from "@std/assert";
import type { CapturedActivations } from "../../src/engine/activation_record.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { assertClose } from "../close.ts";
import { readExpected } from "../model/reference.ts";

/** What is promised: F32 activations equal those of Hugging Face transformers within this. */
const REFERENCE_TOLERANCE = 1e-4;

const expected = readExpected("demo");
const states = expected.get("hidden_states")!;
const attentions = expected.get("attentions")!;
const [numStates, seq, embed] = states.shape;
const numLayers = numStates - 1;
const tokens = [...expected.get("tokens")!.data].slice(0, seq);

/** In transformers, the last of the hidden states is behind the final norm. */
const names = [
  "embedding",
  ...Array.from({ length: numLayers - 1 }, (_, layer) => `blocks.${layer}.residual`),
  "finalNorm",
];
const capture = [...names, "blocks.*.attention.weights"];

/** Compares some positions of the text, captured at once, with those of the reference. */
function assertStates(activations: CapturedActivations, start: number, end: number): void {
  for (const [i, name] of names.entries()) {
    const { data } = activations.get(name)!;
    const begin = (i * seq + start) * embed;
    const rows = states.data.subarray(begin, begin + (end - start) * embed);
    assertClose(data.subarray(0, rows.length), rows, REFERENCE_TOLERANCE, `${name} from ${start}`);
  }
  for (let layer = 0; layer < numLayers; layer++) {
    const { data, shape: [, numHeads, numQueries, numKeys] } = activations.get(
      `blocks.${layer}.attention.weights`,
    )!;
    for (let head = 0; head < numHeads; head++) {
      for (let query = start; query < end; query++) {
        const row = (head * numQueries + query - start) * numKeys;
        const expectedRow = ((layer * numHeads + head) * seq + query) * seq;
        assertClose(
          data.subarray(row, row + end),
          attentions.data.subarray(expectedRow, expectedRow + end),
          REFERENCE_TOLERANCE,
          `head ${layer}.${head} at ${query}`,
        );
      }
    }
  }
}

Deno.test("forward() captures the demo model's hidden states and attentions, alone and in a ragged batch", async () => {
  using model = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
  const alone = await model.forward(tokens, { capture });
  assertStates(alone.activations!, 0, seq);
  // The first text of a batch lies at the beginning of each activation but for its heads, whose texts are longer here.
  const { activations } = await model.forward([tokens, tokens.slice(0, 5)], { capture });
  assertStates(activations!, 0, seq);
});

Deno.test("generate() captures them token by token", async () => {
  using model = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
  const numGiven = 4;
  const prompts = [tokens.slice(0, numGiven), [7, 7, 7, 7, 7, 7]];
  let [start, end] = [0, numGiven];
  // The text that the reference has read, whatever the model would write: as if it were forced.
  const forced = tokens.slice(numGiven);
  const options = { capture, forcedStart: forced, maxNewTokens: forced.length };
  for await (const { prompt, id, activations } of model.generate(prompts, options)) {
    if (prompt !== 0) continue;
    assertStates(activations!, start, end);
    assertEquals(id, tokens[end]);
    [start, end] = [end, end + 1];
  }
  assertEquals(end, seq);
});

for (
  const [type, mostOfTypes] of [["f16", 0.05], ["bf16", 0.7], ["q8_0", 0.7], [
    "q4_k_m",
    0.2,
  ]] as const
) {
  Deno.test(`spelled-out attention changes the logits of ${type} less than the type does, as documented`, async () => {
    using exact = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
    using model = await GPT2.fromPretrained("demo", { type, threads: 1 });
    const { logits: best } = await exact.forward(tokens);
    const { logits: plain } = await model.forward(tokens);
    const capture = ["blocks.*.attention.weights"];
    const { logits } = await model.forward(tokens, { capture });
    assertLess(meanChange(logits, plain), mostOfTypes * meanChange(plain, best));
  });
}

function meanChange(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;
}
