/**
 * Some of the tokens of a vocabulary.
 *
 * @module
 */

/** A set of tokens: those whose bit, `id % 32` of word `id >> 5`, is 1. What is behind the last word is not in it. */
export type TokenMask = Uint32Array;

/** Adds a token. */
export function addToken(mask: TokenMask, id: number): void {
  mask[id >> 5] |= 1 << (id & 31);
}

/** Whether a token is in the set. */
export function hasToken(mask: TokenMask, id: number): boolean {
  return (mask[id >> 5] & 1 << (id & 31)) !== 0;
}
