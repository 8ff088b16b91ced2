import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { GPT2Config } from "../../src/model/config.ts";
import { createAdapter } from "../../src/model/create_adapter.ts";

const config = GPT2Config.tiny();

Deno.test("createAdapter() makes as PEFT does what changes nothing yet", () => {
  const { weights, isRankStabilized } = createAdapter(config, { rank: 4, seed: 3 });
  assertEquals(isRankStabilized, false);
  assertEquals(weights.map(({ name }) => name), [
    "blocks.0.qkvProjection",
    "blocks.1.qkvProjection",
  ]);
  for (const { rank, alpha, down, up } of weights) {
    assertEquals([rank, alpha], [4, 8]);
    assertEquals([down.length, up.length], [4 * config.embeddingDim, 4 * 3 * config.embeddingDim]);
    assertEquals(up.every((value) => value === 0), true);
    const bound = 1 / Math.sqrt(config.embeddingDim);
    assertEquals(down.every((value) => Math.abs(value) <= bound), true);
    // The variance of what is uniform in ±bound is bound² / 3.
    const variance = down.reduce((sum, value) => sum + value ** 2, 0) / down.length;
    assertEquals(Math.abs(variance / (bound ** 2 / 3) - 1) < 0.25, true);
  }
});

Deno.test("createAdapter() makes the same adapter of the same seed, and another of another", () => {
  const make = (seed: number) => createAdapter(config, { rank: 2, seed }).weights[0].down;
  assertEquals(make(1), make(1));
  assertNotEquals(make(1), make(2));
});

Deno.test("createAdapter() throws when an option is wrong", () => {
  for (
    const [options, part] of [
      [{ rank: 0 }, "rank must be an integer from 1"],
      [{ rank: config.embeddingDim + 1 }, `rank must be at most ${config.embeddingDim}`],
      [{ alpha: NaN }, "alpha must be a finite number above 0"],
      [{ targets: [] }, "targets must be some of qkvProjection,"],
      [{ targets: ["finalNorm"] }, "targets must be some of qkvProjection,"],
    ] as const
  ) {
    assertThrows(() => createAdapter(config, options as object), RangeError, part);
  }
});
