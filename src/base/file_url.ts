/**
 * Paths of files that are given as URLs.
 *
 * @module
 */

/**
 * The path that a `file:` URL names.
 *
 * @throws {TypeError} if it names none on this system: a host, or an encoded slash
 */
export function pathOfFileUrl(url: URL): string {
  // To load node:url takes 14 ms, which is long for a start from a file. Most paths have nothing to be decoded.
  const isPath = Deno.build.os !== "windows" && url.host === "" && !url.pathname.includes("%");
  return isPath ? url.pathname : process.getBuiltinModule("node:url").fileURLToPath(url);
}
