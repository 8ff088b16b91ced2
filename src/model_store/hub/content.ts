/**
 * Whether bytes are those that the hub has.
 *
 * @module
 */
import { infoIfAny } from "../../base/files.ts";
import { readError } from "../../base/read_error.ts";

/** What is in a file. */
export interface Content {
  /** The sha256 of its bytes (64 digits), or git's sha1 of them (40). */
  readonly etag: string;
  /** How many bytes it has. */
  readonly size: number;
}

/** Computes the etag of bytes that come one after another. */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** The etag of the bytes so far. */
  etag(): string;
}

/** Begins the digest that the etag of a content is. */
export async function newDigest({ etag, size }: Content): Promise<Digest> {
  // Web Crypto has no digest of bytes that come one after another; and only who downloads should load this.
  const { createHash } = await import("node:crypto");
  const hash = createHash(etag.length === 64 ? "sha256" : "sha1");
  // Git hashes a file together with its size.
  if (etag.length === 40) hash.update(`blob ${size}\0`);
  return {
    update: (bytes) => void hash.update(bytes),
    etag: () => hash.copy().digest("hex"),
  };
}

/** Whether there is a file that has exactly this content. All of it is read, unless its size is another. */
export async function hasContent(
  path: string,
  content: Content,
  signal?: AbortSignal,
): Promise<boolean> {
  if (infoIfAny(path)?.size !== content.size) return false;
  const digest = await newDigest(content);
  const file = await Deno.open(path).catch((error) => {
    throw readError(path, error, "open");
  });
  for await (const bytes of file.readable) {
    signal?.throwIfAborted();
    digest.update(bytes);
  }
  return digest.etag() === content.etag;
}
