/**
 * What the tokens of a vocabulary write, prepared for all constraints on it.
 *
 * @module
 */
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { addToken, type TokenMask } from "../../sampling/token_mask.ts";
import { tokenType } from "../../../tokenizer/vocabulary.ts";
import { type TokenText, TokenTrie } from "./token_trie.ts";

/** The tokens that write something: all but special ones and those without a text. */
export class WrittenTokens {
  /** All of them. */
  readonly trie: TokenTrie;
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

  private constructor(tokenizer: Tokenizer) {
    const { vocabSize, tokenTypes } = tokenizer;
    this.numWords = Math.ceil(vocabSize / 32);
    const tokens: TokenText[] = [];
    for (let id = 0; id < vocabSize; id++) {
      const type = tokenTypes[id];
      if (type !== tokenType.normal && type !== tokenType.userDefined) continue;
      const bytes = tokenizer.tokenBytes(id);
      if (bytes.length === 0 || id === tokenizer.unknownId) continue;
      tokens.push({ id, text: String.fromCharCode.apply(null, bytes as unknown as number[]) });
      for (const byte of bytes) this.isInToken[byte] = 1;
      if (bytes.length === 1) this.isToken[bytes[0]] = 1;
    }
    const { plain = [], unplain = [] } = Object.groupBy(
      tokens,
      ({ text }) => isPlain(text) ? "plain" : "unplain",
    );
    this.trie = new TokenTrie(tokens, vocabSize);
    this.unplainTrie = new TokenTrie(unplain, vocabSize);
    this.maxPlainLength = plain.reduce((most, { text }) => Math.max(most, text.length), 0);
    this.#plainMasks = masksByLength(plain, this.maxPlainLength, this.numWords);
  }

  /** Those of a tokenizer; made once for each. */
  static of(tokenizer: Tokenizer): WrittenTokens {
    let tokens = ofTokenizer.get(tokenizer);
    if (tokens === undefined) ofTokenizer.set(tokenizer, tokens = new WrittenTokens(tokenizer));
    return tokens;
  }

  /** The tokens that are at most `length` plain bytes. Not to be written to. */
  plainMask(length: number): TokenMask {
    return this.#plainMasks[length];
  }
}

const ofTokenizer = new WeakMap<Tokenizer, WrittenTokens>();

/**
 * The bytes that what is free at all is mostly free to be: visible ASCII characters and the space, but for those that
 * JSON escapes. Nine tenths of GPT-2's tokens have no others.
 */
export const PLAIN_BYTES: readonly number[] = Array.from({ length: 95 }, (_, i) => 0x20 + i)
  .filter((byte) => byte !== 0x22 && byte !== 0x5c);

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

function isPlain(text: string): boolean {
  return /^[ !#-[\]-~]*$/.test(text);
}
