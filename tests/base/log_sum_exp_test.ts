import { assertAlmostEquals, assertEquals } from "@std/assert";
import { logSumExp } from "../../src/base/log_sum_exp.ts";

const ROUNDING = 1e-6;

Deno.test("logSumExp() does not overflow and counts only its part", () => {
  assertAlmostEquals(logSumExp(Float32Array.of(1000, 1000)), 1000 + Math.LN2, ROUNDING);
  assertAlmostEquals(logSumExp(Float32Array.of(9, 0, 0, 9), 1, 2), Math.LN2, ROUNDING);
  assertAlmostEquals(logSumExp(Float32Array.of(-Infinity, 3)), 3, ROUNDING);
  assertEquals(logSumExp(Float32Array.of(-Infinity, -Infinity)), -Infinity);
  assertEquals(logSumExp(new Float32Array(0)), -Infinity);
  for (const bad of [NaN, Infinity]) assertEquals(logSumExp(Float32Array.of(1, bad, 3)), NaN);
});
