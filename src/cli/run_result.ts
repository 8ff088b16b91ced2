/**
 * Training runs where a model or an adapter is wanted.
 *
 * @module
 */
import { exists } from "../base/files.ts";
import { resultOfRun } from "../checkpoint/run_result.ts";
import type { Io } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";

/**
 * What a path means: that of a training run is what it has made, which is said; anything else is itself.
 */
export async function throughRun(
  path: string,
  { stderr, isQuiet = false }: Pick<Io, "stderr"> & { readonly isQuiet?: boolean },
): Promise<string> {
  if (!/[\\/.]/.test(path) && !exists(path)) return path;
  const result = resultOfRun(path);
  if (result === path) return path;
  if (!isQuiet) {
    await stderr.write(`${lineText(path)} is a training run: using ${lineText(result)}\n`);
  }
  return result;
}
