import { assertAlmostEquals, assertEquals } from "@std/assert";
import { crossEntropy, IGNORED_TARGET, logProbabilities } from "../../src/model/loss.ts";

const ROUNDING = 1e-6;

Deno.test("crossEntropy() is the mean over the targets that count", () => {
  const logits = Float32Array.of(0, 0, 0, 0, Math.log(3), 0);
  assertAlmostEquals(
    crossEntropy(logits, [1, 1], 3),
    (Math.log(3) + Math.log(5 / 3)) / 2,
    ROUNDING,
  );
  assertAlmostEquals(crossEntropy(logits, [IGNORED_TARGET, 0], 3), Math.log(5), ROUNDING);
  assertEquals(crossEntropy(logits, [IGNORED_TARGET, IGNORED_TARGET], 3), NaN);
  assertEquals(logProbabilities(logits, [IGNORED_TARGET, 0], 3)[0], NaN);
});
