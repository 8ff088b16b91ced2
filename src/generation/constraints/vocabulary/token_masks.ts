/**
 * Which tokens may come next.
 *
 * @module
 */
import { type AutomatonState, type ByteAutomaton, MIXED } from "../grammar/byte_automaton.ts";
import { addToken, type TokenMask } from "../../sampling/token_mask.ts";
import type { TokenTrie } from "./token_trie.ts";
import { PLAIN_BYTES, SHAPE_GROUPS, type WrittenTokens } from "./written_tokens.ts";

/** The groups of bytes that an automaton has to know. */
export const BYTE_GROUPS: readonly (readonly number[])[] = [
  PLAIN_BYTES,
  ...SHAPE_GROUPS.map(({ bytes }) => bytes),
];

/** Computes which tokens may follow a state of an automaton, which knows the {@linkcode BYTE_GROUPS}. */
export class TokenMasks {
  readonly #automaton: ByteAutomaton;
  readonly #tokens: WrittenTokens;
  /** Whether a state may be entered, where not every state can be completed with the tokens there are. */
  readonly #isAllowed: ((state: AutomatonState) => boolean) | undefined;
  readonly #plainGroup: number;
  /** By byte of a shape: the class or group that it stands for. */
  readonly #stepOfShape: Uint16Array;
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
    const [plainGroup, ...shapeGroups] = automaton.groups;
    this.#plainGroup = plainGroup;
    this.#stepOfShape = automaton.classOf.slice();
    for (const [i, { sign }] of SHAPE_GROUPS.entries()) this.#stepOfShape[sign] = shapeGroups[i];
    this.#path = new Array(tokens.trie.maxDepth + 1).fill(automaton.start);
  }

  /**
   * Finds the states that tokens lead to from one, in steps: of some constraints it takes a millisecond to find one state.
   * {@linkcode compute} finds them known then.
   */
  *prepareInSteps(state: AutomatonState): Generator<void, void> {
    const automaton = this.#automaton;
    const { trie: { depth, byte, end }, maxPlainLength } = this.#tokens;
    const maxRun = this.#isAllowed === undefined ? maxPlainLength : 0;
    let last = state;
    for (let length = 0; length < maxRun; length++) {
      const next = automaton.next(last, this.#plainGroup);
      yield;
      if (next === null || next === MIXED || next === last) break;
      last = next;
    }
    const path = [state];
    for (let node = 0; node < byte.length;) {
      const before = path[depth[node] - 1];
      const step = automaton.classOf[byte[node]];
      const isKnown = before.next[step] !== undefined;
      const next = automaton.next(before, step);
      if (!isKnown) yield;
      if (next !== null) path[depth[node]] = next;
      node = next === null ? end[node] : node + 1;
    }
  }

  /** The tokens that may follow. */
  compute(state: AutomatonState): TokenMask {
    const { numWords, unplainTrie, maxPlainLength } = this.#tokens;
    const mask = new Uint32Array(numWords);
    if (this.#isAllowed !== undefined) {
      for (const [node, next] of this.#nextStates(state)) {
        if (this.#isAllowed(next)) addTokens(mask, this.#tokens.trie, node);
      }
      return mask;
    }
    const numPlain = this.#plainRun(state, maxPlainLength);
    if (numPlain === undefined) {
      this.#addByShapes(mask, state);
    } else {
      mask.set(this.#tokens.plainMask(numPlain));
      this.#addByBytes(mask, unplainTrie, state);
    }
    return mask;
  }

  /** The states that one token leads to. */
  nextStates(state: AutomatonState): ReadonlySet<AutomatonState> {
    return new Set(this.#nextStates(state).map(([, next]) => next));
  }

  #nextStates(state: AutomatonState): [node: number, next: AutomatonState][] {
    const { classOf } = this.#automaton;
    const found: [number, AutomatonState][] = [];
    this.#walk(this.#tokens.trie, classOf, state, (node, next) => found.push([node, next]));
    return found;
  }

  /** Where letters may follow, mostly any may: then the tokens that differ only in letters are looked at together. */
  #addByShapes(mask: TokenMask, state: AutomatonState): void {
    const { shapes, trie } = this.#tokens;
    const isSure = this.#walk(
      shapes,
      this.#stepOfShape,
      state,
      (node) => addTokens(mask, shapes, node),
    );
    if (isSure) return;
    mask.fill(0);
    this.#addByBytes(mask, trie, state);
  }

  #addByBytes(mask: TokenMask, trie: TokenTrie, state: AutomatonState): void {
    this.#walk(trie, this.#automaton.classOf, state, (node) => addTokens(mask, trie, node));
  }

  /**
   * Goes through tokens, as far as their bytes may follow a state.
   *
   * @param stepOf by byte: its class or group
   * @returns false, having stopped there, where a group leads to different states
   */
  #walk(
    { depth, byte, end, numTokens }: TokenTrie,
    stepOf: Uint16Array,
    state: AutomatonState,
    visit: (node: number, next: AutomatonState) => void,
  ): boolean {
    const automaton = this.#automaton;
    const path = this.#path;
    path[0] = state;
    for (let node = 0; node < byte.length;) {
      const before = path[depth[node] - 1];
      const step = stepOf[byte[node]];
      let next = before.next[step];
      if (next === undefined) next = automaton.next(before, step);
      if (next === null) {
        node = end[node];
        continue;
      }
      if (next === MIXED) return false;
      path[depth[node]] = next;
      if (numTokens[node] > 0) visit(node, next);
      node++;
    }
    return true;
  }

  /**
   * How many plain bytes may follow, up to a number, whichever they are: no more than that may. It is undefined if it
   * matters which. Within a text that is free to be anything, most tokens are known so, without a look at them.
   */
  #plainRun(state: AutomatonState, max: number): number | undefined {
    for (let length = 0; length < max; length++) {
      const next = this.#automaton.next(state, this.#plainGroup);
      if (next === MIXED) return undefined;
      if (next === null) return length;
      if (next === state) return max;
      state = next;
    }
    return max;
  }
}

/** Adds the tokens that end at a node. */
function addTokens(mask: TokenMask, { tokens, firstToken, numTokens }: TokenTrie, node: number) {
  const end = firstToken[node] + numTokens[node];
  for (let place = firstToken[node]; place < end; place++) addToken(mask, tokens[place]);
}
