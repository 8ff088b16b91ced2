/**
 * Short descriptions of the tensors in a GGUF file, to compare files by.
 *
 * @module
 */
import { openRegularFile } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";

/** The type of each tensor, and the first half of the SHA-256 of its bytes: `q8_0 0123...`. */
export type TensorDigests = Record<string, string>;

/** Describes every tensor of a file. */
export async function digestsOf(path: string): Promise<TensorDigests> {
  using source = openRegularFile(path);
  const digests: TensorDigests = {};
  for (const [name, { type, offset, byteLength }] of readGgufHeader(source).tensors) {
    const sha256 = await crypto.subtle.digest("SHA-256", source.read(offset, byteLength));
    digests[name] = `${type} ${new Uint8Array(sha256).toHex().slice(0, 32)}`;
  }
  return digests;
}
