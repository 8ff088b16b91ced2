/**
 * Training runs where a model or an adapter is wanted.
 *
 * @module
 */
import { exists } from "../base/files.ts";

/** Both are in the folder of a run, as `RunFolder` and `runTraining()` have it. */
const LOG = "log.jsonl";
const RESULTS = ["best", "last"];

/** Of the folder of a training run the best that it has made, or the last if nothing was evaluated; anything else is itself. */
export function resultOfRun(path: string): string {
  const isModel = ["config.json", "adapter_config.json"].some((name) => exists(`${path}/${name}`));
  if (isModel || !exists(`${path}/${LOG}`)) return path;
  return RESULTS.map((name) => `${path.replace(/[\\/]+$/, "")}/${name}`).find(exists) ?? path;
}
