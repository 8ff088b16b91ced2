/**
 * Learning the merges of byte pair encoding: again and again the pair of tokens that is most often side by side becomes one
 * token (Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2).
 *
 * The merges are those that Hugging Face's `tokenizers` learns (`BpeTrainer`), down to which of two equally frequent pairs
 * comes first. What a merge changes is counted where it changes it: only words with that pair are looked at.
 *
 * @module
 */
import type { Heap } from "../base/heap.ts";
import { bytesInOrder, toPrintable } from "./byte_alphabet.ts";
import { type MergeCandidate, mergeCandidates } from "./merge_candidates.ts";
import { PairCounts } from "./pair_counts.ts";
import type { PieceCounter } from "./piece_counter.ts";

/** A vocabulary that was learned. */
export interface LearnedVocabulary {
  /** The tokens by id, in GPT-2's printable byte alphabet. */
  readonly tokens: readonly string[];
  /** The merges, the most preferred first, as lines `"left right"`. */
  readonly merges: readonly string[];
}

/** When to stop. */
export interface LearningLimits {
  /** How many tokens to learn, with those of the 256 bytes. */
  readonly numTokens: number;
  /** A pair that is there less often does not become a token. At least 1. */
  readonly minFrequency: number;
}

/** Many words of tokens, end to end in one array. A word gets shorter where it is. */
interface Words {
  readonly tokens: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** How often each of them is there. */
  readonly counts: readonly number[];
}

/** So many words are looked at in one step. */
const WORDS_PER_STEP = 4096;

/**
 * Learns a vocabulary: the 256 bytes in GPT-2's order, and what merges make of them, in the order in which they were learned.
 * It ends earlier if the pairs do. Gives way between steps of some milliseconds.
 */
export function* trainBytePairs(
  pieces: PieceCounter,
  { numTokens, minFrequency }: LearningLimits,
): Generator<void, LearnedVocabulary> {
  const words = yield* readWords(pieces);
  const pairs = new PairCounts();
  const queue = mergeCandidates(pairs);
  yield* queueAll(words, pairs, queue);

  const tokens = bytesInOrder.map((byte) => toPrintable([byte]));
  const merges: string[] = [];
  while (tokens.length < numTokens) {
    const candidate = nextCandidate(queue, pairs);
    if (candidate === undefined || candidate.count < minFrequency) break;
    const left = tokens[pairs.lefts[candidate.pair]];
    const right = tokens[pairs.rights[candidate.pair]];
    // No other pair makes the same token: the merges before this one have left the same parts of it everywhere.
    yield* mergeWords(candidate, tokens.push(left + right) - 1, words, pairs, queue);
    merges.push(`${left} ${right}`);
    yield;
  }
  return { tokens, merges };
}

function* readWords(pieces: PieceCounter): Generator<void, Words> {
  const idOfByte = new Int32Array(256);
  bytesInOrder.forEach((byte, id) => idOfByte[byte] = id);
  const { counts } = pieces;
  const lengths = new Int32Array(counts.length);
  const starts = new Int32Array(counts.length);
  let tokens = new Int32Array(2 ** 16);
  let end = 0;
  let word = 0;
  for (const bytes of pieces.pieces()) {
    if (end + bytes.length > tokens.length) {
      const larger = new Int32Array(2 * (end + bytes.length));
      larger.set(tokens);
      tokens = larger;
    }
    starts[word] = end;
    lengths[word++] = bytes.length;
    for (const byte of bytes) tokens[end++] = idOfByte[byte];
    if (word % WORDS_PER_STEP === 0) yield;
  }
  return { tokens, starts, lengths, counts };
}

/** Counts all pairs, and queues them. */
function* queueAll(words: Words, pairs: PairCounts, queue: Heap<MergeCandidate>): Generator<void> {
  const { tokens, starts, lengths, counts } = words;
  const found = new FoundPairs(pairs);
  for (let word = 0; word < counts.length; word++) {
    const last = starts[word] + lengths[word] - 1;
    for (let at = starts[word]; at < last; at++) {
      found.add(pairs.indexOf(tokens[at], tokens[at + 1]), word, counts[word]);
    }
    if (word % WORDS_PER_STEP === 0) yield;
  }
  found.queueIn(queue);
}

/** The most frequent pair, as it is now: the counts of others may have become smaller since they were queued. */
function nextCandidate(queue: Heap<MergeCandidate>, pairs: PairCounts): MergeCandidate | undefined {
  for (;;) {
    const candidate = queue.pop();
    if (candidate === undefined) return undefined;
    const count = pairs.counts[candidate.pair];
    if (candidate.count === count) return candidate;
    candidate.count = count;
    queue.push(candidate);
  }
}

/** Makes one token of a pair wherever it is, and queues the pairs that this token is in. */
function* mergeWords(
  { pair, words: wordsWithPair }: MergeCandidate,
  result: number,
  words: Words,
  pairs: PairCounts,
  queue: Heap<MergeCandidate>,
): Generator<void> {
  const { tokens, starts, lengths, counts } = words;
  const left = pairs.lefts[pair];
  const right = pairs.rights[pair];
  const found = new FoundPairs(pairs);
  for (let i = 0; i < wordsWithPair.length; i++) {
    const word = wordsWithPair[i];
    const count = counts[word];
    const start = starts[word];
    const end = start + lengths[word];
    let to = start;
    for (let from = start; from < end; to++) {
      if (tokens[from] !== left || from + 1 === end || tokens[from + 1] !== right) {
        tokens[to] = tokens[from++];
        continue;
      }
      if (to > start) {
        pairs.counts[pairs.indexOf(tokens[to - 1], left)] -= count;
        found.add(pairs.indexOf(tokens[to - 1], result), word, count);
      }
      tokens[to] = result;
      from += 2;
      if (from < end) {
        pairs.counts[pairs.indexOf(right, tokens[from])] -= count;
        found.add(pairs.indexOf(result, tokens[from]), word, count);
      }
    }
    lengths[word] = to - start;
    if (i % WORDS_PER_STEP === WORDS_PER_STEP - 1) yield;
  }
  found.queueIn(queue);
}

/** Pairs that are there now and have not been before, with the words that they are in. */
class FoundPairs {
  readonly #pairs: PairCounts;
  readonly #wordsWith = new Map<number, number[]>();

  constructor(pairs: PairCounts) {
    this.#pairs = pairs;
  }

  /** Counts a pair in a word. Words come one after another. */
  add(pair: number, word: number, count: number): void {
    this.#pairs.counts[pair] += count;
    const words = this.#wordsWith.get(pair);
    if (words === undefined) this.#wordsWith.set(pair, [word]);
    else if (words[words.length - 1] !== word) words.push(word);
  }

  queueIn(queue: Heap<MergeCandidate>): void {
    for (const [pair, words] of this.#wordsWith) {
      const count = this.#pairs.counts[pair];
      // What one merge has made, the same merge may have taken away again: (x, y) in "xyxy".
      if (count > 0) queue.push({ pair, count, words });
    }
  }
}
