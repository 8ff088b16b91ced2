/**
 * The variables that the user has set.
 *
 * @module
 */

/** Gives the value of an environment variable. */
export type Variables = (name: string) => string | undefined;

/** The value of a variable; nothing if it is not set, is empty, or may not be read. */
export function environmentVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Whether the value of a variable means yes, as Hugging Face's libraries read it. */
export function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? "");
}

/** The name of the variable that forbids every request, if one does. */
export function offlineVariable(variables: Variables = environmentVariable): string | undefined {
  return ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].find((name) => isTrue(variables(name)));
}
