/**
 * A grammar made deterministic, as far as it is visited.
 *
 * @module
 */
import { InvalidArgumentError } from "../../../base/errors.ts";
import type { ByteGrammar } from "./byte_grammar.ts";

/** A state: everything that may be going on behind a written text. Made by a {@linkcode ByteAutomaton}. */
export class AutomatonState {
  /** The places of the grammar at which a byte comes next, as numbers that the automaton knows, in order. */
  readonly places: readonly number[];
  /** Whether the text may end here. */
  readonly isComplete: boolean;
  /** By class or group of bytes: the next state, null if there is none, undefined if that is not known yet. */
  readonly next: (AutomatonState | null | undefined)[];

  /** Only an automaton makes states. */
  constructor(places: readonly number[], isComplete: boolean, numSteps: number) {
    this.places = places;
    this.isComplete = isComplete;
    this.next = new Array(numSteps);
  }

  /** Whether nothing but the end of the text may follow. */
  get isFinished(): boolean {
    return this.places.length === 0;
  }
}

/** Stands for the state behind a group of bytes where not all of them lead to the same. */
export const MIXED = new AutomatonState([], false, 0);

/** What is behind a node and the calls around it, once all steps that write nothing are made. */
interface Closure {
  readonly places: readonly number[];
  readonly isComplete: boolean;
  /** The state of just this, once it was made. */
  state: AutomatonState | undefined;
}

/** Beyond this, states are forgotten, and made again when they are met again. */
const MAX_STATES = 20_000;

/** A state of more places takes longer to go on from than the model takes for a token. */
const MAX_PLACES = 20_000;

/**
 * Where what is behind each of several places comes to more than this, it is found for all of them at once, and not put
 * together: of a thousand parts that may be left out, each has behind it all that follow, which are half a million places.
 */
const MAX_TOGETHER = 16_384;

/** The list of calls of what was not called. */
const NO_CALL = 0;

/**
 * Reads a text byte by byte. Its states are sets of places, and a place is a node of the grammar together with the calls it
 * is in: a pushdown automaton, for which the depth of a text is bounded only by its length.
 *
 * States are made when first reached, and remembered.
 */
export class ByteAutomaton {
  /** By byte: its class. Bytes of one class lead to the same places, wherever one is. */
  readonly classOf = new Uint16Array(256);
  /** By group: what stands for it where a class may stand. */
  readonly groups: readonly number[];
  /** The state before the first byte. */
  readonly start: AutomatonState;

  readonly #grammar: ByteGrammar;
  /** By class: one of its bytes. */
  readonly #byteOf: number[];
  /** By group: the classes of its bytes. */
  readonly #classesOf: readonly (readonly number[])[];
  #states = new Map<string, AutomatonState>();

  /** By place: its node, its list of calls, and what is behind it. A place is known by its node and list. */
  readonly #nodes: number[] = [];
  readonly #calls: number[] = [];
  #closures: (Closure | undefined)[] = [];
  readonly #placeOf = new Map<number, number>();

  /** By list of calls: the node to go on from behind the last, and the list of those around it. */
  readonly #returns: number[] = [-1];
  readonly #outer: number[] = [-1];
  readonly #callsOf = new Map<number, number>();

