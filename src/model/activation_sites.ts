/**
 * The activations of a GPT-2 that can be looked at and changed, by name.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { type GPT2Config, MAX_LAYERS } from "./config.ts";

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
 *
 * @throws {TypeError} if there is no number of layers
 * @throws {RangeError} if there cannot be so many
 */
export function activationNames(config: Pick<GPT2Config, "numLayers">): string[] {
  checkNumLayers(config?.numLayers);
  return activationSites(config).map(({ name }) => name);
}

function checkNumLayers(numLayers: unknown): void {
  const isCount = typeof numLayers === "number";
  if (isCount && Number.isInteger(numLayers) && numLayers >= 1 && numLayers <= MAX_LAYERS) return;
  const ErrorClass = isCount ? InvalidArgumentError : TypeError;
  throw new ErrorClass(
    `Cannot name activations: numLayers must be an integer from 1 to ${MAX_LAYERS}: received ` +
      `${describe(numLayers)}. Give the config of a model.`,
  );
}

/** Whether an activation has a row for each head. */
export function hasHeads({ axes }: ActivationSite): boolean {
  return axes.includes("heads");
}

/** Whether it is about pairs of positions. Attention has to be spelled out then: a fused kernel never has it in memory. */
export function isOfPairs({ axes }: ActivationSite): boolean {
  return axes === PAIRS;
}

/**
 * How many elements lie along the last axis.
 *
 * @param numKeys of how many positions pairs are
 */
export function rowWidth({ axes }: ActivationSite, numKeys: number, config: GPT2Config): number {
  const last = axes.slice(axes.lastIndexOf(" ") + 1);
  const widths: Readonly<Record<string, number>> = {
    embed: config.embeddingDim,
    hidden: config.hiddenDim,
    vocab: config.vocabSize,
    head_dim: config.headDim,
    seq_k: numKeys,
  };
  return widths[last];
}
