import { assertEquals } from "@std/assert";
import { Heap } from "../../src/base/heap.ts";
import { randomNumbers } from "../tokenizer/random_text.ts";

Deno.test("Heap gives its items back in their order, equal ones too", () => {
  const random = randomNumbers(3);
  for (const sign of [1, -1]) {
    for (let length = 0; length < 100; length++) {
      const heap = new Heap<number>((one, other) => sign * one < sign * other);
      const numbers = Array.from({ length }, () => Math.floor(random() * length));
      const popped: (number | undefined)[] = [];
      for (const number of numbers) heap.push(number);
      for (let i = 0; i <= length; i++) popped.push(heap.pop());
      assertEquals(popped, [...numbers.sort((a, b) => sign * (a - b)), undefined]);
    }
  }
});
