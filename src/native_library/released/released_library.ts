/**
 * What is known of a native library that was published with this package.
 *
 * @module
 */

/** A library that was published with this package. */
export interface ReleasedLibrary {
  /** As in `Deno.build`. */
  readonly os: string;
  readonly arch: string;
  /** The name of its level of instructions. */
  readonly level: string;
  /** What computes beside the CPU: `cpu` (nothing) or `metal`. */
  readonly backend: string;
  /** The name of the file, which is compressed with Brotli, beside this module. */
  readonly file: string;
  readonly downloadBytes: number;
  /** Of the library itself. */
  readonly bytes: number;
  /** Of the library itself, in hexadecimal. */
  readonly sha256: string;
  readonly ggmlVersion: string;
}

/** What ends the name of a file that is compressed. */
export const COMPRESSED = ".br";
