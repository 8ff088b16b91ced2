/**
 * GPT-2 for Deno: run it, look inside, convert it, on ggml.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 *
 * using model = await GPT2.fromPretrained("demo");
 * console.log(await model.generateText("ROMEO:", { maxNewTokens: 40, seed: 1 }));
 * ```
 *
 * Run as a program it is the command line: `deno run -A mod.ts "ROMEO:" --model demo`, and `--help` for the rest.
 *
 * @module
 */
export {
  type ForwardOptions,
  type ForwardResult,
  type FromPretrainedOptions,
  GPT2,
  type GPT2Options,
  type Prompt,
} from "./src/gpt2.ts";
export { GPT2Config, type GPT2ConfigFields } from "./src/model/config.ts";
export type { FinishReason, GeneratedToken, GenerateOptions } from "./src/generation/generate.ts";

if (import.meta.main) {
  // Only the program loads the command line; those who import this module do not.
  const { run } = await import("./src/cli/main.ts");
  await run(Deno.args);
}
