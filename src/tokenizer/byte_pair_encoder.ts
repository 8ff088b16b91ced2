/**
 * Byte pair encoding of one piece of text (Sennrich et al. 2016, section 3.2; on bytes, Radford et
 * al. 2019, section 2.2).
 *
 * @module
 */

import { InvalidArgumentError } from "../base/errors.ts";
import { Heap } from "../base/heap.ts";
import type { MergeTable } from "./merge_table.ts";

/**
 * A heap entry is `rank * NUM_POSITIONS + position`: the order of merging, as one exact integer.
 */
const NUM_POSITIONS = 2 ** 31;

const isMergedBefore = (entry: number, other: number) => entry < other;

/** What the encoder works with. */
export interface EncoderTables {
  /** The token of each of the 256 bytes; -1 for a byte that the vocabulary has none for. */
  readonly byteIds: Int32Array;
  /** The merges, by token ids. */
  readonly merges: MergeTable;
}

/** Pieces up to this many bytes share their working memory. */
const SHARED_LENGTH = 1024;

/** Of a long piece, so many bytes, pairs or tokens are looked at before others may have their turn. */
const BYTES_PER_PART = 32_768;

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
  readonly #sharedQueue = new Heap<number>(isMergedBefore);
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
    const queue = this.#sharedQueue;
    this.#fill(list, bytes, 0, numBytes);
    this.#enqueueAll(list, queue, 0, numBytes, numBytes);
    this.#merge(list, queue, numBytes, Infinity);
    const ids: number[] = [];
    this.#collect(list, 0, numBytes, ids, Infinity);
    return ids;
  }

  /**
   * The same tokens one list after another, of which many are empty: none takes more than a few milliseconds. For pieces
   * that would hold the thread for longer.
   *
   * @throws {MissingByteError} if there is no token for one of the bytes
   */
  *encodeInParts(bytes: Uint8Array): Generator<number[], void> {
    const numBytes = bytes.length;
    const list = new TokenList(numBytes);
    // Others may encode in between.
    const queue = new Heap<number>(isMergedBefore);
    for (let start = 0; start < numBytes; start += BYTES_PER_PART) {
      this.#fill(list, bytes, start, Math.min(start + BYTES_PER_PART, numBytes));
      yield [];
    }
    for (let start = 0; start < numBytes; start += BYTES_PER_PART) {
      const end = Math.min(start + BYTES_PER_PART, numBytes);
      this.#enqueueAll(list, queue, start, end, numBytes);
      yield [];
    }
    while (!this.#merge(list, queue, numBytes, BYTES_PER_PART)) yield [];
    for (let at = 0; at < numBytes;) {
      const ids: number[] = [];
      at = this.#collect(list, at, numBytes, ids, BYTES_PER_PART);
      yield ids;
    }
  }

  /** Makes each byte from `start` to `end` a token. */
  #fill(
    { tokens, previous, next }: TokenList,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    for (let at = start; at < end; at++) {
      const id = tokens[at] = this.#byteIds[bytes[at]];
      if (id < 0) throw new MissingByteError(bytes[at], at);
      previous[at] = at - 1;
      next[at] = at + 1;
    }
  }

  #enqueueAll(
    list: TokenList,
    queue: Heap<number>,
    start: number,
    end: number,
    numBytes: number,
  ): void {
    for (let at = start; at < end; at++) this.#enqueue(list, queue, at, numBytes);
  }

  /** Looks at so many pairs at most. Returns whether none is left. */
  #merge(list: TokenList, queue: Heap<number>, numBytes: number, maxPairs: number): boolean {
    const { tokens, previous, next, ranks } = list;
    for (let numPairs = 0; numPairs < maxPairs; numPairs++) {
      const entry = queue.pop();
      if (entry === undefined) return true;
      const rank = Math.floor(entry / NUM_POSITIONS);
      const left = entry % NUM_POSITIONS;
      // A merge on either side may have taken this pair apart since it was queued.
      if (ranks[left] !== rank) continue;

      const right = next[left];
      tokens[left] = this.#merges.resultOf(rank);
      next[left] = next[right];
      ranks[right] = -1;
      if (next[left] < numBytes) previous[next[left]] = left;
      this.#enqueue(list, queue, left, numBytes);
      if (previous[left] >= 0) this.#enqueue(list, queue, previous[left], numBytes);
    }
    return false;
  }

  /** Adds at most so many tokens to `ids`, from that at `start` on. Returns where the next one is. */
  #collect(
    { tokens, next }: TokenList,
    start: number,
    numBytes: number,
    ids: number[],
    maxIds: number,
  ): number {
    let at = start;
    for (let count = 0; at < numBytes && count < maxIds; count++, at = next[at]) {
      ids.push(tokens[at]);
    }
    return at;
  }

  /** Queues the pair that begins at `left`, if it merges. */
  #enqueue(
    { tokens, next, ranks }: TokenList,
    queue: Heap<number>,
    left: number,
    end: number,
  ): void {
    const right = next[left];
    const rank = right < end ? this.#merges.rankOf(tokens[left], tokens[right]) : -1;
    ranks[left] = rank;
    if (rank >= 0) queue.push(rank * NUM_POSITIONS + left);
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
