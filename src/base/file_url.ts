/**
 * Paths of files that are given as URLs.
 *
 * @module
 */
import { quotePath } from "./describe.ts";

/**
 * The path that a `file:` URL names.
 *
 * @throws {TypeError} if it names none on this system: a host, an encoded slash, or what no character is encoded as
 */
export function pathOfFileUrl(url: URL): string {
  // To load node:url takes 14 ms, which is long for a start from a file. Most paths have nothing to be decoded.
  const isPath = Deno.build.os !== "windows" && url.host === "" && !url.pathname.includes("%");
  if (isPath) return url.pathname;
  try {
    return process.getBuiltinModule("node:url").fileURLToPath(url);
  } catch (cause) {
    throw new TypeError(
      `Cannot find a file: its URL names none on this system: received ${
        quotePath(url.href)
      }. Give its path.`,
      { cause },
    );
  }
}
