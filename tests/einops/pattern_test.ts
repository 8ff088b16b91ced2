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

// What einops 0.8.2 takes for names.
for (const name of ["ß", "é", "中", "ǆ", "ª", "ℵ", "Ⅷ", "a_b", "x2", "a٣", "axis", "constructor"]) {
  Deno.test(`parsePattern() takes "${name}" for a name`, () => {
    assertEquals(parsePattern("rearrange", `${name} b -> b ${name}`).output, [["b"], [name]]);
    assertEquals(parsePattern("einsum", `${name} b -> b ${name}`).output, [["b"], [name]]);
  });
}

Deno.test("parsePattern() reads a name twice, and _, in an einsum only", () => {
  const { inputs, output } = parsePattern("einsum", "_ i i, (1 _) -> _");
  assertEquals(inputs, [[["_"], ["i"], ["i"]], [["_"]]]);
  assertEquals(output, [["_"]]);
});

Deno.test("parsePattern() takes 01 for 1", () => {
  assertEquals(parsePattern("rearrange", "a 01 -> a").inputs, [[["a"], []]]);
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
  ["a\tb -> b a", "not an axis", 1],
  ["a b\n-> b a", "not an axis", 3],
  ["a\u00a0b -> b a", "not an axis", 1],
  ["e\u0301 -> e\u0301", "not an axis", 1],
  ["℘ -> ℘", "not an axis", 0],
  ["a\u00b7b -> a\u00b7b", "not an axis", 1],
  ["a… -> a…", "not an axis", 1],
  ["_a -> _a", "an axis is a name", 0],
  ["b a_ -> a_ b", "an axis is a name", 2],
  ["_ b -> b _", "an axis is a name", 0],
  ["a² -> a²", "an axis is a name", 0],
  ["a...b -> b a", "an axis is a name", 0],
  ["a... -> a", "an axis is a name", 0],
  ["a 0 -> a", "an axis is a name", 2],
  ["a 2b -> a", "an axis is a name", 2],
  ["a 99999999999999999999 -> a", "an axis is a name", 2],
  ["... a ... -> a", 'second "..." for one tensor', 6],
  ["a -> (... ...) a", 'second "..." for one tensor', 10],
];

const EINSUM_ERRORS: typeof SYNTAX_ERRORS = [
  ["a 1 -> a", "no axes of size 1", 2],
  ["a () -> a", "no axes of size 1", 2],
  ["a (1) -> a", "no axes of size 1", 2],
  ["a -> a 1", "no axes of size 1", 7],
  ["a 3 -> a", "an axis of einsum() is a name", 2],
  ["(a 3) -> a", "an axis of einsum() is a name", 3],
  ["_a -> _a", "an axis is a name", 0],
  ["a\tb -> b a", "not an axis", 1],
];

for (const [caller, errors] of [["rearrange", SYNTAX_ERRORS], ["einsum", EINSUM_ERRORS]] as const) {
  for (const [pattern, problem, position] of errors) {
    Deno.test(`parsePattern() refuses ${JSON.stringify(pattern)} for ${caller}()`, () => {
      const error = assertThrows(() => parsePattern(caller, pattern), SyntaxError, problem);
      const [first, shown, caret] = error.message.split("\n");
      assert(first.startsWith(`Cannot ${caller}: `), first);
      assert(first.endsWith(`at position ${position}: received`), first);
      assertEquals(shown, `  ${pattern.replace(/\s/g, " ")}`);
      assertEquals(caret.indexOf("^"), position + 2);
    });
  }
}

Deno.test("parsePattern() reads a pattern of a million characters in linear time", () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `axis${i}`).join(" ");
  assertEquals(parsePattern("rearrange", `${names} -> ${names}`).output.length, 100_000);
});
