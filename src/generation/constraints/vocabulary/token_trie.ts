/**
 * Tokens by what they begin with.
 *
 * @module
 */
import type { ByteStrings } from "../../../tokenizer/byte_strings.ts";

/** Bytes of a token beyond this cannot be told apart by the depth of a node. */
const MAX_TOKEN_BYTES = 65_535;

/**
 * Tokens as a tree of bytes, laid out as one goes through it: a node, then all below it, then the next beside it. So
 * going through it is one loop, in which what cannot be is skipped with all below it.
 */
export class TokenTrie {
  /** By node: how many bytes lead to it, from 1. */
  readonly depth: Uint16Array;
  /** By node: its byte. */
  readonly byte: Uint8Array;
  /** By node: the first one that is not below it. */
  readonly end: Int32Array;
  /** By node: where the tokens that end there begin in `tokens`. */
  readonly firstToken: Int32Array;
  /** By node: how many tokens end there. */
  readonly numTokens: Int32Array;
  /** The tokens, those that end at one node beside each other. */
  readonly tokens: Int32Array;
  /** The most bytes of a token. */
  readonly maxDepth: number;

  /**
   * Numbers the nodes anew.
   *
   * @param lastNode by token, in the order of `ids`: the node it ends at
   */
  private constructor(tree: GrowingTree, lastNode: Int32Array, ids: Int32Array) {
    const { numNodes } = tree;
    const places = tree.places();
    this.depth = new Uint16Array(numNodes);
    this.byte = new Uint8Array(numNodes);
    this.end = places.end;
    let maxDepth = 0;
    for (let node = ROOT + 1; node <= numNodes; node++) {
      const place = places.of[node];
      const parent = tree.parent[node];
      const depth = parent === ROOT ? 1 : this.depth[places.of[parent]] + 1;
      this.depth[place] = depth;
      this.byte[place] = tree.byte[node];
      if (depth > maxDepth) maxDepth = depth;
    }
    this.maxDepth = maxDepth;

    this.numTokens = new Int32Array(numNodes);
    this.firstToken = new Int32Array(numNodes);
    this.tokens = new Int32Array(ids.length);
    for (let i = 0; i < ids.length; i++) this.numTokens[places.of[lastNode[i]]]++;
    for (let place = 1; place < numNodes; place++) {
      this.firstToken[place] = this.firstToken[place - 1] + this.numTokens[place - 1];
    }
    const next = this.firstToken.slice();
    for (let i = 0; i < ids.length; i++) this.tokens[next[places.of[lastNode[i]]]++] = ids[i];
  }

  /**
   * The tree of some tokens.
   *
   * @param spellings by token: its bytes
   * @param ids the tokens to take, of which none is without bytes
   * @throws {RangeError} if a token is too long
   */
  static of(spellings: ByteStrings, ids: Int32Array): TokenTrie {
    const { bytes, starts } = spellings;
    const tree = new GrowingTree(bytes.length);
    const lastNode = new Int32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const start = starts[ids[i]];
      const end = starts[ids[i] + 1];
      if (end - start > MAX_TOKEN_BYTES) throw new RangeError("a token is too long");
      let node = ROOT;
      for (let at = start; at < end; at++) node = tree.child(node, bytes[at]);
      lastNode[i] = node;
    }
    return new TokenTrie(tree, lastNode, ids);
  }

  /**
   * The tree of the same tokens, spelled with other bytes.
   *
   * @param byteFor by byte: the one in its place
   */
  respelled(byteFor: Uint8Array): TokenTrie {
    const { depth, byte, numTokens, tokens } = this;
    const tree = new GrowingTree(byte.length);
    /** By depth: the node of the bytes so far. */
    const path = new Int32Array(this.maxDepth + 1).fill(ROOT);
    const lastNode = new Int32Array(tokens.length);
    let numSeen = 0;
    for (let node = 0; node < byte.length; node++) {
      const respelled = tree.child(path[depth[node] - 1], byteFor[byte[node]]);
      path[depth[node]] = respelled;
      for (let i = 0; i < numTokens[node]; i++) lastNode[numSeen++] = respelled;
    }
    return new TokenTrie(tree, lastNode, tokens);
  }
}

/** The node that no byte leads to. */
const ROOT = 0;

/** A tree whose nodes are numbered as they are added, from 1: parents before their children. */
class GrowingTree {
  numNodes = 0;
  /** By node. */
  readonly parent: Int32Array;
  /** By node: the byte that leads to it from its parent. */
  readonly byte: Uint8Array;
  /** By node: one of its children, and the next of the same parent; 0 for none. */
  readonly #firstChild: Int32Array;
  readonly #nextSibling: Int32Array;

  constructor(maxNodes: number) {
    this.parent = new Int32Array(maxNodes + 1);
    this.byte = new Uint8Array(maxNodes + 1);
    this.#firstChild = new Int32Array(maxNodes + 1);
    this.#nextSibling = new Int32Array(maxNodes + 1);
  }

  /** The node that a byte leads to; it is added if there is none. */
  child(parent: number, byte: number): number {
    const first = this.#firstChild[parent];
    let before = 0;
    let node = first;
    while (node !== 0 && this.byte[node] !== byte) {
      before = node;
      node = this.#nextSibling[node];
    }
    if (node === first && node !== 0) return node;
    if (node === 0) {
      node = ++this.numNodes;
      this.parent[node] = parent;
      this.byte[node] = byte;
    } else {
      this.#nextSibling[before] = this.#nextSibling[node];
    }
    // To the front: half of GPT-2's tokens begin with a space, which is found at once so.
    this.#nextSibling[node] = first;
    this.#firstChild[parent] = node;
    return node;
  }

  /** Where each node comes as one goes through the tree, from 0; and by place, where all below it ends. */
  places(): { readonly of: Int32Array; readonly end: Int32Array } {
    const { numNodes, parent } = this;
    const size = new Int32Array(numNodes + 1).fill(1);
    for (let node = numNodes; node > ROOT; node--) size[parent[node]] += size[node];
    const of = new Int32Array(numNodes + 1);
    const end = new Int32Array(numNodes);
    /** By node: the place of its next child. */
    const next = new Int32Array(numNodes + 1);
    for (let node = ROOT + 1; node <= numNodes; node++) {
      const place = next[parent[node]];
      next[parent[node]] += size[node];
      next[node] = place + 1;
      of[node] = place;
      end[place] = place + size[node];
    }
    return { of, end };
  }
}
