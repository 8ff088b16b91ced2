/**
 * Tokens by what they begin with.
 *
 * @module
 */
import { byteOf } from "../../../tokenizer/byte_alphabet.ts";

/** A token and its bytes, each as a character of the printable alphabet. */
export interface TokenText {
  readonly id: number;
  readonly text: string;
}

/** Bytes of a token beyond this cannot be told apart by the depth of a node. */
const MAX_TOKEN_BYTES = 65_535;

/**
 * All tokens as a tree of bytes, laid out as one goes through it: a node, then all below it, then the next beside it. So
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
  /** The tokens, in the order of their texts. */
  readonly tokens: Int32Array;
  /** The most bytes of a token. */
  readonly maxDepth: number = 0;

  /** @param tokens none of them empty, in the order of their texts */
  constructor(tokens: readonly TokenText[]) {
    const maxNodes = tokens.reduce((sum, { text }) => sum + text.length, 0);
    const depths = new Uint16Array(maxNodes);
    const bytes = new Uint8Array(maxNodes);
    const ends = new Int32Array(maxNodes);
    const firstTokens = new Int32Array(maxNodes);
    const numTokens = new Int32Array(maxNodes);
    this.tokens = Int32Array.from(tokens, ({ id }) => id);
    /** The node at each depth of the current token. */
    const path: number[] = [];
    let before = "";
    let node = 0;
    for (const [place, { text }] of tokens.entries()) {
      if (text.length > MAX_TOKEN_BYTES) throw new RangeError("a token is too long");
      const shared = sharedLength(before, text);
      while (path.length > shared) ends[path.pop()!] = node;
      for (let depth = shared; depth < text.length; depth++) {
        depths[node] = depth + 1;
        bytes[node] = byteOf(text.charCodeAt(depth));
        path.push(node++);
      }
      const last = path[path.length - 1];
      if (numTokens[last]++ === 0) firstTokens[last] = place;
      this.maxDepth = Math.max(this.maxDepth, text.length);
      before = text;
    }
    while (path.length > 0) ends[path.pop()!] = node;
    this.depth = depths.slice(0, node);
    this.byte = bytes.slice(0, node);
    this.end = ends.slice(0, node);
    this.firstToken = firstTokens.slice(0, node);
    this.numTokens = numTokens.slice(0, node);
  }
}

function sharedLength(a: string, b: string): number {
  const max = Math.min(a.length, b.length);
  let length = 0;
  while (length < max && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
