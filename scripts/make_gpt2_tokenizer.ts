/**
 * Makes `src/tokenizer/gpt2_merges.json`, GPT-2's merges as pairs of token ids, from the ranked
 * tokens in the npm package js-tiktoken.
 *
 *     deno run -A scripts/make_gpt2_tokenizer.ts
 *
 * The package holds no merges, but they follow from the tokens: each one beyond the single bytes is
 * what one merge made of two tokens before it, namely of the two that its bytes are encoded as by
 * the merges before.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- for development only: not a dependency of the package
import ranks from "npm:js-tiktoken@1.0.21/ranks/gpt2";
import { bytesInOrder } from "../src/tokenizer/byte_alphabet.ts";
import { BytePairEncoder } from "../src/tokenizer/byte_pair_encoder.ts";
import { MergeTable } from "../src/tokenizer/merge_table.ts";

const OUTPUT = new URL("../src/tokenizer/gpt2_merges.json", import.meta.url);
const NUM_BYTES = 256;

/** The tokens in the order of their ids: lines of `! <first id> <base64> <base64> ...`. */
function readTokens(lines: string): Uint8Array[] {
  const tokens: Uint8Array[] = [];
  for (const line of lines.split("\n").filter((line) => line !== "")) {
    const [, firstId, ...encoded] = line.split(" ");
    if (Number(firstId) !== tokens.length) throw new Error(`The ids have a gap at ${firstId}`);
    tokens.push(...encoded.map((token) => Uint8Array.fromBase64(token)));
  }
  return tokens;
}

/** The ids of left and right for each token that is not a single byte. */
function deriveMerges(tokens: Uint8Array[]): number[] {
  const byteIds = new Int32Array(NUM_BYTES);
  for (const [id, byte] of bytesInOrder.entries()) {
    if (tokens[id].length !== 1 || tokens[id][0] !== byte) {
      throw new Error(`Token ${id} is not the byte ${byte}`);
    }
    byteIds[byte] = id;
  }
  const merges = new MergeTable(tokens.length - NUM_BYTES);
  const encoder = new BytePairEncoder({ byteIds, merges });
  const pairs: number[] = [];
  for (let id = NUM_BYTES; id < tokens.length; id++) {
    const parts = encoder.encode(tokens[id]);
    if (parts.length !== 2) throw new Error(`Token ${id} is not one merge: it has parts ${parts}`);
    merges.add(parts[0], parts[1], id);
    pairs.push(...parts);
  }
  return pairs;
}

if (import.meta.main) {
  const pairs = deriveMerges(readTokens(ranks.bpe_ranks));
  const bytes = new Uint8Array(2 * pairs.length);
  const view = new DataView(bytes.buffer);
  pairs.forEach((id, i) => view.setUint16(2 * i, id, true));
  const json = JSON.stringify(bytes.toBase64()) + "\n";
  await Deno.writeTextFile(OUTPUT, json);
  console.log(`${pairs.length / 2} merges, ${json.length} bytes`);
}
