import { assertEquals, assertThrows } from "@std/assert";
import { argmax, Candidates, checkBestLogit } from "../../../src/generation/sampling/candidates.ts";
import { NumericalError } from "../../../src/base/errors.ts";
import type { Random } from "../../../src/base/random.ts";
import { randomLogits } from "./random_logits.ts";

/** A generator that always gives the same number. */
const always = (value: number) => ({ next: () => value }) as Random;

Deno.test("draw() takes the first token for 0 and the last for nearly 1, but never one without probability", () => {
  const candidates = new Candidates(6);
  candidates.load(new Float32Array([-Infinity, 1, -Infinity, 2, 1, -Infinity]));
  assertEquals(candidates.draw(always(0)), 1);
  assertEquals(candidates.draw(always(0.5)), 3);
  assertEquals(candidates.draw(always(1 - 2 ** -53)), 4);
});

Deno.test("draw() stays among the tokens whatever the number drawn", () => {
  for (let seed = 0; seed < 200; seed++) {
    const logits = randomLogits(seed);
    const candidates = new Candidates(logits.length);
    candidates.load(logits);
    const isPossible = (id: number) => candidates.max - logits[id] < 40;
    assertEquals(candidates.draw(always(0)), logits.findIndex((_, id) => isPossible(id)));
    // A token at the end may be too improbable for any number below 1.
    assertEquals(isPossible(candidates.draw(always(1 - 2 ** -53))), true);
  }
});

Deno.test("argmax() finds the first of the largest values, or NaN", () => {
  assertEquals(argmax(new Float32Array([1, 3, 2, 3])), 1);
  assertEquals(argmax(new Float32Array([1, 3, 2, 4]), 3), 1);
  assertEquals(argmax(new Float32Array([-Infinity, -Infinity])), 0);
  assertEquals(argmax(new Float32Array([1, NaN, 5, NaN])), 1);
  assertEquals(argmax(new Float32Array([NaN])), 0);
});

Deno.test("checkBestLogit() accepts finite numbers only", () => {
  for (const logit of [0, -1e38, 1e38]) checkBestLogit(logit, 0);
  for (const logit of [NaN, Infinity]) {
    assertThrows(
      () => checkBestLogit(logit, 7),
      NumericalError,
      `token 7 is not a finite number: received ${logit}.`,
    );
  }
  assertThrows(() => checkBestLogit(-Infinity, 7), NumericalError, "all -Infinity");
});
