// Scores of targets, beside their definition.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { SCORE_ELEMENTS, scoreTargets } from "../../src/tensor/score_targets.ts";
import { canSummarizeLogits } from "../../src/tensor/summarize_logits.ts";

/** What the operation promises; its exponential is exact to 2 units in the last place of F32. */
const TOLERANCE = 3e-7;
/** Each term of the entropy is a probability times its distance from the largest logit, which are exact to as much. */
const ENTROPY_TOLERANCE = 3e-6;

const backend = Backend.cpu({ threads: 2 });
/** Whether the library and the processor have the kernel: elsewhere the operation is refused. */
const hasKernel = canSummarizeLogits(backend);

interface Score {
  target: number;
  max: number;
  rank: number;
  logOfSum: number;
  entropy: number;
}

/** As the operation computes it. */
function score(
  rows: readonly Float32Array[],
  targets: readonly number[],
  { vocabSize = rows[0].length, threads = 2 } = {},
): Score[] {
  using graph = new Graph(backend);
  const columns = rows[0].length;
  const logits = graph.input([rows.length, columns], "f32", "logits");
  const ids = graph.input([rows.length], "i32", "targets");
  const output = graph.output(scoreTargets(scale(logits, 1), ids, vocabSize));
  graph.allocate();
  rows.forEach((row, i) => graph.write(logits, row.slice(), i * row.byteLength));
  graph.write(ids, Int32Array.from(targets));
  graph.compute(threads);
  const data = new Int32Array(output.size);
  graph.read(output, data);
  const floats = new Float32Array(data.buffer);
  const doubles = new Float64Array(data.buffer);
  return rows.map((_, row) => {
    const at = row * SCORE_ELEMENTS;
    return {
      target: floats[at],
      max: floats[at + 1],
      rank: data[at + 2],
      logOfSum: doubles[at / 2 + 2],
      entropy: doubles[at / 2 + 3],
    };
  });
}

/** As it is defined. */
function define(row: Float32Array, target: number, vocabSize: number): Score {
  const logits = row.slice(0, vocabSize);
  const max = logits.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = powers.reduce((a, b) => a + b);
  const entropy = powers.reduce(
    (total, power) => power === 0 ? total : total - power / sum * Math.log(power / sum),
    0,
  );
  const rank = 1 +
    logits.filter((logit, id) =>
      logit > logits[target] || (logit === logits[target] && id < target)
    ).length;
  return { target: logits[target], max, rank, logOfSum: Math.log(sum), entropy };
}

function assertDefined(
  rows: readonly Float32Array[],
  targets: readonly number[],
  vocabSize?: number,
) {
  score(rows, targets, { vocabSize }).forEach((actual, i) => {
    const expected = define(rows[i], targets[i], vocabSize ?? rows[i].length);
    const message = `row ${i}, target ${targets[i]} of ${rows[i].length}`;
    assertEquals([actual.target, actual.max, actual.rank], [
      expected.target,
      expected.max,
      expected.rank,
    ], message);
    assertAlmostEquals(actual.logOfSum, expected.logOfSum, TOLERANCE, message);
    assertAlmostEquals(actual.entropy, expected.entropy, ENTROPY_TOLERANCE, message);
  });
}

const random = new Random(11);
const noise = (length: number) => Float32Array.from({ length }, () => 5 * random.normal() - 90);
/** Whole numbers: many are equal. */
const steps = (length: number) => Float32Array.from({ length }, () => Math.round(random.normal()));

if (hasKernel) {
  Deno.test("scoreTargets() equals its definition for rows of any length", () => {
    for (const size of [1, 2, 15, 16, 17, 63, 64, 65, 127, 1000, 4097]) {
      const rows = [noise(size), steps(size), new Float32Array(size), noise(size).sort()];
      for (const target of new Set([0, size >> 1, size - 1])) {
        assertDefined(rows, rows.map(() => target));
      }
    }
  });

  Deno.test("scoreTargets() equals its definition for GPT-2's vocabulary", () => {
    assertDefined([noise(50257), steps(50257), steps(50257)], [50256, 17, 50000]);
  });

  Deno.test("scoreTargets() does not look at columns behind the vocabulary", () => {
    for (const padding of [0, NaN, Infinity]) {
      const rows = [noise(100), noise(100)];
      for (const row of rows) row.fill(padding, 70);
      assertDefined(rows, [3, 69], 70);
    }
  });

  Deno.test("scoreTargets() copes with logits far apart", () => {
    assertDefined([Float32Array.of(0, -50, -86, -1000)], [3]);
    assertDefined([Float32Array.of(1e30, -1e30, 0)], [0]);
  });

  Deno.test("scoreTargets() gives NaN where no token counts, none is meant, or a logit is not finite", () => {
    for (const odd of [NaN, -NaN, Infinity, -Infinity]) {
      for (const place of [0, 15, 63, 64, 99]) {
        const rows = [noise(100), noise(100)];
        rows[0][place] = odd;
        const [bad, good] = score(rows, [5, 5]);
        assert(Number.isNaN(bad.logOfSum) && Number.isNaN(bad.entropy), `${odd} at ${place}`);
        assert(Number.isFinite(good.logOfSum) && Number.isFinite(good.entropy));
      }
    }
    for (const target of [-1, 100, 2 ** 31 - 1]) {
      const [{ logOfSum, entropy }] = score([noise(100)], [target]);
      assert(Number.isNaN(logOfSum) && Number.isNaN(entropy), `${target}`);
    }
  });

  Deno.test("scoreTargets() gives a row the same bits whatever is computed with it", () => {
    const rows = Array.from({ length: 9 }, () => noise(5003));
    const targets = rows.map((_, i) => 500 * i);
    for (const threads of [1, 2]) {
      const together = score(rows, targets, { threads });
      assertEquals(together, rows.flatMap((row, i) => score([row], [targets[i]])));
    }
  });

  Deno.test("scoreTargets() refuses other shapes and types", () => {
    using graph = new Graph(backend);
    const logits = graph.input([2, 8], "f32", "x");
    const targets = graph.input([2], "i32", "x");
    assertThrows(
      () => scoreTargets(logits, graph.input([3], "i32", "x"), 8),
      TypeError,
      "as targets",
    );
    assertThrows(
      () => scoreTargets(logits, graph.input([2], "f32", "x"), 8),
      TypeError,
      "as targets",
    );
    assertThrows(() => scoreTargets(targets, targets, 8), TypeError, "f32 is needed");
    assertThrows(() => scoreTargets(logits, targets, 9), RangeError, "vocabulary of 9");
    assertThrows(() => scoreTargets(logits, targets, 0), RangeError, "vocabulary of 0");
  });
} else {
  Deno.test("scoreTargets() is refused where there is no kernel for it", () => {
    using graph = new Graph(backend);
    const [logits, targets] = [graph.input([2, 8], "f32", "x"), graph.input([2], "i32", "x")];
    assertThrows(() => scoreTargets(logits, targets, 8), TypeError, "no kernel");
  });
}
