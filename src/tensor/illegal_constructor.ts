/**
 * Constructors that only this package may call: what they make holds an address of native memory.
 *
 * @module
 */

/** The first argument of such a constructor. */
export type Key = typeof KEY;

/** Nobody outside this package has it. TypeScript's `private` is gone when a program runs. */
export const KEY: unique symbol = Symbol("construction");

/**
 * Throws unless a constructor was called with the key, as those of the web platform do.
 *
 * @throws {TypeError}
 */
export function checkKey(key: Key, name: string): void {
  if (key !== KEY) {
    throw new TypeError(`Cannot construct a ${name}: illegal constructor. See its documentation.`);
  }
}
