/**
 * What may be written, as a graph whose steps are bytes.
 *
 * @module
 */
import { InvalidArgumentError } from "../../../base/errors.ts";

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
    const isAlive = this.#findAlive(canWrite);
    for (const { bytes, empties, calls } of this.nodes) {
      keep(bytes, 3, ([first, last, to]) => isAlive[to] === 1 && canWrite(first, last));
      keep(empties, 1, ([to]) => isAlive[to] === 1);
      keep(calls, 2, ([rule, to]) => isAlive[rule] === 1 && isAlive[to] === 1);
    }
    return isAlive[0] === 1;
  }

  /** By node: whether the end of its rule can be reached from it. */
  #findAlive(canWrite: (first: number, last: number) => boolean): Uint8Array {
    const { nodes } = this;
    const isAlive = new Uint8Array(nodes.length);
    /** By node: those that need it to be alive, each with what else it needs. */
    const waiting: [from: number, other: number][][] = nodes.map(() => []);
    const found: number[] = [];
    const find = (node: number) => {
      if (isAlive[node] === 1) return;
      isAlive[node] = 1;
      found.push(node);
    };
    for (const [from, { bytes, empties, calls, isEnd }] of nodes.entries()) {
      if (isEnd) find(from);
      for (let i = 0; i < bytes.length; i += 3) {
        if (canWrite(bytes[i], bytes[i + 1])) waiting[bytes[i + 2]].push([from, bytes[i + 2]]);
      }
      for (const to of empties) waiting[to].push([from, to]);
      for (let i = 0; i < calls.length; i += 2) {
        const [rule, to] = [calls[i], calls[i + 1]];
        waiting[rule].push([from, to]);
        waiting[to].push([from, rule]);
      }
    }
    for (let node = found.pop(); node !== undefined; node = found.pop()) {
      for (const [from, other] of waiting[node]) if (isAlive[other] === 1) find(from);
    }
    return isAlive;
  }
}

/** Keeps those groups of `size` numbers that fulfil a condition. */
function keep(list: number[], size: number, isKept: (group: number[]) => boolean): void {
  let end = 0;
  for (let i = 0; i < list.length; i += size) {
    const group = list.slice(i, i + size);
    if (!isKept(group)) continue;
    for (const value of group) list[end++] = value;
  }
  list.length = end;
}
