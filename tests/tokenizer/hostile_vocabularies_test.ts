/** Vocabularies that were made to take a long time: work is bounded by their size and that of the text. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddedTokenMatcher } from "../../src/tokenizer/added_tokens.ts";
import { ByteIndex, ByteStrings, CollisionError } from "../../src/tokenizer/byte_strings.ts";
import { MergeTable } from "../../src/tokenizer/merge_table.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { FileFormatError } from "../../src/base/errors.ts";
import { byteTokens } from "./small_vocabulary.ts";

function matcherOf(contents: readonly string[]): AddedTokenMatcher {
  return new AddedTokenMatcher(
    contents.map((content, id) => ({ id, content, special: false, flags: {} })),
  );
}

/** What leftmost-longest means, in the plainest way. */
function naive(contents: readonly string[], text: string): [id: number, start: number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < text.length;) {
    const here = contents.filter((content) => text.startsWith(content, at));
    const longest = here.sort((a, b) => b.length - a.length)[0];
    if (longest !== undefined) found.push([contents.indexOf(longest), at]);
    at += longest?.length ?? 1;
  }
  return found;
}

Deno.test("AddedTokenMatcher finds the leftmost, and of these the longest, like a plain search", () => {
  let state = 1;
  const random = (n: number) => (state = Math.imul(state, 48271) >>> 0) % n;
  const word = (max: number) =>
    Array.from({ length: 1 + random(max) }, () => "ab😀"[random(4)]).join("");
  for (let round = 0; round < 300; round++) {
    const contents = [...new Set(Array.from({ length: 1 + random(25) }, () => word(6)))];
    const text = word(60);
    const found = Array.from(matcherOf(contents).find(text), ({ id, start }) => [id, start]);
    assertEquals(found, naive(contents, text), JSON.stringify({ contents, text }));
  }
});

Deno.test("AddedTokenMatcher is not slowed down by tokens that nearly match everywhere", () => {
  // A search from each place anew would take 2,000 x 100,000 steps and more for these.
  const nearly = Array.from({ length: 1000 }, (_, i) => "a".repeat(i + 1) + "b");
  const text = "a".repeat(1_000_000);
  assertEquals([...matcherOf(nearly).find(text)], []);
  assertEquals([...matcherOf(["a", "a".repeat(30_000) + "b"]).find(text)].length, text.length);
});

Deno.test("a tokenizer refuses added tokens that together are a book", () => {
  const added_tokens = Array.from({ length: 40 }, (_, i) => ({
    id: 256 + i,
    content: String.fromCharCode(0x4e00 + i).repeat(30_000),
  }));
  const text = JSON.stringify({
    added_tokens,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    model: { vocab: Object.fromEntries(byteTokens.map((token, id) => [token, id])), merges: [] },
  });
  assertThrows(() => Tokenizer.fromTokenizerJson(text), FileFormatError, "added tokens have more");
});

/** Strings that begin in the same slot of a table with this seed. */
function collidingStrings(seed: number, count: number): ByteStrings {
  const mask = 2 ** Math.ceil(Math.log2(2 * count + 1)) - 1;
  const bytes: number[] = [];
  for (let i = 0; bytes.length < 4 * count; i++) {
    let hash = seed;
    const candidate = [i & 255, (i >> 8) & 255, (i >> 16) & 255, (i >> 24) & 255];
    for (const byte of candidate) {
      hash = Math.imul(hash ^ byte, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    if ((hash & mask & ~255) === 0) bytes.push(...candidate);
  }
  return new ByteStrings(
    Uint8Array.from(bytes),
    Uint32Array.from({ length: count + 1 }, (_, i) => 4 * i),
  );
}

Deno.test("ByteIndex stops where strings were made to collide, and does not know for which seed", () => {
  const strings = collidingStrings(7, 12_000);
  const addAll = (index: ByteIndex) => {
    for (let i = 0; i < strings.length; i++) assertEquals(index.add(i), -1);
  };
  assertThrows(() => addAll(new ByteIndex(strings, 7)), CollisionError);
  addAll(new ByteIndex(strings, 8));
  addAll(new ByteIndex(strings));
});

Deno.test("MergeTable has another order for each seed", () => {
  const pairs = Array.from({ length: 1000 }, (_, i) => [i % 37, i] as const);
  for (const seed of [0, 1, -5]) {
    const table = new MergeTable(pairs.length, seed);
    for (const [left, right] of pairs) assert(table.add(left, right, left));
    pairs.forEach(([left, right], rank) => assertEquals(table.rankOf(left, right), rank));
    assertEquals(table.rankOf(5000, 1), -1);
  }
});
