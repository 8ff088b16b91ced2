/**
 * The UTF-8 of ranges of characters.
 *
 * @module
 */
import { type CodePoints, rangesOf } from "./code_points.ts";

/** One range of bytes for each byte of some characters of equal length: every choice of bytes is one of them. */
export type ByteRanges = readonly (readonly [first: number, last: number])[];

/** The last code points that take 1, 2, 3 and 4 bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The characters of a set as ranges of bytes, in order. Those with a common beginning have that beginning in common exactly. */
export function* utf8Sequences(set: CodePoints): Generator<ByteRanges> {
  for (const [first, last] of rangesOf(set)) yield* sequencesOf(first, last);
}

function* sequencesOf(first: number, last: number): Generator<ByteRanges> {
  for (const end of LAST_OF_LENGTH) {
    if (first > end) continue;
    if (last > end) {
      yield* sequencesOf(first, end);
      yield* sequencesOf(end + 1, last);
      return;
    }
    break;
  }
  // Where the first bytes differ, the bytes behind them have to be all there are.
  for (let bits = 6; bits <= 18; bits += 6) {
    const mask = (1 << bits) - 1;
    if (last <= 0x7f || (first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) {
      yield* sequencesOf(first, first | mask);
      yield* sequencesOf((first | mask) + 1, last);
      return;
    }
    if ((last & mask) !== mask) {
      yield* sequencesOf(first, (last & ~mask) - 1);
      yield* sequencesOf(last & ~mask, last);
      return;
    }
  }
  const low = utf8Of(first);
  const high = utf8Of(last);
  yield low.map((byte, i) => [byte, high[i]] as const);
}

function utf8Of(codePoint: number): number[] {
  if (codePoint <= 0x7f) return [codePoint];
  const tail = (shift: number) => 0x80 | (codePoint >> shift) & 0x3f;
  if (codePoint <= 0x7ff) return [0xc0 | codePoint >> 6, tail(0)];
  if (codePoint <= 0xffff) return [0xe0 | codePoint >> 12, tail(6), tail(0)];
  return [0xf0 | codePoint >> 18, tail(12), tail(6), tail(0)];
}
