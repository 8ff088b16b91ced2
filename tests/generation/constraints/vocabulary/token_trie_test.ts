import { assertEquals } from "@std/assert";
import { TokenTrie } from "../../../../src/generation/constraints/vocabulary/token_trie.ts";
import { ByteStrings } from "../../../../src/tokenizer/byte_strings.ts";
import { Random } from "../../../../src/base/random.ts";

/** The bytes of each token that a trie has, read off by going through its nodes; checked that each skip is right. */
function readOff(trie: TokenTrie): Map<number, number[]> {
  const spelled = new Map<number, number[]>();
  const path: number[] = [];
  for (let node = 0; node < trie.byte.length; node++) {
    path.length = trie.depth[node] - 1;
    path.push(trie.byte[node]);
    const first = trie.firstToken[node];
    for (const id of trie.tokens.subarray(first, first + trie.numTokens[node])) {
      spelled.set(id, [...path]);
    }
    const behind = trie.depth.findIndex((depth, other) => other > node && depth <= path.length);
    assertEquals(trie.end[node], behind === -1 ? trie.byte.length : behind);
  }
  return spelled;
}

function spell(texts: readonly (readonly number[])[]): ByteStrings {
  const starts = [0];
  for (const text of texts) starts.push(starts.at(-1)! + text.length);
  return new ByteStrings(Uint8Array.from(texts.flat()), Uint32Array.from(starts));
}

Deno.test("TokenTrie has the bytes of each token, also of tokens that are equal or begin alike", () => {
  const random = new Random(7);
  const upTo = (max: number) => Math.floor(random.next() * (max + 1));
  for (const numBytes of [1, 2, 5, 256]) {
    const texts = Array.from(
      { length: 200 },
      () => Array.from({ length: upTo(6) }, () => upTo(numBytes - 1)),
    );
    const ids = texts.flatMap(({ length }, id) => length > 0 && id % 10 !== 3 ? [id] : []);
    const trie = TokenTrie.of(spell(texts), Int32Array.from(ids));
    // Different bytes become the same.
    const byteFor = Uint8Array.from({ length: 256 }, (_, byte) => byte >> 1);
    for (
      const [found, spellingOf] of [
        [trie, (id: number) => texts[id]],
        [trie.respelled(byteFor), (id: number) => texts[id].map((byte) => byteFor[byte])],
      ] as const
    ) {
      const expected = new Map(ids.map((id) => [id, spellingOf(id)]));
      assertEquals(new Map([...readOff(found)].sort(([a], [b]) => a - b)), expected);
      assertEquals(found.maxDepth, Math.max(...ids.map((id) => texts[id].length)));
    }
  }
});

Deno.test("TokenTrie of no tokens has no nodes", () => {
  const trie = TokenTrie.of(spell([[1, 2]]), new Int32Array(0));
  assertEquals([trie.byte.length, trie.tokens.length, trie.maxDepth], [0, 0, 0]);
});
