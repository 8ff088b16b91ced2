/**
 * Many words, looked for at every place of a text at once.
 *
 * @module
 */

/**
 * Tells for each place of a text the longest of some words that begins there: the automaton of Aho and Corasick (1975) for
 * the words written backwards, which reads the text backwards. In its state are all words that begin where it is.
 *
 * A state is a number, those that are nearer to the first one are lower, and the next states of each follow one another by
 * their code units: a few arrays of numbers, without hashes that somebody could make collide.
 */
export class BackwardAutomaton {
  /** The states after state `s` are `firstNext[s]` up to, not including, `firstNext[s + 1]`. State 0 has read nothing. */
  readonly #firstNext: Uint32Array;
  /** The code unit that leads to a state. */
  readonly #units: Uint16Array;
  /** The longest proper end of what was read that is a state, too. */
  readonly #fallback: Uint32Array;
  /** The longest word that a state ends with, as an index; -1 for none. */
  readonly #word: Int32Array;

  /** @param words different from each other, none of them empty */
  constructor(words: readonly string[]) {
    const maxStates = words.reduce((sum, word) => sum + word.length, 1);
    this.#firstNext = new Uint32Array(maxStates + 1);
    this.#units = new Uint16Array(maxStates);
    this.#fallback = new Uint32Array(maxStates);
    this.#word = new Int32Array(maxStates).fill(-1);

    const backwards = words.map((word) => word.split("").reverse().join(""));
    const order = [...words.keys()].sort((a, b) => compare(backwards[a], backwards[b]));
    // The words that begin as a state was reached lie side by side in `order`: from `begins[state]` up to `ends[state]`.
    const begins = new Uint32Array(maxStates);
    const ends = new Uint32Array(maxStates);
    const depths = new Uint32Array(maxStates);
    ends[0] = words.length;
    let numStates = 1;
    for (let state = 0; state < numStates; state++) {
      this.#firstNext[state] = numStates;
      const depth = depths[state];
      let at = begins[state];
      if (state > 0) this.#word[state] = this.#word[this.#fallback[state]];
      for (; at < ends[state] && backwards[order[at]].length === depth; at++) {
        this.#word[state] = order[at];
      }
      while (at < ends[state]) {
        const next = numStates++;
        const unit = backwards[order[at]].charCodeAt(depth);
        this.#units[next] = unit;
        this.#fallback[next] = state === 0 ? 0 : this.#step(this.#fallback[state], unit);
        depths[next] = depth + 1;
        begins[next] = at;
        while (at < ends[state] && backwards[order[at]].charCodeAt(depth) === unit) at++;
        ends[next] = at;
      }
    }
    this.#firstNext[numStates] = numStates;
  }

  /** For each code unit of `text` the index of the longest word that begins there, or -1. */
  longestAt(text: string): Int32Array {
    const longest = new Int32Array(text.length);
    let state = 0;
    for (let at = text.length - 1; at >= 0; at--) {
      state = this.#step(state, text.charCodeAt(at));
      longest[at] = this.#word[state];
    }
    return longest;
  }

  #step(state: number, unit: number): number {
    for (;;) {
      const next = this.#next(state, unit);
      if (next > 0) return next;
      if (state === 0) return 0;
      state = this.#fallback[state];
    }
  }

  /** The state that a code unit leads to, or 0: at most 16 steps, as there are 65,536 units. */
  #next(state: number, unit: number): number {
    let low = this.#firstNext[state];
    let high = this.#firstNext[state + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#units[middle] < unit) low = middle + 1;
      else high = middle;
    }
    return low < this.#firstNext[state + 1] && this.#units[low] === unit ? low : 0;
  }
}

/** By code units. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