  /**
   * @param grammar not to be changed from now on
   * @param groups bytes to be asked for together: whether they all lead to the same state, and to which
   */
  constructor(grammar: ByteGrammar, groups: readonly (readonly number[])[] = []) {
    this.#grammar = grammar;
    const starts = new Uint8Array(257);
    for (const { bytes } of grammar.nodes) {
      for (let i = 0; i < bytes.length; i += 3) starts[bytes[i]] = starts[bytes[i + 1] + 1] = 1;
    }
    this.#byteOf = [0];
    for (let byte = 1; byte < 256; byte++) {
      if (starts[byte] === 1) this.#byteOf.push(byte);
      this.classOf[byte] = this.#byteOf.length - 1;
    }
    this.#classesOf = groups.map((bytes) => [
      ...new Set(bytes.map((byte) => this.classOf[byte])),
    ]);
    this.groups = groups.map((_, group) => this.#byteOf.length + group);
    this.start = this.#state([this.#closure(0, NO_CALL)]);
  }

  /**
   * The state behind one more byte of a class or a group, or null if no such byte may follow. For a group it may be
   * {@linkcode MIXED}.
   */
  next(state: AutomatonState, step: number): AutomatonState | null {
    const known = state.next[step];
    if (known !== undefined) return known;
    return state.next[step] = step < this.#byteOf.length
      ? this.#nextOfClass(state, step)
      : this.#nextOfGroup(state, step - this.#byteOf.length);
  }

  #nextOfGroup(state: AutomatonState, group: number): AutomatonState | null {
    const [first, ...rest] = this.#classesOf[group];
    const next = this.next(state, first);
    return rest.every((byteClass) => this.next(state, byteClass) === next) ? next : MIXED;
  }

  #nextOfClass(state: AutomatonState, byteClass: number): AutomatonState | null {
    const byte = this.#byteOf[byteClass];
    const next: number[] = [];
    for (const place of state.places) {
      const { bytes } = this.#grammar.nodes[this.#nodes[place]];
      for (let i = 0; i < bytes.length; i += 3) {
        if (byte < bytes[i] || byte > bytes[i + 1]) continue;
        next.push(this.#place(bytes[i + 2], this.#calls[place]));
      }
    }
    if (next.length === 0) return null;
    const closures: Closure[] = [];
    let numPlaces = 0;
    for (const place of next) {
      const closure = this.#closureAt(place);
      numPlaces += closure.places.length;
      if (numPlaces > MAX_TOGETHER) return this.#state([this.#closureOf(next)]);
      closures.push(closure);
    }
    return this.#state(closures);
  }

  /** The state behind some bytes, or null if they may not follow. */
  after(state: AutomatonState, bytes: Uint8Array): AutomatonState | null {
    let current: AutomatonState | null = state;
    for (let i = 0; i < bytes.length && current !== null; i++) {
      current = this.next(current, this.classOf[bytes[i]]);
    }
    return current;
  }

  /**
   * The least that has to be written until the text may end, by what each node needs up to the end of its rule.
   *
   * @param costs by node, in bytes
   */
  distance({ places, isComplete }: AutomatonState, costs: Float64Array): number {
    let least = isComplete ? 0 : Infinity;
    for (const place of places) {
      let cost = costs[this.#nodes[place]];
      for (let list = this.#calls[place]; list !== NO_CALL; list = this.#outer[list]) {
        cost += costs[this.#returns[list]];
      }
      least = Math.min(least, cost);
    }
    return least;
  }

  #state(closures: readonly Closure[]): AutomatonState {
    if (closures.length === 1) {
      const [closure] = closures;
      return closure.state ??= this.#stateOf(closure.places, closure.isComplete);
    }
    const places = new Set<number>();
    for (const closure of closures) for (const place of closure.places) places.add(place);
    return this.#stateOf(
      [...places].sort((a, b) => a - b),
      closures.some(({ isComplete }) => isComplete),
    );
  }

  #stateOf(places: readonly number[], isComplete: boolean): AutomatonState {
    if (places.length > MAX_PLACES) {
      throw new InvalidArgumentError(
        "Cannot generate: the constraint can be fulfilled in too many ways at once: received one that may be at more than " +
          `${MAX_PLACES} places. ${
            places.some((place) => this.#isWithinItself(place))
              ? "Where a schema refers to itself ($ref), give its alternatives (anyOf) a beginning of their own, such as " +
                "another type, or a first property with another name."
              : "Say the same without repetitions within repetitions."
          }`,
      );
    }
    const key = places.join() + (isComplete ? "." : "");
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= MAX_STATES) {
        // Those that are still in use live on; they only have twins from now on.
        this.#states = new Map();
        this.#closures = [];
      }
      state = new AutomatonState(
        places,
        isComplete,
        this.#byteOf.length + this.groups.length,
      );
      this.#states.set(key, state);
    }
    return state;
  }

  /** Whether a rule is being read within itself: copies of what is repeated follow one another instead. */
  #isWithinItself(place: number): boolean {
    const returns = new Set<number>();
    for (let list = this.#calls[place]; list !== NO_CALL; list = this.#outer[list]) {
      if (returns.has(this.#returns[list])) return true;
      returns.add(this.#returns[list]);
    }
    return false;
  }

  #closure(node: number, calls: number): Closure {
    return this.#closureAt(this.#place(node, calls));
  }

  #closureAt(place: number): Closure {
    return this.#closures[place] ??= this.#makeClosure(place);
  }

  #makeClosure(place: number): Closure {
    const { bytes, empties, calls, isEnd } = this.#grammar.nodes[this.#nodes[place]];
    if (empties.length + calls.length === 0) {
      // Within a character or a word, of which there is much to be made.
      if (!isEnd) return { places: [place], isComplete: false, state: undefined };
      const list = this.#calls[place];
      if (bytes.length === 0 && list !== NO_CALL) {
        return this.#closure(this.#returns[list], this.#outer[list]);
      }
    }
    return this.#closureOf([place]);
  }

  /** What is behind several places together. */
  #closureOf(from: readonly number[]): Closure {
    const places: number[] = [];
    let isComplete = false;
    const seen = new Set(from);
    // A set is gone through in the order of adding, what is added meanwhile included.
    for (const place of seen) {
      const { bytes, empties, calls, isEnd } = this.#grammar.nodes[this.#nodes[place]];
      const list = this.#calls[place];
      if (bytes.length > 0) places.push(place);
      for (const next of empties) seen.add(this.#place(next, list));
      for (let i = 0; i < calls.length; i += 2) {
        seen.add(this.#place(calls[i], this.#callsWith(calls[i + 1], list)));
      }
      if (!isEnd) continue;
      if (list === NO_CALL) isComplete = true;
      else seen.add(this.#place(this.#returns[list], this.#outer[list]));
    }
    return { places: places.sort((a, b) => a - b), isComplete, state: undefined };
  }

  #place(node: number, calls: number): number {
    const key = calls * this.#grammar.nodes.length + node;
    let place = this.#placeOf.get(key);
    if (place === undefined) {
      place = this.#nodes.push(node) - 1;
      this.#calls.push(calls);
      this.#placeOf.set(key, place);
    }
    return place;
  }

  /** The list of calls with one more. */
  #callsWith(node: number, outer: number): number {
    // Where there is nothing behind a call but the end of the one around it, that one need not be remembered: it would be
    // with each element of a list that is a rule which ends with itself.
    for (;;) {
      const { bytes, empties, calls, isEnd } = this.#grammar.nodes[node];
      if (bytes.length + calls.length > 0 || empties.length > 1) break;
      if (isEnd) {
        if (empties.length === 0) return outer;
        break;
      }
      node = empties[0];
    }
    const key = outer * this.#grammar.nodes.length + node;
    let list = this.#callsOf.get(key);
    if (list === undefined) {
      list = this.#returns.push(node) - 1;
      this.#outer.push(outer);
      this.#callsOf.set(key, list);
    }
    return list;
  }
}
