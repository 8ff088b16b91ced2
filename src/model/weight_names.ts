/**
 * The names of the weights of a GPT-2, as users ask for them.
 *
 * @module
 */
import { checkOptions, flag } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { GPT2Config } from "./config.ts";
import { type ParameterOptions, parameterSpecs } from "./parameters.ts";

/**
 * The names of all weights of a model, in the order in which the forward pass meets them: those whose gradients can be asked
 * for, and that can be frozen when it is trained.
 *
 * ```ts
 * import { GPT2Config, weightNames } from "@allformers/gpt2";
 *
 * const names = weightNames(GPT2Config.gpt2Small());
 * console.log(names.filter((name) => name.startsWith("blocks.0.")).join("\n"));
 * ```
 *
 * @param options see {@linkcode ParameterOptions}
 * @throws {TypeError} if it is not the configuration of a model
 */
export function weightNames(config: GPT2Config, options: ParameterOptions = {}): string[] {
  if (!(config instanceof GPT2Config)) {
    throw new TypeError(
      `Cannot name weights: a GPT2Config is needed: received ${describe(config)}.`,
    );
  }
  const checked = checkOptions("name weights", options, { tied: flag });
  return parameterSpecs(config, checked).map(({ name }) => name);
}
