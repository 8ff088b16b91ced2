/**
 * The model of a command that was not told which.
 *
 * @module
 */

/** The environment variable with the name of the model to use if none is given. */
export const MODEL_VARIABLE = "GPT2_MODEL";

/** The model to use if there is no such variable either. */
export const DEFAULT_MODEL = "gpt2";

/** What to write to use the model that comes with this package. */
export const DEMO_FLAG = "--model demo";

/** What `GPT2_MODEL` names; without the variable, or the permission to read it, `gpt2`. */
export function defaultModel(): string {
  try {
    return Deno.env.get(MODEL_VARIABLE) || DEFAULT_MODEL;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return DEFAULT_MODEL;
    throw error;
  }
}
