import { assertEquals } from "@std/assert";
import reference from "../fixtures/tokenizer/training.json" with { type: "json" };
import { sha256Sync } from "../../src/base/sha256.ts";
import { bytesInOrder, toPrintable } from "../../src/tokenizer/byte_alphabet.ts";
import { PieceCounter } from "../../src/tokenizer/piece_counter.ts";
import { type LearnedVocabulary, trainBytePairs } from "../../src/tokenizer/train_byte_pairs.ts";
import { readTinyShakespeare } from "../fixtures/tiny_shakespeare.ts";

function learn(text: string, numTokens: number, minFrequency = 2): LearnedVocabulary {
  const pieces = new PieceCounter();
  pieces.add(text);
  pieces.endText();
  const steps = trainBytePairs(pieces, { numTokens, minFrequency });
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

Deno.test("trainBytePairs() learns the merges that Hugging Face's tokenizers learn", () => {
  for (const { text, numTokens, minFrequency, merges } of reference.cases) {
    assertEquals(learn(text, numTokens, minFrequency).merges, merges, text.slice(0, 40));
  }
});

Deno.test("trainBytePairs() learns the same merges from tiny Shakespeare", async () => {
  const text = await readTinyShakespeare();
  for (const { numTokens, numMerges, sha256 } of reference.tinyShakespeare) {
    const { merges } = learn(text, numTokens);
    const digest = sha256Sync(new TextEncoder().encode(merges.join("\n")));
    assertEquals([merges.length, digest], [numMerges, sha256]);
  }
});

Deno.test("trainBytePairs() lays tokens out as GPT-2's: the bytes, and what each merge makes", () => {
  const { tokens, merges } = learn("low lower lowest", 300);
  assertEquals(tokens.slice(0, 256), bytesInOrder.map((byte) => toPrintable([byte])));
  assertEquals(tokens.slice(256), merges.map((merge) => merge.replace(" ", "")));
});

Deno.test("trainBytePairs() ends when no pair is frequent enough, or there are enough tokens", () => {
  assertEquals(learn("low lower lowest", 300).merges, ["l o", "lo w", "Ġ low", "Ġlow e"]);
  assertEquals(learn("low lower lowest", 257).merges, ["l o"]);
  assertEquals(learn("low lower lowest", 300, 3).merges, ["l o", "lo w"]);
  assertEquals(learn("abc", 300).merges, []);
});
