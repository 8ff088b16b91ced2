/** Logits of many kinds to try filters on. */
import { Random } from "../../../src/base/random.ts";

/** Deterministic logits for each seed: flat or peaked, near or far from 0, some with ties, some with banned tokens. */
export function randomLogits(seed: number): Float32Array {
  const random = new Random(seed);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)];
  const size = pick([1, 2, 3, 7, 40, 300, 2000]);
  const deviation = pick([0, 0.01, 0.5, 1, 3, 10]);
  const offset = pick([0, 0, -90, 1000]);
  const bans = pick([0, 0, 0.3, 0.9]);
  const isRounded = pick([false, false, true]);
  const logits = new Float32Array(size);
  for (let id = 0; id < size; id++) {
    const logit = offset + deviation * random.normal();
    logits[id] = random.next() < bans ? -Infinity : isRounded ? Math.round(logit) : logit;
  }
  // Something must be left to choose.
  logits[Math.floor(random.next() * size)] = offset + deviation;
  return logits;
}
