import { assertEquals, assertStrictEquals } from "@std/assert";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { readTinyShakespeare } from "../fixtures/tiny_shakespeare.ts";
import { awkwardTexts } from "./awkward_texts.ts";
import { randomNumbers, randomText } from "./random_text.ts";
import { referenceEncode } from "./reference_tokenizer.ts";

const NUM_RANDOM_TEXTS = 10_000;
const NUM_TOKENS_TINY_SHAKESPEARE = 338_025;

const tokenizer = await Tokenizer.gpt2();

Deno.test("Tokenizer.gpt2() encodes tiny Shakespeare as js-tiktoken does", async () => {
  const text = await readTinyShakespeare();
  const ids = tokenizer.encode(text);
  assertEquals(ids.length, NUM_TOKENS_TINY_SHAKESPEARE);
  assertEquals(firstDifference(ids, referenceEncode(text)), undefined);
  assertStrictEquals(tokenizer.decode(ids), text);
});

/** What is white space in JavaScript alone, and what is everywhere else: js-tiktoken cuts texts there in its own way. */
const DIFFERENT_SPACE = /[\u0085\ufeff]/g;

for (const [name, awkward] of Object.entries(awkwardTexts)) {
  const text = awkward.replace(DIFFERENT_SPACE, "");
  Deno.test(`Tokenizer.gpt2() encodes ${name} as js-tiktoken does`, () => {
    const ids = tokenizer.encode(text);
    assertEquals(ids, referenceEncode(text));
    assertEquals(
      tokenizer.encode(text, { allowSpecial: "all" }),
      referenceEncode(text, "all"),
    );
    assertStrictEquals(tokenizer.decode(ids), text.toWellFormed());
  });
}

Deno.test(`Tokenizer.gpt2() encodes ${NUM_RANDOM_TEXTS} random texts as js-tiktoken does`, () => {
  const random = randomNumbers(1);
  for (let i = 0; i < NUM_RANDOM_TEXTS; i++) {
    const text = randomText(random).replace(DIFFERENT_SPACE, "");
    const ids = tokenizer.encode(text);
    const expected = referenceEncode(text);
    assertEquals(firstDifference(ids, expected), undefined, JSON.stringify(text));
    assertStrictEquals(tokenizer.decode(ids), text.toWellFormed());
  }
});

Deno.test("Tokenizer.gpt2() is loaded once", async () => {
  assertStrictEquals(await Tokenizer.gpt2(), tokenizer);
});

Deno.test("Tokenizer.gpt2() has GPT-2's vocabulary", () => {
  assertEquals(tokenizer.vocabSize, 50_257);
  assertEquals(tokenizer.tokens.length, 50_257);
  assertEquals(tokenizer.merges.length, 50_000);
  assertEquals(tokenizer.merges.slice(0, 3), ["Ġ t", "Ġ a", "h e"]);
  assertEquals(tokenizer.merges.at(-1), "Ġg azed");
  assertEquals(tokenizer.endOfTextId, 50_256);
  assertEquals([...tokenizer.specialTokens], [["<|endoftext|>", 50_256]]);
  assertEquals(tokenizer.tokenTypes.indexOf(3), 50_256);
  assertEquals(tokenizer.tokenTypes[0], 1);
});

Deno.test("firstDifference() finds a difference in value and in length", () => {
  assertEquals(firstDifference([1, 2, 3], [1, 2, 3]), undefined);
  assertEquals(firstDifference([1, 2, 3], [1, 5, 3]), 1);
  assertEquals(firstDifference([1, 2], [1, 2, 3]), 2);
  assertEquals(firstDifference([1, 2, 3], [1, 2]), 2);
});

/**
 * The first index at which two lists differ. `assertEquals` takes seconds on a list of this size.
 */
function firstDifference(actual: number[], expected: number[]): number | undefined {
  const length = Math.max(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) return i;
  }
}
