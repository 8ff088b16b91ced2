/**
 * Texts to measure with.
 *
 * @module
 */
import { Random } from "../../base/random.ts";

const SEED = 1;

/** Texts of random tokens, the same ones each time. */
export function randomTexts(batch: number, length: number, vocabSize: number): number[][] {
  const random = new Random(SEED);
  return Array.from(
    { length: batch },
    () => Array.from({ length }, () => Math.floor(random.next() * vocabSize)),
  );
}
