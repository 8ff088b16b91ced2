import { assert, assertEquals } from "@std/assert";
import { readAdapter } from "../../../src/checkpoint/adapters/read_adapter.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { updateScale } from "../../../src/model/adapter_weights.ts";
import type { ScaledAdapter } from "../../../src/model/adapter.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { assertClose, maxDifference } from "../../close.ts";
import { adapterPath, baseConfig, basePath, expected } from "./fixtures.ts";

/** What is promised: F32 logits equal those of PEFT within this. */
const LOGIT_TOLERANCE = 1e-4;

await openLibrary();

const CASES: readonly [name: string, ...adapters: [file: string, scale: number][]][] = [
  ["none"],
  ["plain", ["plain", 1]],
  ["plain", ["plain.gguf", 1]],
  ["patterns", ["patterns", 1]],
  ["single", ["single/adapter_model.safetensors", 1]],
  ["both", ["plain", 1], ["patterns", 1]],
  ["half of plain", ["plain", 0.5]],
];

for (const [name, ...files] of CASES) {
  const what = files.map(([file, scale]) => `${scale} of ${file}`).join(" and ");
  Deno.test(`logits with ${what || "no adapter"} are those of PEFT`, async () => {
    using model = await GPT2.fromPretrained(basePath, { type: "f32", threads: 2 });
    const adapters: ScaledAdapter[] = [];
    for (const [file, scale] of files) {
      adapters.push({ adapter: await model.loadAdapter(adapterPath(file)), scale });
    }
    const { logits } = await model.forward(expected.tokens, { logits: "last", adapters });
    assertClose(logits, expected[name], LOGIT_TOLERANCE, "logits");
    // Otherwise this would say little.
    if (name !== "none") assert(maxDifference(expected.none, expected[name]) > 0.05);
  });
}

Deno.test("readAdapter() understands ranks, alphas and scales of single weights", async () => {
  const adapter = await readAdapter(adapterPath("patterns"), baseConfig);
  assertEquals(adapter.isRankStabilized, true);
  assertEquals(
    adapter.weights.map(({ name, rank, alpha }) => [name, rank, alpha]),
    [
      ["blocks.0.qkvProjection", 3, 6],
      ["blocks.0.hiddenProjection", 2, 9],
      ["blocks.1.qkvProjection", 5, 6],
      ["blocks.1.hiddenProjection", 3, 9],
    ],
  );
  assertEquals(updateScale(adapter, adapter.weights[1]), 9 / Math.sqrt(2));
});

Deno.test("readAdapter() reads the same from PEFT's folder and llama.cpp's file", async () => {
  const fromFolder = await readAdapter(adapterPath("plain"), baseConfig);
  assertEquals(await readAdapter(adapterPath("plain.gguf"), baseConfig), fromFolder);
});
