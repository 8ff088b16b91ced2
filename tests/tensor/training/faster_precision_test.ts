import { assertEquals } from "@std/assert";
import { fasterPrecision } from "../../../src/tensor/training/faster_precision.ts";
import {
  disableTrainingKernels,
  hasTrainingKernels,
} from "../../../src/tensor/training/has_training_kernels.ts";
import { backend } from "./run_kernels.ts";

const BF16 = ["AVX2", "FMA", "AVX512", "AVX512_VNNI", "AVX512_BF16"];

Deno.test("fasterPrecision() is BF16 where kernels of ours multiply it in one instruction", () => {
  assertEquals(fasterPrecision(backend, BF16), hasTrainingKernels(backend) ? "bf16" : "f32");
  for (const sets of [[], ["AVX2", "FMA"], BF16.slice(0, -1), ["NEON", "MATMUL_INT8"]]) {
    assertEquals(fasterPrecision(backend, sets), "f32");
  }
  using _disabled = disableTrainingKernels();
  assertEquals(fasterPrecision(backend, BF16), "f32");
});
