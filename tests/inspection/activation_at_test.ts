import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { activationAt } from "../../src/inspect.ts";

const data = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i);
const activation = { axes: "batch seq embed", shape: [2, 3, 4], data };

Deno.test("activationAt() gives what the axes after the given ones have", () => {
  assertEquals(activationAt(activation), data);
  assertEquals(activationAt(activation, 1), data.subarray(12));
  assertEquals([...activationAt(activation, 1, 2)], [20, 21, 22, 23]);
  assertEquals([...activationAt(activation, 1, 2, 3)], [23]);
});

Deno.test("activationAt() counts from the end below 0", () => {
  assertEquals([...activationAt(activation, -2, -1)], [8, 9, 10, 11]);
});

Deno.test("activationAt() gives the elements themselves, of whichever precision", () => {
  const matrix = { shape: [1, 2], data: Float64Array.of(1, 2) };
  activationAt(matrix, 0)[1] = 3;
  assertStrictEquals(matrix.data[1], 3);
});

const wrong: [given: unknown[], error: ErrorConstructor, message: string][] = [
  [[activation, 2], RangeError, "from 0 to 1"],
  [[activation, 0, -4], RangeError, "from -3 to -1"],
  [[activation, 0.5], RangeError, "received 0.5"],
  [[activation, NaN], RangeError, "received NaN"],
  [[activation, "last"], TypeError, `received "last"`],
  [[activation, undefined], TypeError, "received nothing"],
  [[activation, 0, 0, 0, 0], RangeError, "it has 3 axes, (2, 3, 4): received 4 indices"],
  [[undefined, 0], TypeError, "forward() with capture gives them"],
  [[data, 0], TypeError, "an object with shape and data is needed"],
  [[{ shape: [2, 2], data }, 0], TypeError, "an object with shape and data is needed"],
];

for (const [[given, ...indices], error, message] of wrong) {
  Deno.test(`activationAt(${indices.join(", ")}) is refused: ${message}`, () => {
    // deno-lint-ignore no-explicit-any -- what no type checker lets through
    assertThrows(() => activationAt(given as any, ...indices as any), error, message);
  });
}
