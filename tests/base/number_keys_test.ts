import { assert, assertEquals, assertThrows } from "@std/assert";
import { NumberKeys } from "../../src/base/number_keys.ts";
import { parseStrictJson } from "../../src/base/strict_json.ts";

Deno.test("NumberKeys takes all whole numbers below a million, and any other keys", () => {
  const keys = new NumberKeys();
  for (let i = 0; i < 1_000_000; i++) assert(!keys.isFlooded(String(i)));
  for (let i = 0; i < 5000; i++) assert(!keys.isFlooded(`token${i * 2 ** 17}`));
});

Deno.test("NumberKeys tells where numbers were chosen to have the same hash", () => {
  for (const step of [2 ** 10, 2 ** 16, 2 ** 17, 2 ** 20, 7 * 2 ** 13]) {
    const keys = new NumberKeys();
    const numTaken = Array.from({ length: 5000 }, (_, i) => String(1007 + i * step))
      .findIndex((key) => keys.isFlooded(key));
    assertEquals(numTaken, 1024, String(step));
  }
});

Deno.test("parseStrictJson() refuses objects of keys that were chosen to have the same hash", () => {
  const objectOf = (step: number, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${i * step}":${i}`).join(",")}}`;
  assertThrows(() => parseStrictJson(objectOf(2 ** 17, 2000)), SyntaxError, "are numbers alike");
  assertEquals((parseStrictJson(objectOf(1, 20_000)) as Map<string, unknown>).size, 20_000);
  // Each object counts for itself.
  const list = parseStrictJson(`[${new Array(3000).fill('{"4096":0}').join(",")}]`);
  assertEquals((list as unknown[]).length, 3000);
});
