import { assertEquals } from "@std/assert";
import {
  logitBias,
  noRepeatNgrams,
  presenceAndFrequencyPenalty,
  repetitionPenalty,
} from "../../../src/generation/sampling/logits_processors.ts";
import { Random } from "../../../src/base/random.ts";

const VOCAB_SIZE = 20;

Deno.test("repetitionPenalty() divides what is positive and multiplies what is not, once for each token", () => {
  const logits = new Float32Array([4, -4, 4, 0]);
  repetitionPenalty(2, 4)(logits, [0, 1, 0, 0, 3], 0);
  assertEquals(logits, new Float32Array([2, -8, 4, 0]));
});

Deno.test("presenceAndFrequencyPenalty() does not count the prompt", () => {
  const logits = new Float32Array(5);
  presenceAndFrequencyPenalty(1, 0.25, 5)(logits, [0, 0, 1, 2, 2, 1, 1], 3);
  assertEquals(logits, new Float32Array([0, -1.5, -1.5, 0, 0]));
});

Deno.test("presenceAndFrequencyPenalty() raises logits where it is negative", () => {
  const logits = new Float32Array(2);
  presenceAndFrequencyPenalty(-1, -0.5, 2)(logits, [0, 0], 0);
  assertEquals(logits, new Float32Array([2, 0]));
});

Deno.test("logitBias() adds, and bans with -Infinity", () => {
  const logits = new Float32Array([1, 2, 3]);
  logitBias(new Map([[0, 1.5], [2, -Infinity]]))(logits, [], 0);
  assertEquals(logits, new Float32Array([2.5, 2, -Infinity]));
});

Deno.test("noRepeatNgrams() bans what naive counting bans", () => {
  const random = new Random(1);
  for (let trial = 0; trial < 500; trial++) {
    const length = Math.floor(random.next() * 12);
    const history = Array.from({ length }, () => Math.floor(random.next() * 3));
    for (const size of [1, 2, 3, 4]) {
      const logits = new Float32Array(VOCAB_SIZE);
      noRepeatNgrams(size)(logits, history, 0);
      for (let id = 0; id < VOCAB_SIZE; id++) {
        const isBanned = ngrams(history, size).includes([...history, id].slice(-size).join());
        const fits = history.length >= size - 1;
        assertEquals(logits[id], isBanned && fits ? -Infinity : 0, `${size} of ${history}, ${id}`);
      }
    }
  }
});

Deno.test("the processors take any list of numbers, and leave ids outside the vocabulary alone", () => {
  for (
    const history of [[1, VOCAB_SIZE, -1, 50_000, 1], Int32Array.of(1, VOCAB_SIZE, -1, 50_000, 1)]
  ) {
    const logits = new Float32Array(VOCAB_SIZE).fill(1);
    repetitionPenalty(2, VOCAB_SIZE)(logits, history, 0);
    presenceAndFrequencyPenalty(0, 1, VOCAB_SIZE)(logits, history, 0);
    noRepeatNgrams(2)(logits, history, 0);
    const expected = new Float32Array(VOCAB_SIZE).fill(1);
    expected[1] = 0.5 - 2;
    assertEquals(logits, expected);
  }
});

Deno.test("the processors leave nothing behind for the next call", () => {
  const processors = [repetitionPenalty(2, 4), presenceAndFrequencyPenalty(1, 1, 4)];
  for (const process of processors) {
    process(new Float32Array(4).fill(1), [0, 1, 2, 3, 3], 1);
    const logits = new Float32Array(4).fill(1);
    process(logits, [], 0);
    assertEquals(logits, new Float32Array(4).fill(1));
  }
});

function ngrams(history: readonly number[], size: number): string[] {
  const starts = Array.from(
    { length: Math.max(0, history.length - size + 1) },
    (_, start) => start,
  );
  return starts.map((start) => history.slice(start, start + size).join());
}
