import { assert, assertEquals } from "@std/assert";
import { BytePairEncoder } from "../../src/tokenizer/byte_pair_encoder.ts";
import { loadGpt2Vocabulary } from "../../src/tokenizer/gpt2_vocabulary.ts";
import { MergeTable } from "../../src/tokenizer/merge_table.ts";
import { randomNumbers } from "./random_text.ts";

type Merge = [left: number, right: number, result: number];

/**
 * The definition: look for the most preferred pair, the leftmost of equals, merge it, look again.
 */
function naiveEncode(ids: number[], merges: readonly Merge[]): number[] {
  for (;;) {
    let best = merges.length;
    let bestAt = -1;
    for (let at = 0; at + 1 < ids.length; at++) {
      const rank = merges.findIndex(([left, right]) => left === ids[at] && right === ids[at + 1]);
      if (rank >= 0 && rank < best) [best, bestAt] = [rank, at];
    }
    if (bestAt < 0) return ids;
    ids = [...ids.slice(0, bestAt), merges[best][2], ...ids.slice(bestAt + 2)];
  }
}

/** Bytes stand for themselves. */
function encoderOf(merges: readonly Merge[]): BytePairEncoder {
  const table = new MergeTable(merges.length);
  for (const merge of merges) table.add(...merge);
  return new BytePairEncoder({
    byteIds: Int32Array.from({ length: 256 }, (_, byte) => byte),
    merges: table,
  });
}

Deno.test("BytePairEncoder prefers the merge learned first, then the leftmost", () => {
  const merges: Merge[] = [[2, 3, 300], [1, 2, 301], [1, 1, 302], [302, 1, 303]];
  const encoder = encoderOf(merges);
  assertEquals(encoder.encode(Uint8Array.of(1, 2, 3)), [1, 300]);
  assertEquals(encoder.encode(Uint8Array.of(1, 2, 1)), [301, 1]);
  assertEquals(encoder.encode(Uint8Array.of(1, 1, 1, 1, 1)), [302, 303]);
  assertEquals(encoder.encode(Uint8Array.of(9)), [9]);
  assertEquals(encoder.encode(Uint8Array.of()), []);
});

Deno.test("BytePairEncoder equals naive merging, with merges in any order", () => {
  const random = randomNumbers(2);
  const below = (limit: number) => Math.floor(random() * limit);
  let numMerged = 0;
  for (let round = 0; round < 2000; round++) {
    const numSymbols = 1 + below(4);
    const merges: Merge[] = [];
    for (let result = 300; result < 300 + below(30); result++) {
      // A part is a byte or any result, even one that only a later merge makes.
      const part = () => random() < 0.5 ? below(numSymbols) : 300 + below(30);
      const [left, right] = [part(), part()];
      if (!merges.some((merge) => merge[0] === left && merge[1] === right)) {
        merges.push([left, right, result]);
      }
    }
    const bytes = Uint8Array.from({ length: below(60) }, () => below(numSymbols));
    const expected = naiveEncode([...bytes], merges);
    assertEquals(encoderOf(merges).encode(bytes), expected);
    if (expected.length < bytes.length) numMerged++;
  }
  assert(numMerged > 500, `only ${numMerged} rounds merged anything`);
});

Deno.test("BytePairEncoder encodes the bytes of each token of GPT-2 as that token", async () => {
  // So every token has one way to come about, and merging by pairs of tokens, as here and in the
  // original, cannot differ from merging by the bytes of the result, as in tiktoken.
  const vocabulary = await loadGpt2Vocabulary();
  const { byteIds, merges } = vocabulary.makeEncoderTables();
  const encoder = new BytePairEncoder({ byteIds, merges });
  for (let id = 0; id < 50_256; id++) {
    assert(`${encoder.encode(vocabulary.tokenBytes.at(id))}` === `${id}`, `token ${id}`);
  }
});
