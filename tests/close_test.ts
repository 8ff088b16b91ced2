import { assertThrows } from "@std/assert";
import { assertClose } from "./close.ts";

Deno.test("assertClose() accepts what is within the tolerance", () => {
  assertClose([1, 2, -Infinity, NaN], [1.01, 2, -Infinity, NaN], 0.02);
});

Deno.test("assertClose() rejects a difference, a NaN, an infinity, and another length", () => {
  assertThrows(() => assertClose([1], [1.03], 0.02), Error, "differ by");
  assertThrows(() => assertClose([NaN], [1], 1e9), Error, "differ by Infinity");
  assertThrows(() => assertClose([Infinity], [1], 1e9), Error, "differ by Infinity");
  assertThrows(() => assertClose([1, 2], [1], 1e9), Error, "lengths differ");
});
