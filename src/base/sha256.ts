/**
 * The SHA-256 of bytes, as it is written everywhere: 64 hexadecimal digits.
 *
 * @module
 */

/** Computes it on another thread. */
export async function sha256(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Computes it at once. Web Crypto cannot; what can takes 14 ms to load, so wait for {@linkcode sha256} where that is possible. */
export function sha256Sync(bytes: Uint8Array): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(bytes).digest("hex");
}
