import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { learningRateAt, type Schedule } from "../../src/training/learning_rate.ts";

const SCHEDULE: Schedule = {
  kind: "cosine",
  learningRate: 1,
  minLearningRate: 0.1,
  warmupSteps: 4,
  numSteps: 24,
};

Deno.test("learningRateAt() rises in the warm-up, and falls as the schedule says", () => {
  const rates = (kind: Schedule["kind"]) =>
    [0, 3, 4, 9, 14, 24, 1000].map((step) => learningRateAt(step, { ...SCHEDULE, kind }));
  const expected = {
    cosine: [0.2, 0.8, 1, 0.1 + 0.45 * (1 + Math.SQRT1_2), 0.55, 0.1, 0.1],
    linear: [0.2, 0.8, 1, 0.775, 0.55, 0.1, 0.1],
    constant: [0.2, 0.8, 1, 1, 1, 1, 1],
  };
  for (const kind of ["cosine", "linear", "constant"] as const) {
    rates(kind).forEach((rate, i) => assertAlmostEquals(rate, expected[kind][i], 1e-12));
  }
  assertEquals(learningRateAt(0, { ...SCHEDULE, warmupSteps: 0 }), 1);
});

Deno.test("learningRateAt() refuses what is no step and no schedule, and says what to do", () => {
  for (const step of [NaN, Infinity, -Infinity, -1, 0.5, 2 ** 53]) {
    const { message } = assertThrows(() => learningRateAt(step, SCHEDULE), RangeError);
    assertEquals(
      message,
      "Cannot tell the learning rate: step must be an integer of at least 0, below 2^53: " +
        `received ${step}. Count steps from 0.`,
    );
  }
  const wrong: Partial<Record<keyof Schedule, readonly unknown[]>> = {
    kind: ["cosinus", ""],
    learningRate: [NaN, -1, Infinity],
    minLearningRate: [NaN, -1, Infinity],
    warmupSteps: [NaN, -1, 1.5],
    numSteps: [NaN, 0, 1.5],
  };
  const refused = (change: object) => () => learningRateAt(1, { ...SCHEDULE, ...change });
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) assertThrows(refused({ [name]: value }), RangeError, name);
    for (const value of [null, {}, []]) assertThrows(refused({ [name]: value }), TypeError, name);
    assertThrows(refused({ [name]: undefined }), TypeError, "Give all parts of the schedule.");
  }
  for (const step of ["1", null, undefined] as unknown as number[]) {
    assertThrows(() => learningRateAt(step, SCHEDULE), TypeError, "step must be");
  }
});
