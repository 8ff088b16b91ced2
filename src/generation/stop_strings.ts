/**
 * Ends a streamed text at the first of some stop strings.
 *
 * @module
 */

import { InvalidArgumentError } from "../base/errors.ts";

/**
 * Watches a text that arrives in pieces for stop strings, and passes on what comes before them.
 *
 * What may be the beginning of a stop string is held back until more is known, so no part of a stop string is ever passed
 * on. The result does not depend on how the text is cut into pieces: the stop string that is complete first ends the text;
 * of several that are complete at the same character, the longest.
 *
 * @example
 * ```ts
 * import { StopMatcher } from "./stop_strings.ts";
 *
 * const matcher = new StopMatcher(["\n\n", "END"]);
 * matcher.push("The E"); // "The ": "E" may begin "END"
 * matcher.push("ast\n"); // "East": a line break may be followed by another
 * matcher.push("\nMore"); // "": the text has ended
 * matcher.isStopped; // true
 * ```
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  /** How long a beginning of one can be that is not yet all of it. */
  readonly #longestBeginning: number;
  /** The end of the text so far, which may be the beginning of a stop string. */
  #held = "";
  #match: string | undefined;

  /**
   * Starts with an empty text.
   *
   * @param stops one stop string, or any number of them; they are not part of the text that is passed on.
   * @throws {TypeError} if one is not a string.
   * @throws {RangeError} if one is empty.
   */
  constructor(stops: string | readonly string[]) {
    this.#stops = typeof stops === "string" ? [stops] : Array.from(stops);
    for (const stop of this.#stops) {
      if (typeof stop !== "string") {
        throw new TypeError(
          `Cannot watch for a stop string: it is not a string: received ${typeof stop}. Give a text such as "\\n".`,
        );
      }
      if (stop === "") {
        throw new InvalidArgumentError(
          'Cannot watch for a stop string: it is empty: received "". Leave it out, or give a text such as "\\n".',
        );
      }
    }
    this.#longestBeginning = this.#stops.reduce(
      (most, { length }) => Math.max(most, length - 1),
      0,
    );
  }

  /** Whether a stop string has been found. The text has ended then. */
  get isStopped(): boolean {
    return this.#match !== undefined;
  }

  /** The stop string that ended the text, if one did. */
  get match(): string | undefined {
    return this.#match;
  }

  /**
   * Takes the next piece of the text.
   *
   * @param piece any part of the text, from nothing to all of it.
   * @returns what can be passed on now; nothing once the text has ended.
   */
  push(piece: string): string {
    if (this.isStopped) return "";
    const text = this.#held + piece;
    const match = firstMatch(text, this.#stops);
    const end = match?.start ?? text.length - this.#lengthOfBeginning(text);
    this.#match = match?.stop;
    this.#held = match ? "" : text.slice(end);
    return text.slice(0, end);
  }

  /**
   * Ends the text where no stop string did.
   *
   * @returns what was held back.
   */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** How many characters at the end of the text may be the beginning of a stop string. */
  #lengthOfBeginning(text: string): number {
    const first = Math.max(0, text.length - this.#longestBeginning);
    for (let start = first; start < text.length; start++) {
      const end = text.slice(start);
      if (this.#stops.some((stop) => stop.startsWith(end))) return end.length;
    }
    return 0;
  }
}

/** Finds the stop string that is complete first, and of several the one that starts first. */
function firstMatch(
  text: string,
  stops: readonly string[],
): { stop: string; start: number } | undefined {
  let first: { stop: string; start: number; end: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start === -1) continue;
    const end = start + stop.length;
    if (!first || end < first.end || (end === first.end && start < first.start)) {
      first = { stop, start, end };
    }
  }
  return first;
}
