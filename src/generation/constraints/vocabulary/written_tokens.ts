/**
 * What the tokens of a vocabulary write, prepared for all constraints on it.
 *
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { toPrintable } from "../../../tokenizer/byte_alphabet.ts";
import { addToken, type TokenMask } from "../../sampling/token_mask.ts";
import { tokenType } from "../../../tokenizer/vocabulary.ts";
import { type TokenText, TokenTrie } from "./token_trie.ts";

/** The tokens that write something: all but special ones and those without a text. */
export class WrittenTokens {
  /** All of them. */
  readonly trie: TokenTrie;
  /** All of them, with one letter for all letters of its case, and one digit for all digits. */
  readonly shapes: TokenTrie;
  /** Those with a byte that is not plain. */
  readonly unplainTrie: TokenTrie;
  /** The most bytes of a token of plain ones only. */
  readonly maxPlainLength: number;
  /** By byte: whether it is a token of its own. */
  readonly isToken: Uint8Array = new Uint8Array(256);
  /** By byte: whether any token has it. */
  readonly isInToken: Uint8Array = new Uint8Array(256);
  /** The words of a mask. */
  readonly numWords: number;
  /** By length: the tokens of at most so many plain bytes. */
  readonly #plainMasks: readonly TokenMask[];

  private constructor(
    numWords: number,
    { trie, shapes, unplainTrie }: Pick<WrittenTokens, "trie" | "shapes" | "unplainTrie">,
    plainMasks: readonly TokenMask[],
  ) {
    this.numWords = numWords;
    this.trie = trie;
    this.shapes = shapes;
    this.unplainTrie = unplainTrie;
    this.maxPlainLength = plainMasks.length - 1;
    this.#plainMasks = plainMasks;
    for (const [node, byte] of trie.byte.entries()) {
      this.isInToken[byte] = 1;
      if (trie.depth[node] === 1 && trie.numTokens[node] > 0) this.isToken[byte] = 1;
    }
  }

  /** Those of a tokenizer; made once for each, in steps, since that takes a tenth of a second. */
  static *of(tokenizer: Tokenizer): Generator<void, WrittenTokens> {
    let written = ofTokenizer.get(tokenizer);
    if (written !== undefined) return written;
    const numWords = Math.ceil(tokenizer.vocabSize / 32);
    const tokens = writtenTokens(tokenizer);
    yield;
    const { plain = [], unplain = [] } = Object.groupBy(
      tokens,
      ({ text }) => isPlain(text) ? "plain" : "unplain",
    );
    yield;
    const trie = new TokenTrie(tokens);
    yield;
    const ofShapes = shapesOf(tokens);
    yield;
    const shapes = new TokenTrie(ofShapes);
    yield;
    const unplainTrie = new TokenTrie(unplain);
    const maxPlainLength = plain.reduce((most, { text }) => Math.max(most, text.length), 0);
    const plainMasks = masksByLength(plain, maxPlainLength, numWords);
    yield;
    written = new WrittenTokens(numWords, { trie, shapes, unplainTrie }, plainMasks);
    ofTokenizer.set(tokenizer, written);
    return written;
  }

  /** The tokens that are at most `length` plain bytes. Not to be written to. */
  plainMask(length: number): TokenMask {
    return this.#plainMasks[length];
  }
}

const ofTokenizer = new WeakMap<Tokenizer, WrittenTokens>();

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** The bytes that {@linkcode WrittenTokens.shapes} has one of each. */
export const SHAPE_GROUPS: readonly { readonly bytes: readonly number[]; readonly sign: number }[] =
  [
    { bytes: range(0x61, 0x7a), sign: 0x61 },
    { bytes: range(0x41, 0x5a), sign: 0x41 },
    { bytes: range(0x30, 0x39), sign: 0x30 },
  ];

/**
 * The bytes that what is free at all is mostly free to be: visible ASCII characters and the space, but for those that
 * JSON escapes. Nine tenths of GPT-2's tokens have no others.
 */
export const PLAIN_BYTES: readonly number[] = range(0x20, 0x7e)
  .filter((byte) => byte !== 0x22 && byte !== 0x5c);

/** The tokens in the order of their texts, which are in the printable alphabet. */
function writtenTokens(tokenizer: Tokenizer): TokenText[] {
  const { tokens, unknownId } = tokenizer;
  // A copy each time it is asked for.
  const { tokenTypes } = tokenizer;
  const written: TokenText[] = [];
  for (const [id, token] of tokens.entries()) {
    const type = tokenTypes[id];
    if (token === "" || id === unknownId) continue;
    if (type === tokenType.normal) written.push({ id, text: token });
    else if (type === tokenType.userDefined) {
      written.push({ id, text: toPrintable(tokenizer.tokenBytes(id)) });
    }
  }
  return written.sort((a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : 0);
}

/** Tokens in the order of what their texts are with one letter for all. There are few such texts, which makes that quick. */
function shapesOf(tokens: readonly TokenText[]): TokenText[] {
  const idsOf = new Map<string, number[]>();
  for (const { id, text } of tokens) {
    const shape = shapeOf(text);
    const ids = idsOf.get(shape);
    if (ids === undefined) idsOf.set(shape, [id]);
    else ids.push(id);
  }
  return [...idsOf].sort(([a], [b]) => a < b ? -1 : 1)
    .flatMap(([text, ids]) => ids.map((id) => ({ id, text })));
}

function shapeOf(text: string): string {
  let shape = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    shape += code < SIGNS.length ? SIGNS[code] : text[i];
  }
  return shape;
}

/** By ASCII character: what stands for it in a shape. */
const SIGNS: readonly string[] = range(0, 0x7f).map((code) => {
  const group = SHAPE_GROUPS.find(({ bytes }) => bytes.includes(code));
  return String.fromCharCode(group?.sign ?? code);
});

function masksByLength(
  tokens: readonly TokenText[],
  maxLength: number,
  numWords: number,
): TokenMask[] {
  const masks = Array.from({ length: maxLength + 1 }, () => new Uint32Array(numWords));
  for (const { id, text } of tokens) addToken(masks[text.length], id);
  for (let length = 1; length <= maxLength; length++) {
    const shorter = masks[length - 1];
    for (let word = 0; word < numWords; word++) masks[length][word] |= shorter[word];
  }
  return masks;
}

/** Whether a text of the printable alphabet, in which Ġ is the space, has plain bytes only. */
function isPlain(text: string): boolean {
  return /^[Ġ!#-[\]-~]*$/.test(text);
}
