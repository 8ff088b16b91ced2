/**
 * The activations of a GPT-2 that can be looked at and changed, by name.
 *
 * @module
 */
import type { GPT2Config } from "./config.ts";

/** A place in the forward pass where it shows an activation: see `Pass.observe()`. */
export interface ActivationSite {
  /** Path of what computes it: `blocks.3.attention.weights`. */
  readonly name: string;
  /** Its axes in the words of the model, outermost first: `batch heads seq_q seq_k`. */
  readonly axes: string;
  /** The index of its block, if it is in one. */
  readonly layer: number | undefined;
  /** Whether it comes after `Pass.select()`: positions whose logits nobody wants may be missing in it. */
  readonly isSelected: boolean;
}

const STREAM = "batch seq embed";
const HEADS = "batch heads seq head_dim";
const PAIRS = "batch heads seq_q seq_k";

/** Those of a block, in the order in which they are computed, as `[name, axes, comes after select() in the last block]`. */
const OF_BLOCK: readonly (readonly [name: string, axes: string, isSelected: boolean])[] = [
  ["attentionNorm", STREAM, false],
  ["attention.query", HEADS, false],
  ["attention.key", HEADS, false],
  ["attention.value", HEADS, false],
  ["attention.scores", PAIRS, false],
  ["attention.weights", PAIRS, false],
  ["attention.attended", HEADS, false],
  ["attention.output", STREAM, false],
  ["residualMiddle", STREAM, false],
  ["mlpNorm", STREAM, true],
  ["mlp.hidden", "batch seq hidden", true],
  ["mlp.output", STREAM, true],
  ["residual", STREAM, true],
];

/** All of a model, in the order in which they are computed. */
export function activationSites({ numLayers }: Pick<GPT2Config, "numLayers">): ActivationSite[] {
  const blocks = Array.from(
    { length: numLayers },
    (_, layer) =>
      OF_BLOCK.map(([name, axes, isSelected]) => ({
        name: `blocks.${layer}.${name}`,
        axes,
        layer,
        isSelected: isSelected && layer === numLayers - 1,
      })),
  );
  const outside = { layer: undefined, isSelected: true };
  return [
    { name: "embedding", axes: STREAM, layer: undefined, isSelected: false },
    ...blocks.flat(),
    { name: "finalNorm", axes: STREAM, ...outside },
    { name: "logits", axes: "batch seq vocab", ...outside },
  ];
}

/**
 * The names of all activations of a model that can be captured and changed, in the order in which they are computed.
 *
 * ```ts
 * import { activationNames, GPT2Config } from "@allformers/gpt2";
 *
 * const names = activationNames(GPT2Config.gpt2Small());
 * console.log(names.filter((name) => name.startsWith("blocks.0.")).join("\n"));
 * ```
 */
export function activationNames(config: Pick<GPT2Config, "numLayers">): string[] {
  return activationSites(config).map(({ name }) => name);
}

/** Whether attention has to be spelled out for an activation to be there: a fused kernel never has it in memory. */
export function needsSpelledAttention({ axes }: ActivationSite): boolean {
  return axes === PAIRS;
}
