/**
 * The model of a command that was not told which.
 *
 * @module
 */
import { embeddedModel } from "../model_store/embedded_model.ts";
import { embeddedFolder } from "../base/embedded_files.ts";

/** The environment variable with the name of the model to use if none is given. */
export const MODEL_VARIABLE = "GPT2_MODEL";

/** The model to use if there is no such variable either: a standalone program has one inside, and no need of a hub. */
export function builtInDefault(): string {
  return embeddedFolder() === undefined ? "gpt2" : embeddedModel()?.name ?? "demo";
}

/** What to write to use the model that comes with this package. */
export const DEMO_FLAG = "--model demo";

/** What `GPT2_MODEL` names; without the variable, or the permission to read it, what {@linkcode builtInDefault} says. */
export function defaultModel(): string {
  try {
    return Deno.env.get(MODEL_VARIABLE) || builtInDefault();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return builtInDefault();
    throw error;
  }
}
