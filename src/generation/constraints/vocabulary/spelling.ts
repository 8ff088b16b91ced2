/**
 * Whether the tokens that there are can complete what was begun.
 *
 * @module
 */
import { InvalidArgumentError } from "../../../base/errors.ts";
import { Heap } from "../../../base/heap.ts";
import type { AutomatonState } from "../grammar/byte_automaton.ts";

/** So many states are looked at in one search. */
const MAX_SEARCHED = 20_000;

/** What a search needs to know. */
export interface SpellingSearch {
  /** The states that one token leads to. */
  nextStates(state: AutomatonState): Iterable<AutomatonState>;
  /** About how far it is from a state to the end. */
  distance(state: AutomatonState): number;
}

/**
 * Finds out whether a text can be completed. Where each byte is a token, it always can; in a vocabulary that lacks some,
 * the bytes of a match may have no tokens that spell them.
 *
 * @returns a function that tells it of any state, and remembers what it found
 * @throws {RangeError} that function, if it does not find out
 */
export function spellingOf(
  { nextStates, distance }: SpellingSearch,
): (state: AutomatonState) => boolean {
  const canFinish = new WeakMap<AutomatonState, boolean>();

  return (start) => {
    const known = canFinish.get(start);
    if (known !== undefined) return known;
    /** The states found, each with the place of the one it was found from. */
    const found: { state: AutomatonState; from: number }[] = [];
    const seen = new Set<AutomatonState>();
    // The nearest to the end first: where there is a way, it is mostly found straight away.
    const waiting = new Heap<number>((one, other) => one < other);
    const find = (state: AutomatonState, from: number) => {
      if (seen.has(state) || canFinish.get(state) === false) return;
      seen.add(state);
      const place = found.push({ state, from }) - 1;
      waiting.push(Math.min(distance(state), 2 ** 20) * 2 ** 32 + place);
    };
    find(start, -1);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const place = next % 2 ** 32;
      const { state } = found[place];
      if (state.isComplete || canFinish.get(state) === true) {
        for (let at = place; at >= 0; at = found[at].from) canFinish.set(found[at].state, true);
        return true;
      }
      if (found.length > MAX_SEARCHED) {
        throw new InvalidArgumentError(
          "Cannot generate: it takes too long to find out whether the tokens of this vocabulary, in which bytes are " +
            `missing, can spell the constraint: received one of more than ${MAX_SEARCHED} states. Ask for something shorter.`,
        );
      }
      for (const after of nextStates(state)) find(after, place);
    }
    for (const { state } of found) canFinish.set(state, false);
    return false;
  };
}
