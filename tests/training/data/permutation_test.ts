import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "../../../src/base/random.ts";
import { Permutation } from "../../../src/training/data/permutation.ts";

Deno.test("Permutation has every number once", () => {
  for (const size of [1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 1000, 4097]) {
    for (const seed of [0, 1, 2]) {
      const permutation = new Permutation(size, new Random(seed));
      const numbers = Array.from({ length: size }, (_, place) => permutation.at(place));
      assertEquals(numbers.toSorted((a, b) => a - b), Array.from({ length: size }, (_, i) => i));
    }
  }
});

Deno.test("Permutation is another one for another key, and keeps no order", () => {
  const size = 1000;
  const numbersOf = (seed: number) => {
    const permutation = new Permutation(size, new Random(seed));
    return Array.from({ length: size }, (_, place) => permutation.at(place));
  };
  assertEquals(numbersOf(1), numbersOf(1));
  assertNotEquals(numbersOf(1), numbersOf(2));
  // Of 999 neighbours about half ascend, within four standard deviations (of sqrt(1000 / 12), as for any random order).
  for (const seed of [1, 2, 3, 4]) {
    const numbers = numbersOf(seed);
    const numAscending = numbers.filter((number, at) => at > 0 && number > numbers[at - 1]).length;
    assert(Math.abs(numAscending - 499.5) < 4 * Math.sqrt(1000 / 12), String(numAscending));
  }
});

Deno.test("Permutation permutes more numbers than 32 bits can count", () => {
  const size = 2 ** 40 + 1;
  const permutation = new Permutation(size, new Random(1));
  const numbers = Array.from({ length: 1000 }, (_, i) => permutation.at(size - 1 - i));
  assertEquals(new Set(numbers).size, 1000);
  assert(numbers.every((number) => number >= 0 && number < size));
  const numLarge = numbers.filter((number) => number >= size / 2).length;
  assert(numLarge > 400 && numLarge < 600, String(numLarge));
});
