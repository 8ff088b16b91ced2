// The logits after a token are the same to the last bit, however the text before it came to be read.

import { assertEquals, AssertionError, assertNotEquals, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import type { HookOptions } from "../../src/engine/hook_options.ts";
import { startHooks } from "../../src/engine/start_hooks.ts";
import { applyAdapters } from "../../src/model/applied_adapters.ts";
import { ADAPTER_TARGETS } from "../../src/model/adapter_weights.ts";
import type { Model } from "../../src/model/model.ts";
import { ModelAdapter } from "../../src/model/model_adapter.ts";
import { add, scale } from "../../src/ops.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";
import { randomAdapter } from "../model/random_adapter.ts";
import {
  assertSameBits,
  createModel,
  type Expected,
  followSchedule,
  logitsAfterParts,
  type Reader,
  sizes,
  tokens,
} from "./same_bits.ts";

/** Random schedules of each model. */
const SCHEDULES = 25;
const MIXED_SCHEDULES = 12;

const splits = [[90], [89, 1], [63, 1, 1, 25], [64, 26], [2, 3, 4, 5, 6, 7, 8, 55], [40, 50]];

for (const fileType of ["f32", "f16", "bf16", "q8_0", "q4_k_m", "q4_0"] as const) {
  Deno.test(`step() gives the same bits for ${fileType}, in whatever parts and beside whatever texts`, async () => {
    for (const { config, cacheType } of sizes) {
      using model = await createModel(config, fileType, cacheType);
      if (!canAttendRagged(model.backend, config.headDim, model.cacheType)) {
        // There are no kernels of this package's own: nothing is promised.
        assertEquals(canAttendRagged(model.backend, 64, "f16"), false);
        continue;
      }
      const alone = await logitsAfterParts(model, tokens.map(() => 1));
      assertNotEquals(alone.get(89), alone.get(90), "each token counts");
      for (const parts of splits) {
        for (const [end, logits] of await logitsAfterParts(model, parts)) {
          const what = `heads of ${config.headDim}, read in parts of ${parts}: after ${end} tokens`;
          assertSameBits(logits, alone.get(end)!, what);
        }
      }

      using engine = new Engine(model);
      for (let seed = 1; seed <= SCHEDULES; seed++) {
        await followSchedule(engine, [{ logits: alone }], seed);
      }
    }
  });
}

async function hooksOf(model: Model, options: HookOptions) {
  const hooks = (await startHooks("read", options, model.config))!;
  const sizes = { numRead: tokens.length, promptLength: tokens.length, length: tokens.length };
  hooks.begin("read", { numTexts: 1, numTogether: 1, ...sizes });
  return hooks;
}

for (const fileType of ["f32", "q8_0", "q4_k_m"] as const) {
  Deno.test(`step() gives the same bits for ${fileType}, with adapters, captures and interventions beside each other`, async () => {
    for (const { config, cacheType } of sizes) {
      using model = await createModel(config, fileType, cacheType);
      if (!canAttendRagged(model.backend, config.headDim, model.cacheType)) continue;
      const adapterOf = (seed: number) =>
        new ModelAdapter(
          model,
          randomAdapter(config, { rank: 3, targets: ADAPTER_TARGETS, seed }),
        );
      using first = adapterOf(1);
      using second = adapterOf(2);
      const one = applyAdapters("read", model, [first]);
      const both = applyAdapters("read", model, [{ adapter: first, scale: 0.5 }, second]);
      const residual = `blocks.${config.numLayers - 1}.residual`;
      const capturing = await hooksOf(model, {
        capture: ["blocks.*.residual", "blocks.*.mlp.hidden", "logits"],
      });
      const changing = await hooksOf(model, {
        capture: { names: [residual], positions: "last" },
        intervene: {
          "blocks.0.attention.output": (x, { choose }) =>
            choose(x, scale(x, 0.5), ({ position }) => position % 3 === 0),
          [residual]: (x) => add(x, x),
        },
      });
      const readers: Reader[] = [
        {},
        { adapters: one },
        { adapters: both },
        { hooks: capturing },
        { hooks: changing },
        { adapters: one, hooks: changing },
      ];
      const kinds: Expected[] = [];
      for (const reader of readers) {
        const logits = await logitsAfterParts(model, tokens.map(() => 1), reader);
        kinds.push({ ...reader, logits });
        for (const parts of splits.slice(1, 4)) {
          for (const [end, some] of await logitsAfterParts(model, parts, reader)) {
            const what = `reader ${kinds.length}, read in parts of ${parts}: after ${end} tokens`;
            assertSameBits(some, logits.get(end)!, what);
          }
        }
      }
      const [plain, ...others] = kinds.map(({ logits }) => logits.get(90)!);
      assertSameBits(others[2], plain, "captures");
      for (const i of [0, 1, 3, 4]) assertNotEquals(others[i], plain, `reader ${i + 1} counts`);

      using engine = new Engine(model);
      for (let seed = 1; seed <= MIXED_SCHEDULES; seed++) {
        await followSchedule(engine, kinds, seed);
      }
    }
  });
}

Deno.test("assertSameBits() sees one different logit", () => {
  const x = Float32Array.of(1, 2, 3);
  assertSameBits(x, x.slice(), "equal");
  assertThrows(() => assertSameBits(x, Float32Array.of(1, 2, 3.0000002), "x"), AssertionError);
});
