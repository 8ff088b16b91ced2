// Keys and values in other types: what that does to the logits, and to memory.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { cacheBytes } from "../../src/engine/key_value_cache.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { type CacheType, cacheTypes } from "../../src/model/compute_options.ts";
import { GPT2Config } from "../../src/model/config.ts";
import type { Model } from "../../src/model/model.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { maxDifference } from "../close.ts";

const sizes = { vocabSize: 97, contextLength: 128, embeddingDim: 64, numHeads: 2, numLayers: 3 };
const config = new GPT2Config(sizes);
const tokens = Array.from({ length: 80 }, (_, i) => (i * 37 + i * i) % 97);

/**
 * Of logits up to 1.1. F16 rounds a number by up to 2^-12 of it, Q8_0 by 1/254 of the largest of 32. Seen: 3.8e-5 and
 * 1.14e-3.
 */
const LARGEST_CHANGE: Record<CacheType, number> = { f32: 0, f16: 1e-4, q8_0: 3e-3 };

function createModel(cacheType: CacheType): GPT2 {
  return new GPT2(config, { seed: 1, threads: 1, cacheType });
}

Deno.test("cacheType changes the logits as little as the type rounds, and does change them", async () => {
  using exact = createModel("f32");
  const { logits: expected } = await exact.forward(tokens);
  for (const cacheType of cacheTypes) {
    using model = createModel(cacheType);
    const { logits } = await model.forward(tokens);
    const change = maxDifference(logits, expected);
    assert(change <= LARGEST_CHANGE[cacheType], `${cacheType}: ${change}`);
    assertEquals(change > 0, cacheType !== "f32");
  }
});

Deno.test("a text with keys and values in q8_0 is forked, saved and continued like any other", async () => {
  using folder = new TemporaryFolder();
  using model = createModel("q8_0");
  using text = await model.open(tokens.slice(0, 50));
  using fork = text.fork();
  await text.save(folder.file("text"));
  using restored = await model.restore(folder.file("text"));
  const expected = await (await text.append(tokens.slice(50))).logits();
  for (const other of [fork, restored]) {
    assertEquals(await (await other.append(tokens.slice(50))).logits(), expected);
  }
  using other = createModel("f16");
  await assertRejects(
    () => other.restore(folder.file("text")),
    FileFormatError,
    'than the f16 of this model: received "q8_0". Load the model with that cacheType',
  );
});

Deno.test("q8_0 takes 34 bytes for 32 numbers", () => {
  const bytes = (cacheType: CacheType) => cacheBytes({ config, cacheType } as Model, 1, 128);
  assertEquals(bytes("f16"), 2 * 3 * 128 * 64 * 2);
  assertEquals(bytes("q8_0") / bytes("f16"), 34 / 64);
});

Deno.test("q8_0 is refused where heads are not a multiple of 32 wide, and other types everywhere", () => {
  const narrow = new GPT2Config({ ...sizes, numHeads: 4 });
  assertThrows(() => new GPT2(narrow, { cacheType: "q8_0" }), RangeError, "multiple of 32");
  assertThrows(
    () => new GPT2(config, { cacheType: "q4_0" as CacheType }),
    RangeError,
    "f32, f16, q8_0",
  );
});
