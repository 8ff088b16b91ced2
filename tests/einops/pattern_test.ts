import { assert, assertEquals, assertThrows } from "@std/assert";
import { parsePattern } from "../../src/einops/pattern.ts";

Deno.test("parsePattern() reads names, composite axes, axes of size 1 and ellipses", () => {
  const { inputs, output } = parsePattern(
    "rearrange",
    "batch (three  heads) 1 () ... -> (... batch)three heads",
  );
  assertEquals(inputs, [[["batch"], ["three", "heads"], [], [], "..."]]);
  assertEquals(output, [["...", "batch"], ["three"], ["heads"]]);
});

Deno.test("parsePattern() reads several tensors", () => {
  const { inputs, output } = parsePattern("einsum", "i k,j k->i j");
  assertEquals(inputs, [[["i"], ["k"]], [["j"], ["k"]]]);
  assertEquals(output, [["i"], ["j"]]);
});

Deno.test("parsePattern() reads a side without axes", () => {
  const { inputs, output } = parsePattern("reduce", "a (1 b 1) -> ");
  assertEquals(inputs, [[["a"], ["b"]]]);
  assertEquals(output, []);
});

Deno.test("parsePattern() makes each number an axis of its own", () => {
  const { inputs, numbers } = parsePattern("reduce", "(h 2) (w 2) -> h w");
  const [[[, first], [, second]]] = inputs as string[][][];
  assert(first !== second);
  assertEquals([numbers.get(first), numbers.get(second)], [2, 2]);
});

Deno.test("parsePattern() takes line breaks and tabs as spaces", () => {
  const { inputs } = parsePattern("rearrange", "\ta\n b -> b a");
  assertEquals(inputs, [[["a"], ["b"]]]);
});

const SYNTAX_ERRORS: [pattern: string, problem: string, position: number][] = [
  ["a b", '"->" expected', 3],
  ["", '"->" expected', 0],
  ["a b -> b a -> a", 'unexpected "->"', 11],
  ["a b -> b, a", 'unexpected ","', 8],
  ["a (b c -> a b c", '"(" is never closed', 2],
  ["a b -> (a b", '"(" is never closed', 7],
  ["a b) -> a b", '"->" expected instead of ")"', 3],
  ["a (b (c d)) -> a b c d", '"(" inside "("', 5],
  ["a b -> a) b", 'unexpected ")"', 8],
  ["a + b -> a b", "not an axis", 2],
  ["a b - > a b", "not an axis", 4],
  ["a b => a b", "not an axis", 4],
  ["a .. -> a", "not an axis", 2],
  ["a .... -> a", "not an axis", 5],
  ["a-b -> b", "not an axis", 1],
  ["é -> é", "not an axis", 0],
  ["a 0 -> a", "a name or a positive integer", 2],
  ["a 2b -> a", "a name or a positive integer", 2],
  ["a 99999999999999999999 -> a", "a name or a positive integer", 2],
  ["... a ... -> a", 'second "..." for one tensor', 6],
  ["a -> (... ...) a", 'second "..." for one tensor', 10],
];

for (const [pattern, problem, position] of SYNTAX_ERRORS) {
  Deno.test(`parsePattern() refuses "${pattern}"`, () => {
    const error = assertThrows(() => parsePattern("rearrange", pattern), SyntaxError, problem);
    const [first, shown, caret] = error.message.split("\n");
    assertEquals(first, `Cannot rearrange: ${first.slice(18)}`);
    assert(first.endsWith(`at position ${position}: received`), first);
    assertEquals(shown, `  ${pattern}`);
    assertEquals(caret.indexOf("^"), position + 2);
  });
}

Deno.test("parsePattern() reads a pattern of a million characters in linear time", () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `axis${i}`).join(" ");
  assertEquals(parsePattern("rearrange", `${names} -> ${names}`).output.length, 100_000);
});
