/**
 * What may be written, as a graph whose steps are bytes.
 *
 * @module
 */
import { InvalidArgumentError } from "../../../base/errors.ts";
import { doAtOnce } from "../../../base/event_loop.ts";

/** A place in the graph, and how it goes on from there. */
export interface GrammarNode {
  /** First byte, last byte and next node of each step that writes a byte, one after another. */
  readonly bytes: number[];
  /** The nodes that one may go on from without writing anything. */
  readonly empties: number[];
  /** The first node of a rule, and the node to go on from behind it, one after another. */
  readonly calls: number[];
  /** Whether a rule, or the whole, may end here. */
  isEnd: boolean;
}

/** So many nodes are built within the time that a user waits without noticing. */
export const MAX_NODES = 200_000;

/** Others have their turn when so many nodes have been looked at, which takes about a millisecond. */
const NODES_PER_STEP = 4096;

/**
 * A nondeterministic automaton with calls. A call goes through the nodes of a rule, from its first to one that is an end,
 * and then on where it was called; a rule may call itself. Each node belongs to one rule.
 */
export class ByteGrammar {
  /** The nodes; the whole begins at the first. */
  readonly nodes: GrammarNode[] = [];

  /** Adds a node. */
  node(isEnd = false): number {
    if (this.nodes.length === MAX_NODES) {
      throw new InvalidArgumentError(
        `Cannot generate: the constraint is too large: received more than ${MAX_NODES} steps. ` +
          "Bound it less exactly, or split it.",
      );
    }
    return this.nodes.push({ bytes: [], empties: [], calls: [], isEnd }) - 1;
  }

  /** Adds a step that writes a byte in a range. */
  addBytes(from: number, first: number, last: number, to: number): void {
    this.nodes[from].bytes.push(first, last, to);
  }

  /** Adds a step that writes nothing. */
  addEmpty(from: number, to: number): void {
    this.nodes[from].empties.push(to);
  }

  /** Adds a step through the rule that begins at `rule`. */
  addCall(from: number, rule: number, to: number): void {
    this.nodes[from].calls.push(rule, to);
  }

  /**
   * Takes out the steps from which no end can be reached, so that whatever is left can be completed.
   *
   * @param canWrite by byte: whether it can be written at all
   * @returns whether there is anything left
   */
  trim(canWrite: (first: number, last: number) => boolean): boolean {
    return doAtOnce(this.trimInSteps(canWrite));
  }

  /** The same in steps: of a large grammar it takes a tenth of a second. */
  *trimInSteps(canWrite: (first: number, last: number) => boolean): Generator<void, boolean> {
    const isAlive = yield* this.#findAlive(canWrite);
    for (const [node, { bytes, empties, calls }] of this.nodes.entries()) {
      if (node % NODES_PER_STEP === 0) yield;
      keep(bytes, 3, (i) => isAlive[bytes[i + 2]] === 1 && canWrite(bytes[i], bytes[i + 1]));
      keep(empties, 1, (i) => isAlive[empties[i]] === 1);
      keep(calls, 2, (i) => isAlive[calls[i]] === 1 && isAlive[calls[i + 1]] === 1);
    }
    return isAlive[0] === 1;
  }

  /** By node: whether the end of its rule can be reached from it. */
  *#findAlive(
    canWrite: (first: number, last: number) => boolean,
  ): Generator<void, Uint8Array> {
    const { nodes } = this;
    const isAlive = new Uint8Array(nodes.length);
    const waiting = new WaitingNodes(nodes.length);
    const found: number[] = [];
    const find = (node: number) => {
      if (isAlive[node] === 1) return;
      isAlive[node] = 1;
      found.push(node);
    };
    for (const [from, { bytes, empties, calls, isEnd }] of nodes.entries()) {
      if (from % NODES_PER_STEP === 0) yield;
      if (isEnd) find(from);
      for (let i = 0; i < bytes.length; i += 3) {
        if (canWrite(bytes[i], bytes[i + 1])) waiting.add(bytes[i + 2], from, bytes[i + 2]);
      }
      for (const to of empties) waiting.add(to, from, to);
      for (let i = 0; i < calls.length; i += 2) {
        waiting.add(calls[i], from, calls[i + 1]);
        waiting.add(calls[i + 1], from, calls[i]);
      }
    }
    let numFound = 0;
    for (let node = found.pop(); node !== undefined; node = found.pop()) {
      if (++numFound % NODES_PER_STEP === 0) yield;
      waiting.each(node, (from, other) => {
        if (isAlive[other] === 1) find(from);
      });
    }
    return isAlive;
  }
}

/** By node: the nodes that need it to be alive, each with what else it needs. As lists within flat arrays. */
class WaitingNodes {
  /** By node: the last of its list; -1 for none. */
  readonly #last: Int32Array;
  /** By entry: the one before it in the same list, the node that waits, and what else it needs. */
  readonly #before: number[] = [];
  readonly #from: number[] = [];
  readonly #other: number[] = [];

  constructor(numNodes: number) {
    this.#last = new Int32Array(numNodes).fill(-1);
  }

  add(node: number, from: number, other: number): void {
    this.#before.push(this.#last[node]);
    this.#from.push(from);
    this.#last[node] = this.#other.push(other) - 1;
  }

  each(node: number, visit: (from: number, other: number) => void): void {
    for (let entry = this.#last[node]; entry >= 0; entry = this.#before[entry]) {
      visit(this.#from[entry], this.#other[entry]);
    }
  }
}

/** Keeps those groups of `size` numbers that fulfil a condition, which is given their places. */
function keep(list: number[], size: number, isKept: (start: number) => boolean): void {
  let end = 0;
  for (let start = 0; start < list.length; start += size) {
    if (!isKept(start)) continue;
    if (end < start) list.copyWithin(end, start, start + size);
    end += size;
  }
  if (end < list.length) list.length = end;
}
