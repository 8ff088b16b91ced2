/**
 * Training runs where a model or an adapter is wanted.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import { exists } from "../base/files.ts";
import { programName } from "../base/program_name.ts";

/** Both are in the folder of a run, as `RunFolder` and `runTraining()` have it. */
const LOG = "log.jsonl";
const RESULTS = ["best", "last"];
/** What is written when a run has ended: files that have to be named themselves. */
const PACKED_RESULTS = ["model.gguf", "adapter.gguf"];

/**
 * Of the folder of a training run the best that it has made, or the last if nothing was evaluated; anything else is itself.
 *
 * @throws {Deno.errors.NotFound} if the run was stopped before it saved anything
 */
export function resultOfRun(path: string): string {
  const isModel = ["config.json", "adapter_config.json"].some((name) => exists(`${path}/${name}`));
  if (isModel || !exists(`${path}/${LOG}`)) return path;
  const folder = path.replace(/[\\/]+$/, "");
  const find = (names: readonly string[]) => names.map((name) => `${folder}/${name}`).find(exists);
  const result = find(RESULTS);
  if (result === undefined && find(PACKED_RESULTS) === undefined) {
    const hasPlan = exists(`${folder}/plan.json`);
    throw new Deno.errors.NotFound(
      `Cannot use ${quotePath(path)}: it is a training run that has saved nothing yet: ` +
        `received no ${RESULTS.join(" and no ")}. Go on with it: ` +
        (hasPlan
          ? `${programName()} train --resume --out ${quotePath(folder)}`
          : "call runTraining() with this folder again."),
    );
  }
  return result ?? path;
}
