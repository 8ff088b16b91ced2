/** Vocabularies that were made to take a long time: work is bounded by their size and that of the text. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddedTokenMatcher } from "../../src/tokenizer/added_tokens.ts";
import { BackwardAutomaton } from "../../src/tokenizer/backward_automaton.ts";
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

Deno.test("a tokenizer refuses such added tokens whichever file they are from", () => {
  const words = Array.from(
    { length: 40 },
    (_, i) => String.fromCharCode(0x4e00 + i).repeat(30_000),
  );
  const tokenTypes = [...byteTokens.map(() => 1), ...words.map(() => 4)];
  const tokens = [...byteTokens, ...words];
  assertThrows(
    () => new Tokenizer({ tokens, merges: [], tokenTypes }),
    FileFormatError,
    "added tokens have more than 1048576 characters: received 1200000",
  );
  // An id without a meaning is not looked for.
  new Tokenizer({ tokens, merges: [], tokenTypes: tokenTypes.map((type) => type === 4 ? 5 : 1) });
});

Deno.test("a tokenizer refuses added tokens that are numbers chosen to have the same hash", () => {
  const numbers = Array.from({ length: 2000 }, (_, i) => String(1000 + i * 2 ** 17));
  const tokens = [...byteTokens, ...numbers];
  const tokenTypes = [...byteTokens.map(() => 1), ...numbers.map(() => 4)];
  assertThrows(
    () => new Tokenizer({ tokens, merges: [], tokenTypes }),
    FileFormatError,
    "too many added tokens are numbers alike",
  );
});

Deno.test("BackwardAutomaton of a million characters is a few arrays of numbers", () => {
  // As a Map of transitions it took 1.5 GB for 18 million, and had no room for more.
  const words = Array.from(
    { length: 33 },
    (_, i) => String.fromCharCode(0x4e00 + i).repeat(30_000),
  );
  const automaton = new BackwardAutomaton(words);
  assertEquals([...automaton.longestAt(`x${words[7]}x`)].filter((word) => word >= 0), [7]);
  assertEquals([...automaton.longestAt(words[8].slice(1))].filter((word) => word >= 0), []);
});

Deno.test("encode() with all of 6,000 special tokens looks each up once", () => {
  const special = Array.from({ length: 6_000 }, (_, i) => `<${i.toString(36)}>`);
  const tokens = [...byteTokens, ...special];
  const tokenTypes = [...byteTokens.map(() => 1), ...special.map(() => 3)];
  const tokenizer = new Tokenizer({ tokens, merges: [], tokenTypes });
  const text = special.slice(1000, 2000).join("");
  const ids = Array.from({ length: 1000 }, (_, i) => 256 + 1000 + i);
  assertEquals(tokenizer.encode(text, { allowSpecial: "all" }), ids);
  let numReads = 0;
  const names = new Proxy(special, {
    get(target, key, receiver) {
      if (typeof key === "string" && /^\d+$/.test(key)) numReads++;
      return Reflect.get(target, key, receiver);
    },
  });
  assertEquals(tokenizer.encode(text, { allowSpecial: names }), ids);
  assert(numReads <= 10 * special.length, String(numReads));
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
