/**
 * What the tokens of a vocabulary write, prepared for all constraints on it.
 *
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { byteOf } from "../../../tokenizer/byte_alphabet.ts";
import { ByteStrings } from "../../../tokenizer/byte_strings.ts";
import { addToken, type TokenMask } from "../../sampling/token_mask.ts";
import { tokenType } from "../../../tokenizer/vocabulary.ts";
import { TokenTrie } from "./token_trie.ts";

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
    for (let node = 0; node < trie.byte.length; node++) {
      const byte = trie.byte[node];
      this.isInToken[byte] = 1;
      if (trie.depth[node] === 1 && trie.numTokens[node] > 0) this.isToken[byte] = 1;
    }
  }

  /** Those of a tokenizer; made once for each, in steps, since that takes some hundredths of a second. */
  static *of(tokenizer: Tokenizer): Generator<void, WrittenTokens> {
    let written = ofTokenizer.get(tokenizer);
    if (written !== undefined) return written;
    const numWords = Math.ceil(tokenizer.vocabSize / 32);
    const spellings = spellingsOf(tokenizer);
    yield;
    const ids = new Int32Array(spellings.length).map((_, id) => id)
      .filter((id) => spellings.lengthOf(id) > 0);
    const trie = TokenTrie.of(spellings, ids);
    yield;
    const shapes = trie.respelled(SIGN_OF);
    yield;
    const isUnplain = isUnplainIn(spellings);
    const unplainTrie = TokenTrie.of(spellings, ids.filter(isUnplain));
    const plainMasks = masksByLength(spellings, ids.filter((id) => !isUnplain(id)), numWords);
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

/** The most bytes of UTF-8 for what counts as one in the length of a string. */
const MAX_BYTES_PER_CODE = 3;

/** By token: the bytes it writes; none for special tokens and those without a text. */
function spellingsOf(tokenizer: Tokenizer): ByteStrings {
  const { tokens, unknownId } = tokenizer;
  // A copy each time it is asked for.
  const { tokenTypes } = tokenizer;
  const starts = new Uint32Array(tokens.length + 1);
  const bytes = new Uint8Array(
    tokens.reduce((sum, token) => sum + MAX_BYTES_PER_CODE * token.length, 0),
  );
  let end = 0;
  for (let id = 0; id < tokens.length; id++) {
    if (id !== unknownId && tokenTypes[id] === tokenType.normal) {
      const token = tokens[id];
      for (let i = 0; i < token.length; i++) bytes[end++] = byteOf(token.charCodeAt(i));
    } else if (id !== unknownId && tokenTypes[id] === tokenType.userDefined) {
      const written = tokenizer.tokenBytes(id);
      bytes.set(written, end);
      end += written.length;
    }
    starts[id + 1] = end;
  }
  return new ByteStrings(bytes.slice(0, end), starts);
}

/** By byte: what stands for it in a shape. */
const SIGN_OF = Uint8Array.from(
  { length: 256 },
  (_, byte) => SHAPE_GROUPS.find(({ bytes }) => bytes.includes(byte))?.sign ?? byte,
);

/** By byte: 1 for a plain one. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => Number(PLAIN_BYTES.includes(byte)));

/** Whether a token has a byte that is not plain. */
function isUnplainIn({ bytes, starts }: ByteStrings): (id: number) => boolean {
  return (id) => {
    for (let at = starts[id]; at < starts[id + 1]; at++) if (IS_PLAIN[bytes[at]] === 0) return true;
    return false;
  };
}

/** By length: the tokens of at most so many bytes. */
function masksByLength(spellings: ByteStrings, ids: Int32Array, numWords: number): TokenMask[] {
  const maxLength = ids.reduce((most, id) => Math.max(most, spellings.lengthOf(id)), 0);
  const masks = Array.from({ length: maxLength + 1 }, () => new Uint32Array(numWords));
  for (const id of ids) addToken(masks[spellings.lengthOf(id)], id);
  for (let length = 1; length <= maxLength; length++) {
    const shorter = masks[length - 1];
    for (let word = 0; word < numWords; word++) masks[length][word] |= shorter[word];
  }
  return masks;
}
