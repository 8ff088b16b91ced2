/**
 * What to type to run this program.
 *
 * @module
 */

/** How this program is called, to be copied from a help or an error: as it was started, or could be where it is a library. */
export function programName(): string {
  if (Deno.build.standalone) return "gpt2";
  return import.meta.url.startsWith("file:")
    ? "deno run -A mod.ts"
    : "deno run -A jsr:@allformers/gpt2";
}
