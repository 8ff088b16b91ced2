import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { library } from "../../src/ffi/library.ts";
import { compareLogits, type LogitsDifference } from "../../src/evaluation/compare_logits.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";

await openLibrary();

/** The kernel where there is one, and JavaScript. */
const ways = [false, ...library().gpt2_has_logits_summary() ? [true] : []];

const random = new Random(11);

/** What is added up in F32 is rounded to 6e-8 of its size, which here is below 1 but for a single kind of rows. */
const TOLERANCE = 1e-6;

/** The definition, in double precision. */
function define(base: Float32Array, other: Float32Array, target: number): LogitsDifference {
  const logProbabilities = (logits: Float32Array) => {
    const max = Math.max(...logits);
    const logOfSum = Math.log(Array.from(logits, (x) => Math.exp(x - max)).reduce((a, b) => a + b));
    return Array.from(logits, (x) => x - max - logOfSum);
  };
  const [p, q] = [logProbabilities(base), logProbabilities(other)];
  return {
    baseLogProbability: p[target],
    logProbability: q[target],
    divergence: p.reduce((sum, x, i) => sum + Math.exp(x) * (x - q[i]), 0),
    hasSameTop: base.indexOf(Math.max(...base)) === other.indexOf(Math.max(...other)),
  };
}

/** (rows vocab): the second is the first with noise. */
function randomLogits(numRows: number, vocabSize: number, noise: number) {
  const base = Float32Array.from({ length: numRows * vocabSize }, () => 20 * random.next() - 60);
  const other = base.map((x) => x + noise * (random.next() - 0.5));
  return { base, other };
}

Deno.test("compareLogits() gives what the definition gives, by the kernel and without", async () => {
  for (const vocabSize of [1, 2, 15, 16, 17, 64, 1000]) {
    for (const numRows of [1, 7, 8, 9, 40]) {
      for (const noise of [0.01, 3]) {
        const { base, other } = randomLogits(numRows, vocabSize, noise);
        const targets = Int32Array.from(
          { length: numRows },
          () => Math.floor(random.next() * vocabSize),
        );
        for (const hasKernel of ways) {
          const found = await compareLogits(base, other, targets, hasKernel);
          assertEquals(found.length, numRows);
          for (const [row, difference] of found.entries()) {
            const [begin, end] = [row * vocabSize, (row + 1) * vocabSize];
            const own = [base, other].map((logits) => logits.subarray(begin, end));
            const expected = define(own[0], own[1], targets[row]);
            const message = `${vocabSize} ${numRows} ${noise} ${hasKernel}`;
            assertEquals(difference.hasSameTop, expected.hasSameTop, message);
            for (const name of ["baseLogProbability", "logProbability", "divergence"] as const) {
              // Log-probabilities are up to 20 here.
              const tolerance = name === "divergence" ? TOLERANCE : 4 * TOLERANCE;
              assertAlmostEquals(difference[name], expected[name], tolerance, message);
            }
          }
        }
      }
    }
  }
});

Deno.test("compareLogits() finds no divergence between equal logits, whatever they are added to", async () => {
  const { base } = randomLogits(3, 50, 0);
  for (const hasKernel of ways) {
    const same = await compareLogits(base, base, new Int32Array(3), hasKernel);
    assertEquals(same.map(({ divergence, hasSameTop }) => [divergence, hasSameTop]), [
      [0, true],
      [0, true],
      [0, true],
    ]);
    const shifted = await compareLogits(
      base,
      base.map((x) => x + 64),
      new Int32Array(3),
      hasKernel,
    );
    // Sums of numbers around 64 are rounded to 4e-6.
    for (const { divergence } of shifted) assertAlmostEquals(divergence, 0, 1e-5);
  }
});

Deno.test("compareLogits() takes the first of equally likely tokens", async () => {
  const base = Float32Array.of(...Array(40).fill(0));
  const other = Float32Array.of(...Array(40).fill(0));
  for (const hasKernel of ways) {
    [base[20], base[30], other[30], other[20]] = [1, 1, 1, 1];
    assertEquals(
      (await compareLogits(base, other, Int32Array.of(0), hasKernel))[0].hasSameTop,
      true,
    );
    other[20] = 0;
    assertEquals(
      (await compareLogits(base, other, Int32Array.of(0), hasKernel))[0].hasSameTop,
      false,
    );
  }
});

Deno.test("compareLogits() gives no number where a logit is not finite", async () => {
  for (const hasKernel of ways) {
    for (const value of [NaN, Infinity, -Infinity]) {
      for (const place of [0, 1]) {
        const { base, other } = randomLogits(2, 33, 1);
        [base, other][place][32] = value;
        const [odd, good] = await compareLogits(base, other, Int32Array.of(1, 1), hasKernel);
        assertEquals(odd.divergence, NaN);
        assert(good.divergence > 0);
      }
    }
  }
});
