import { assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { namePattern } from "../../src/base/name_pattern.ts";

const cases: [pattern: string, meant: string[], others: string[]][] = [
  ["a", ["a"], ["", "aa", "ab", "b"]],
  ["*", ["", "a", "a.b"], []],
  ["blocks.*.residual", ["blocks.0.residual", "blocks.11.residual", "blocks.0.x.residual"], [
    "blocks.0.residualMiddle",
    "blocks.residual",
  ]],
  ["*Norm", ["finalNorm", "blocks.0.mlpNorm"], ["blocks.0.mlpNorm.weight"]],
  ["blocks.0.*", ["blocks.0.residual", "blocks.0.mlp.hidden"], ["blocks.01.residual"]],
  ["aba*ba", ["ababa", "abaxba"], ["aba", "abba"]],
  ["a*b*b", ["abb", "axbxb"], ["ab", "ba"]],
  ["a.b", ["a.b"], ["axb"]],
];

for (const [pattern, meant, others] of cases) {
  Deno.test(`namePattern() knows what ${pattern} means`, () => {
    const isMeant = namePattern(pattern);
    assertEquals(meant.filter((name) => !isMeant(name)), []);
    assertEquals(others.filter(isMeant), []);
  });
}

Deno.test("namePattern() agrees with regular expressions on random names", () => {
  const random = new Random(1);
  const text = (letters: string) =>
    Array.from(
      { length: Math.floor(random.next() * 7) },
      () => letters[Math.floor(random.next() * letters.length)],
    ).join("");
  for (let i = 0; i < 20_000; i++) {
    const [pattern, name] = [text("ab*"), text("ab")];
    const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
    assertEquals(namePattern(pattern)(name), expected, `${pattern} and ${name}`);
  }
});

Deno.test("namePattern() takes no time for many stars", () => {
  assertEquals(namePattern("*a".repeat(10_000))("a".repeat(5_000)), false);
});
