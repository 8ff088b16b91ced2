/**
 * The files that this package consists of.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A file of the package. */
export interface PackageFile {
  /** Its path in the package: `/src/gpt2.ts`. */
  readonly path: string;
  /** Where it is. */
  readonly url: URL;
}

/** The files that `deno publish` would upload, as it lists them itself. */
export async function packageFiles(): Promise<PackageFile[]> {
  const root = new URL("../", import.meta.url);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: fileURLToPath(root),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(output);
  const files = listedFiles(output).map((url) => ({
    path: `/${url.href.slice(root.href.length)}`,
    url,
  }));
  if (files.length === 0) throw new Error(`the dry run named no file:\n${output}`);
  return files;
}

/** The files in what the dry run writes: `   file:///home/me/gpt2/mod.ts (2.17KB)`. */
export function listedFiles(output: string): URL[] {
  return Array.from(output.matchAll(/^\s+(file:\/\/\S+) \(/gm), ([, url]) => new URL(url));
}
