/**
 * Byte pair encoding of one piece of text (Sennrich et al. 2016, section 3.2; on bytes, Radford et
 * al. 2019, section 2.2).
 *
 * @module
 */

import { InvalidArgumentError } from "../base/errors.ts";
import type { MergeTable } from "./merge_table.ts";
import { MinHeap } from "./min_heap.ts";

/**
 * A heap entry is `rank * NUM_POSITIONS + position`: the order of merging, as one exact integer.
 */
const NUM_POSITIONS = 2 ** 31;

/** What the encoder works with. */
export interface EncoderTables {
  /** The token of each of the 256 bytes; -1 for a byte that the vocabulary has none for. */
  readonly byteIds: Int32Array;
  /** The merges, by token ids. */
  readonly merges: MergeTable;
}

/** Pieces up to this many bytes share their working memory. */
const SHARED_LENGTH = 1024;

/** The tokens of a piece while they merge: a linked list, each where its first byte was. */
class TokenList {
  readonly tokens: Int32Array;
  readonly previous: Int32Array;
  readonly next: Int32Array;
  /** The rank of the merge with the next token, or -1 where there is none. */
  readonly ranks: Int32Array;

  constructor(numBytes: number) {
    this.tokens = new Int32Array(numBytes);
    this.previous = new Int32Array(numBytes);
    this.next = new Int32Array(numBytes);
    this.ranks = new Int32Array(numBytes);
  }
}

/**
 * Merges the most preferred pair of neighbours, the leftmost of equals, until none is left.
 *
 * To look through all pairs after each merge would take quadratic time, which a piece of a million
 * letters does not forgive. Here the pairs that may merge wait in a heap: O(n log n).
 */
export class BytePairEncoder {
  readonly #byteIds: Int32Array;
  readonly #merges: MergeTable;
  readonly #queue = new MinHeap();
  readonly #sharedList = new TokenList(SHARED_LENGTH);

  /** An encoder with these tables. */
  constructor({ byteIds, merges }: EncoderTables) {
    this.#byteIds = byteIds;
    this.#merges = merges;
  }

  /**
   * The tokens of one piece.
   *
   * @throws {MissingByteError} if there is no token for one of its bytes
   */
  encode(bytes: Uint8Array): number[] {
    const numBytes = bytes.length;
    const list = numBytes <= SHARED_LENGTH ? this.#sharedList : new TokenList(numBytes);
    const { tokens, previous, next, ranks } = list;
    for (let at = 0; at < numBytes; at++) {
      const id = tokens[at] = this.#byteIds[bytes[at]];
      if (id < 0) throw new MissingByteError(bytes[at], at);
      previous[at] = at - 1;
      next[at] = at + 1;
    }
    for (let at = 0; at < numBytes; at++) this.#enqueue(list, at, numBytes);

    for (let entry = this.#queue.pop(); entry !== undefined; entry = this.#queue.pop()) {
      const rank = Math.floor(entry / NUM_POSITIONS);
      const left = entry % NUM_POSITIONS;
      // A merge on either side may have taken this pair apart since it was queued.
      if (ranks[left] !== rank) continue;

      const right = next[left];
      tokens[left] = this.#merges.resultOf(rank);
      next[left] = next[right];
      ranks[right] = -1;
      if (next[left] < numBytes) previous[next[left]] = left;
      this.#enqueue(list, left, numBytes);
      if (previous[left] >= 0) this.#enqueue(list, previous[left], numBytes);
    }

    const ids: number[] = [];
    for (let at = 0; at < numBytes; at = next[at]) ids.push(tokens[at]);
    return ids;
  }

  /** Queues the pair that begins at `left`, if it merges. */
  #enqueue({ tokens, next, ranks }: TokenList, left: number, end: number): void {
    const right = next[left];
    const rank = right < end ? this.#merges.rankOf(tokens[left], tokens[right]) : -1;
    ranks[left] = rank;
    if (rank >= 0) this.#queue.push(rank * NUM_POSITIONS + left);
  }
}

/** There is no token for a byte. Whoever knows the text says which character that is. */
export class MissingByteError extends InvalidArgumentError {
  /** Where the byte is in its piece. */
  readonly at: number;

  /** The error for a byte at a place of a piece. */
  constructor(byte: number, at: number) {
    const shown = byte.toString(16).padStart(2, "0");
    super(`Cannot encode: the vocabulary has no token for a byte: received 0x${shown}.`);
    this.at = at;
  }
}
