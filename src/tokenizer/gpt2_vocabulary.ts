/**
 * GPT-2's own vocabulary: 50,000 merges, from which all else follows.
 *
 * @module
 */

import { FileFormatError } from "../errors.ts";
import { bytesInOrder, toPrintable } from "./byte_alphabet.ts";
import { END_OF_TEXT, type TokenizerOptions } from "./vocabulary.ts";

/**
 * The merges, the first learned first: the ids of left and right, as little-endian 16-bit numbers.
 * The bytes have ids 0 to 255 (in GPT-2's order), merge `i` makes token `256 + i`, and
 * `<|endoftext|>` is last. Made by `scripts/make_gpt2_tokenizer.ts`.
 */
const MERGES_URL = new URL("./gpt2_merges.bin", import.meta.url);
const MERGES_SHA256 = "80d121a7b35cab0a6344b48302353f3eccdc93b2889e22901b77f783cbc6bb24";

/** How long to wait for a server before giving up. */
const FETCH_TIMEOUT_MS = 30_000;

/** Loads the vocabulary, from the file system or from the server that this module came from. */
export async function loadGpt2Vocabulary(url = MERGES_URL): Promise<TokenizerOptions> {
  const bytes = url.protocol === "file:" ? await Deno.readFile(url) : await download(url);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  if (sha256 !== MERGES_SHA256) {
    throw new FileFormatError(
      `Cannot load GPT-2's vocabulary: ${url} is damaged: received ${bytes.length} bytes ` +
        `with SHA-256 ${sha256}. Install the package again.`,
      { path: url.href },
    );
  }
  // Everything that Deno runs on is little-endian.
  const merges = new Uint16Array(bytes.slice().buffer);
  const tokens = bytesInOrder.map((byte) => toPrintable([byte]));
  for (let i = 0; i < merges.length; i += 2) tokens.push(tokens[merges[i]] + tokens[merges[i + 1]]);
  tokens.push(END_OF_TEXT);
  return { tokens, merges, path: url.href };
}

async function download(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Deno.errors.Http(
      `Cannot load GPT-2's vocabulary: the server refused ${url}: ` +
        `received status ${response.status}. Try again later.`,
    );
  }
  return await response.bytes();
}
