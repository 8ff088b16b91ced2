/**
 * The model of a command that was not told which.
 *
 * @module
 */
import { environmentVariable } from "../../base/environment.ts";
import { modelInProgram } from "../../model_store/model_in_program.ts";
import { programFilesFolder } from "../../base/program_files.ts";

/** The environment variable with the name of the model to use if none is given. */
export const MODEL_VARIABLE = "GPT2_MODEL";

/** The model to use if there is no such variable either: a standalone program has one inside, and no need of a hub. */
export function builtInDefault(): string {
  return programFilesFolder() === undefined ? "gpt2" : modelInProgram()?.name ?? "demo";
}

/** What to write to use the model that comes with this package. */
export const DEMO_FLAG = "--model demo";

/** What `GPT2_MODEL` names; without the variable, or the permission to read it, what {@linkcode builtInDefault} says. */
export function defaultModel(): string {
  return environmentVariable(MODEL_VARIABLE) ?? builtInDefault();
}
