// Summaries of logits, beside their definition.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import {
  canSummarizeLogits,
  MAX_SUMMARIZED,
  summarizeLogits,
} from "../../src/tensor/summarize_logits.ts";

/** What the operation promises; its exponential is exact to 2 units in the last place of F32. */
const TOLERANCE = 3e-7;

const backend = Backend.cpu({ threads: 2 });
/** Whether the library and the processor have the kernel: elsewhere the operation is refused. */
const hasKernel = canSummarizeLogits(backend);

interface Summary {
  ids: number[];
  logits: number[];
  logOfSum: number;
}

/** As the operation computes it. */
function summarize(
  rows: readonly Float32Array[],
  { vocabSize = rows[0].length, count, threads = 2 }: {
    vocabSize?: number;
    count: number;
    threads?: number;
  },
): Summary[] {
  using graph = new Graph(backend);
  const columns = rows[0].length;
  const input = graph.input([rows.length, columns], "f32", "logits");
  const output = graph.output(summarizeLogits(scale(input, 1), vocabSize, count));
  graph.allocate();
  rows.forEach((row, i) => graph.write(input, row.slice(), i * row.byteLength));
  graph.compute(threads);
  const data = new Int32Array(output.size);
  graph.read(output, data);
  return rows.map((_, row) => {
    const at = row * output.shape[1];
    return {
      ids: [...data.slice(at, at + count)],
      logits: [...new Float32Array(data.slice(at + count, at + 2 * count).buffer)],
      logOfSum: new Float64Array(data.slice(at + 2 * count, at + 2 * count + 2).buffer)[0],
    };
  });
}

/** As it is defined. */
function define(row: Float32Array, vocabSize: number, count: number): Summary {
  const logits = row.slice(0, vocabSize);
  const ids = [...logits.keys()]
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
  const max = Math.max(...ids.map((id) => logits[id]));
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
  return { ids, logits: ids.map((id) => logits[id]), logOfSum: Math.log(sum) };
}

function assertDefined(
  rows: readonly Float32Array[],
  options: { vocabSize?: number; count: number; threads?: number },
): void {
  const { vocabSize = rows[0].length, count } = options;
  summarize(rows, options).forEach((actual, row) => {
    const expected = define(rows[row], vocabSize, count);
    const message = `row ${row}, ${count} of ${vocabSize}`;
    assertEquals(actual.ids, expected.ids, message);
    assertEquals(actual.logits, expected.logits, message);
    assertAlmostEquals(actual.logOfSum, expected.logOfSum, TOLERANCE, message);
  });
}

const random = new Random(7);
const noise = (length: number) => Float32Array.from({ length }, () => 5 * random.normal() - 90);
/** Whole numbers: many are equal. */
const steps = (length: number) => Float32Array.from({ length }, () => Math.round(random.normal()));

if (hasKernel) {
  Deno.test("summarizeLogits() equals its definition for rows of any length", () => {
    for (const size of [1, 2, 15, 16, 17, 63, 64, 65, 127, 1000, 4097]) {
      for (const count of [1, 2, 51, MAX_SUMMARIZED].filter((count) => count <= size)) {
        assertDefined([noise(size), noise(size), noise(size)], { count });
        assertDefined([steps(size), new Float32Array(size), noise(size).sort()], { count });
        assertDefined([noise(size).sort().reverse(), noise(size)], { count });
      }
    }
  });

  Deno.test("summarizeLogits() equals its definition for GPT-2's vocabulary", () => {
    assertDefined([noise(50257), steps(50257)], { count: 51 });
  });

  Deno.test("summarizeLogits() does not look at columns behind the vocabulary", () => {
    for (const padding of [0, NaN, Infinity]) {
      const rows = [noise(100), noise(100)];
      for (const row of rows) row.fill(padding, 70);
      assertDefined(rows, { vocabSize: 70, count: 5 });
    }
  });

  Deno.test("summarizeLogits() copes with logits far apart", () => {
    assertDefined([Float32Array.of(3e38, -3e38, 0, 3e38)], { count: 3 });
    assertDefined([Float32Array.of(0, -50, -86, -88, -1000)], { count: 2 });
  });

  Deno.test("summarizeLogits() says that a logit is not finite, wherever it is", () => {
    for (const odd of [NaN, -NaN, Infinity, -Infinity]) {
      for (const place of [0, 15, 63, 64, 99]) {
        const [row, other] = [noise(100), noise(100)];
        row[place] = odd;
        const [summary, otherSummary] = summarize([row, other], { count: 3 });
        assert(Number.isNaN(summary.logOfSum), `${odd} at ${place}`);
        assert(summary.ids.every((id) => id >= 0 && id < 100));
        assertEquals(otherSummary.ids, define(other, 100, 3).ids);
      }
    }
  });

  Deno.test("summarizeLogits() gives the same bits whatever rows and threads there are", () => {
    const rows = Array.from({ length: 9 }, () => noise(3001));
    const alone = rows.map((row) => summarize([row], { count: 20, threads: 1 })[0]);
    for (const threads of [1, 2]) {
      assertEquals(summarize(rows, { count: 20, threads }), alone);
      assertEquals(summarize(rows.toReversed(), { count: 20, threads }), alone.toReversed());
    }
    assertEquals(summarize(rows, { count: 1 }).map(({ logOfSum }) => logOfSum), [
      ...alone.map(({ logOfSum }) => logOfSum),
    ]);
  });
}

Deno.test("summarizeLogits() refuses arguments that do not fit", () => {
  using graph = new Graph(backend);
  const logits = graph.input([3, 40], "f32", "logits");
  const ids = graph.input([3, 40], "i32", "ids");
  const cube = graph.input([1, 3, 40], "f32", "cube");
  assertThrows(() => summarizeLogits(ids, 40, 1), TypeError, "f32 is needed");
  assertThrows(() => summarizeLogits(cube, 40, 1), TypeError, "(rows, columns) are needed");
  for (const vocabSize of [0, 41, 1.5, NaN]) {
    assertThrows(() => summarizeLogits(logits, vocabSize, 1), RangeError, `of ${vocabSize} tokens`);
  }
  for (const count of [0, -1, 31, 1.5, NaN]) {
    assertThrows(() => summarizeLogits(logits, 30, count), RangeError, `received ${count}`);
  }
  const wide = graph.input([1, 1000], "f32", "wide");
  assertThrows(() => summarizeLogits(wide, 1000, MAX_SUMMARIZED + 1), RangeError, "1 to 129");
  if (hasKernel) return void summarizeLogits(logits, 30, 30);
  assertThrows(() => summarizeLogits(logits, 40, 1), TypeError, "there is no kernel for it here");
});
