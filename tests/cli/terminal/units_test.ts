import { assertEquals } from "@std/assert";
import { countText, numberText } from "../../../src/cli/terminal/units.ts";

Deno.test("numberText() writes whole numbers as toLocaleString() does", () => {
  for (const number of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 124_439_808, -1000, 2 ** 53]) {
    assertEquals(numberText(number), number.toLocaleString("en-US"));
  }
});

Deno.test("countText() makes more than one a plural", () => {
  assertEquals([0, 1, 2, 1500].map((count) => countText(count, "token")), [
    "0 tokens",
    "1 token",
    "2 tokens",
    "1,500 tokens",
  ]);
});
