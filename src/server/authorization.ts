/**
 * Who may use the server.
 *
 * @module
 */
import { sha256Sync } from "../base/sha256.ts";
import { ApiError } from "./api_error.ts";

/** Knows the keys, by their hashes only. */
export class Authorization {
  readonly #hashes: readonly string[];

  /** @param keys any of them will do; without any, everybody may */
  constructor(keys: readonly string[]) {
    this.#hashes = keys.map(hashOf);
  }

  /** Whether a key is asked for. */
  get isRequired(): boolean {
    return this.#hashes.length > 0;
  }

  /**
   * Looks for a key in the header `authorization: Bearer <key>`.
   *
   * @throws {ApiError} 401 if there is none, or another one
   */
  check(headers: Headers): void {
    if (!this.isRequired) return;
    const [, key] = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "") ?? [];
    if (key !== undefined && this.#isKnown(key)) return;
    throw new ApiError(
      401,
      key === undefined
        ? "A key is needed: send the header authorization: Bearer <key>."
        : "There is no such key.",
      {
        type: "authentication_error",
        code: "invalid_api_key",
        headers: { "www-authenticate": "Bearer" },
      },
    );
  }

  /** In a time that does not depend on the key: hashes are compared, to the end, each with all. */
  #isKnown(key: string): boolean {
    const hash = hashOf(key);
    let isKnown = false;
    for (const known of this.#hashes) isKnown = isEqual(hash, known) || isKnown;
    return isKnown;
  }
}

function hashOf(key: string): string {
  return sha256Sync(new TextEncoder().encode(key));
}

function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
