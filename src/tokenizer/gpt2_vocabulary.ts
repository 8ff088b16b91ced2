/**
 * GPT-2's own vocabulary: 50,000 merges, from which all else follows.
 *
 * @module
 */

import { bytesInOrder, toPrintable } from "./byte_alphabet.ts";
import { ByteStrings } from "./byte_strings.ts";
import type { EncoderTables } from "./byte_pair_encoder.ts";
import { MergeTable } from "./merge_table.ts";
import { END_OF_TEXT, tokenType, type Vocabulary } from "./vocabulary.ts";

const NUM_BYTES = bytesInOrder.length;

const endOfTextBytes = new TextEncoder().encode(END_OF_TEXT);

/**
 * GPT-2's vocabulary, made from pairs of ids: the bytes have ids 0 to 255 (in GPT-2's order), merge `i` makes token
 * `256 + i`, and `<|endoftext|>` is last. There is nothing to look up and nothing to check, so that its tables are ready
 * in a tenth of the time that those of lists take; the lists are written when somebody wants to see them.
 */
export class Gpt2Vocabulary implements Vocabulary {
  /** The number of tokens. */
  readonly size: number;
  /** The kind of each token. */
  readonly tokenTypes: Uint8Array;
  /** The id of `<|endoftext|>`. */
  readonly addedIds: readonly number[];
  readonly #pairs: Uint16Array;
  #tokens?: readonly string[];
  #merges?: readonly string[];
  #tokenBytes?: ByteStrings;

  /** @param pairs the ids of left and right of each merge, the most preferred first */
  constructor(pairs: Uint16Array) {
    const endOfText = NUM_BYTES + pairs.length / 2;
    this.#pairs = pairs;
    this.size = endOfText + 1;
    this.addedIds = [endOfText];
    this.tokenTypes = new Uint8Array(this.size).fill(tokenType.normal);
    this.tokenTypes[endOfText] = tokenType.control;
  }

  /** The tokens by id, in GPT-2's printable byte alphabet. */
  get tokens(): readonly string[] {
    return this.#tokens ??= this.#writeTokens();
  }

  /** The merges as lines `"left right"`. */
  get merges(): readonly string[] {
    return this.#merges ??= this.#writeMerges();
  }

  /** The bytes that each token stands for. */
  get tokenBytes(): ByteStrings {
    return this.#tokenBytes ??= this.#joinBytes();
  }

  /** The bytes of one token, without joining those of the others. */
  bytesOf(id: number): Uint8Array<ArrayBuffer> {
    const bytes: number[] = [];
    this.#appendBytes(id, bytes);
    return Uint8Array.from(bytes);
  }

  /** One of `tokens`, without writing the others. */
  token(id: number): string {
    return id === this.size - 1 ? END_OF_TEXT : toPrintable(this.bytesOf(id));
  }

  /** Makes the tables that the encoder works with. */
  makeEncoderTables(): EncoderTables {
    const byteIds = new Int32Array(NUM_BYTES);
    for (let id = 0; id < NUM_BYTES; id++) byteIds[bytesInOrder[id]] = id;
    return { byteIds, merges: MergeTable.of(this.#pairs, NUM_BYTES) };
  }

  #writeTokens(): string[] {
    const pairs = this.#pairs;
    const tokens = bytesInOrder.map((byte) => toPrintable([byte]));
    for (let i = 0; i < pairs.length; i += 2) tokens.push(tokens[pairs[i]] + tokens[pairs[i + 1]]);
    tokens.push(END_OF_TEXT);
    return tokens;
  }

  #writeMerges(): string[] {
    const { tokens } = this;
    const pairs = this.#pairs;
    const lines: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      lines.push(`${tokens[pairs[i]]} ${tokens[pairs[i + 1]]}`);
    }
    return lines;
  }

  #appendBytes(id: number, bytes: number[]): void {
    if (id === this.size - 1) {
      bytes.push(...endOfTextBytes);
    } else if (id < NUM_BYTES) {
      bytes.push(bytesInOrder[id]);
    } else {
      const left = 2 * (id - NUM_BYTES);
      this.#appendBytes(this.#pairs[left], bytes);
      this.#appendBytes(this.#pairs[left + 1], bytes);
    }
  }

  #joinBytes(): ByteStrings {
    const pairs = this.#pairs;
    const numMerges = pairs.length / 2;
    const starts = new Uint32Array(this.size + 1);
    for (let id = 0; id < NUM_BYTES; id++) starts[id + 1] = id + 1;
    for (let i = 0; i < numMerges; i++) {
      const left = pairs[2 * i];
      const right = pairs[2 * i + 1];
      const length = starts[left + 1] - starts[left] + starts[right + 1] - starts[right];
      starts[NUM_BYTES + i + 1] = starts[NUM_BYTES + i] + length;
    }
    let end = starts[this.size - 1];
    starts[this.size] = end + endOfTextBytes.length;
    const bytes = new Uint8Array(starts[this.size]);
    bytes.set(bytesInOrder);
    bytes.set(endOfTextBytes, end);

    end = NUM_BYTES;
    for (let i = 0; i < pairs.length; i++) {
      const part = pairs[i];
      const last = starts[part + 1];
      for (let from = starts[part]; from < last; from++) bytes[end++] = bytes[from];
    }
    return new ByteStrings(bytes, starts);
  }
}

/**
 * Loads the vocabulary.
 *
 * `gpt2_merges.json` has the merges, the first learned first: the ids of left and right, as little-endian 16-bit numbers
 * in base64. Made by `scripts/make_gpt2_tokenizer.ts`.
 *
 * It is a module and no file to be fetched, so that Deno keeps it with the rest of the program: it needs no permission,
 * and no network the second time. It is loaded only now, since models may bring tokenizers of their own.
 */
export async function loadGpt2Vocabulary(): Promise<Gpt2Vocabulary> {
  const { default: base64 } = await import("./gpt2_merges.json", { with: { type: "json" } });
  // Everything that Deno runs on is little-endian.
  return new Gpt2Vocabulary(new Uint16Array(Uint8Array.fromBase64(base64).buffer));
}
