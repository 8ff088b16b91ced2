/**
 * Which tokens may come next.
 *
 * @module
 */
import type { AutomatonState, ByteAutomaton } from "../grammar/byte_automaton.ts";
import { addToken, type TokenMask } from "../../sampling/token_mask.ts";
import type { TokenTrie } from "./token_trie.ts";
import { PLAIN_BYTES, type WrittenTokens } from "./written_tokens.ts";

/** What plain bytes do, where they do not all do the same. */
const MIXED = Symbol("mixed");

/** Computes which tokens may follow a state of an automaton. */
export class TokenMasks {
  readonly #automaton: ByteAutomaton;
  readonly #tokens: WrittenTokens;
  /** Whether a state may be entered, where not every state can be completed with the tokens there are. */
  readonly #isAllowed: ((state: AutomatonState) => boolean) | undefined;
  readonly #plainClasses: readonly number[];
  readonly #plainNext = new WeakMap<AutomatonState, AutomatonState | null | typeof MIXED>();
  /** By depth: the state that the bytes so far lead to. */
  readonly #path: AutomatonState[];

  constructor(
    automaton: ByteAutomaton,
    tokens: WrittenTokens,
    isAllowed?: (state: AutomatonState) => boolean,
  ) {
    this.#automaton = automaton;
    this.#tokens = tokens;
    this.#isAllowed = isAllowed;
    this.#plainClasses = [...new Set(PLAIN_BYTES.map((byte) => automaton.classOf[byte]))];
    this.#path = new Array(tokens.trie.maxDepth + 1).fill(automaton.start);
  }

  /** The tokens that may follow. */
  compute(state: AutomatonState): TokenMask {
    const { numWords, trie, unplainTrie } = this.#tokens;
    const mask = new Uint32Array(numWords);
    const { maxPlainLength } = this.#tokens;
    const numPlain = this.#isAllowed === undefined ? this.#plainRun(state, maxPlainLength) : -1;
    if (numPlain < 0) {
      this.#mark(mask, trie, state);
    } else {
      if (numPlain > 0) mask.set(this.#tokens.plainMask(numPlain));
      this.#mark(mask, unplainTrie, state);
    }
    return mask;
  }

  /** Each token whose bytes may follow, one of several with the same, and the state behind it. */
  nextStates(state: AutomatonState): [token: number, next: AutomatonState][] {
    const found: [number, AutomatonState][] = [];
    this.#walk(this.#tokens.trie, state, (token, next) => found.push([token, next]));
    return found;
  }

  #mark(mask: TokenMask, trie: TokenTrie, state: AutomatonState): void {
    const { twin } = trie;
    const allow = (token: number) => {
      for (let id = token; id >= 0; id = twin[id]) addToken(mask, id);
    };
    if (this.#isAllowed === undefined) return this.#walk(trie, state, allow);
    for (const [token, next] of this.nextStates(state)) if (this.#isAllowed(next)) allow(token);
  }

  #walk(
    { depth, byte, end, token }: TokenTrie,
    state: AutomatonState,
    visit: (token: number, next: AutomatonState) => void,
  ): void {
    const automaton = this.#automaton;
    const { classOf } = automaton;
    const path = this.#path;
    path[0] = state;
    for (let node = 0; node < byte.length;) {
      const before = path[depth[node] - 1];
      const byteClass = classOf[byte[node]];
      let next = before.next[byteClass];
      if (next === undefined) next = automaton.next(before, byteClass);
      if (next === null) {
        node = end[node];
        continue;
      }
      path[depth[node]] = next;
      if (token[node] >= 0) visit(token[node], next);
      node++;
    }
  }

  /**
   * How many plain bytes may follow, up to a number, whichever they are: no more than that may. It is -1 if it matters
   * which. Within a text that is free to be anything, most tokens are known so, without a look at them.
   */
  #plainRun(state: AutomatonState, max: number): number {
    for (let length = 0; length < max; length++) {
      const next = this.#plainSuccessor(state);
      if (next === MIXED) return -1;
      if (next === null) return length;
      if (next === state) return max;
      state = next;
    }
    return max;
  }

  #plainSuccessor(state: AutomatonState): AutomatonState | null | typeof MIXED {
    let successor = this.#plainNext.get(state);
    if (successor === undefined) {
      const [first, ...rest] = this.#plainClasses;
      successor = this.#automaton.next(state, first);
      for (const byteClass of rest) {
        if (this.#automaton.next(state, byteClass) === successor) continue;
        successor = MIXED;
        break;
      }
      this.#plainNext.set(state, successor);
    }
    return successor;
  }
}
