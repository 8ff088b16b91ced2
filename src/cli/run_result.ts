/**
 * Training runs where a model or an adapter is wanted.
 *
 * @module
 */
import { exists } from "../base/files.ts";
import type { Io } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";

/** Both are in the folder of a run, as `RunFolder` and `runTraining()` have it. */
const LOG = "log.jsonl";
const RESULTS = ["best", "last"];

/**
 * What a path means: of the folder of a training run the best that it has made, or the last if nothing was evaluated, which is
 * said; anything else is itself.
 */
export async function throughRun(
  path: string,
  { stderr, isQuiet = false }: Pick<Io, "stderr"> & { readonly isQuiet?: boolean },
): Promise<string> {
  if (!/[\\/.]/.test(path) && !exists(path)) return path;
  const isModel = ["config.json", "adapter_config.json"].some((name) => exists(`${path}/${name}`));
  if (isModel || !exists(`${path}/${LOG}`)) return path;
  const result = RESULTS.map((name) => `${path.replace(/[\\/]+$/, "")}/${name}`).find(exists);
  if (result === undefined) return path;
  if (!isQuiet) {
    await stderr.write(`${lineText(path)} is a training run: using ${lineText(result)}\n`);
  }
  return result;
}
