import { assertEquals } from "@std/assert";
import { clockText, countText, numberText } from "../../../src/cli/terminal/units.ts";

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

Deno.test("clockText() shows minutes and seconds, and hours from the first on", () => {
  const texts = [0, 9.4, 65.6, 3599.4, 3599.6, 3654, 100_000].map(clockText);
  assertEquals(texts, ["0:00", "0:09", "1:06", "59:59", "1:00:00", "1:00:54", "27:46:40"]);
});
