/**
 * The weights of an adapter (LoRA): matrices of low rank that are added to some of a model's weights.
 *
 * Hu et al., 2021, "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv:2106.09685); Kalajdzievski, 2023, "A Rank
 * Stabilization Scaling Factor for Fine-Tuning with LoRA" (arXiv:2312.03732).
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { GPT2Config } from "./config.ts";
import { type ParameterSpec, parameterSpecs } from "./parameters.ts";

/** A weight of a block that an adapter can change. */
export type AdapterTarget =
  | "qkvProjection"
  | "outputProjection"
  | "hiddenProjection"
  | "mlpProjection";

/** All of them, in the order in which the forward pass meets them. */
export const ADAPTER_TARGETS: readonly AdapterTarget[] = [
  "qkvProjection",
  "outputProjection",
  "hiddenProjection",
  "mlpProjection",
];

/** What an adapter adds to one weight: `scale * up * down`. */
export interface AdaptedWeight {
  /** The weight, without its last part: `blocks.3.qkvProjection`. */
  readonly name: string;
  /** Index of its block. */
  readonly layer: number;
  /** Which weight of the block it is. */
  readonly target: AdapterTarget;
  /** How many columns the product has in between. */
  readonly rank: number;
  /** See {@linkcode updateScale}. */
  readonly alpha: number;
  /** (rank in), row by row. */
  readonly down: Float32Array<ArrayBuffer>;
  /** (out rank), row by row. */
  readonly up: Float32Array<ArrayBuffer>;
}

/** An adapter as it is in a file. */
export interface AdapterWeights {
  /**
   * Whether what is added is divided by the root of the rank, and not by the rank, which keeps its size the same for all
   * ranks (rsLoRA).
   */
  readonly isRankStabilized: boolean;
  /** What it adds to each weight that it changes, in the order in which the forward pass meets them. */
  readonly weights: readonly AdaptedWeight[];
}

/** The factor of what is added to a weight: `alpha / rank`, or `alpha / sqrt(rank)`. */
export function updateScale(
  { isRankStabilized }: Pick<AdapterWeights, "isRankStabilized">,
  { rank, alpha }: Pick<AdaptedWeight, "rank" | "alpha">,
): number {
  return alpha / (isRankStabilized ? Math.sqrt(rank) : rank);
}

/** A weight that an adapter of a model can change: (out in). */
export interface AdaptableWeight {
  /** See {@linkcode AdaptedWeight.name}. */
  readonly name: string;
  /** Index of its block. */
  readonly layer: number;
  /** Which weight of the block it is. */
  readonly target: AdapterTarget;
  /** The width of what it gives. */
  readonly numOut: number;
  /** The width of what it takes. */
  readonly numIn: number;
}

/** All weights of a model that an adapter can change, in the order in which the forward pass meets them. */
export function adaptableWeights(config: GPT2Config): AdaptableWeight[] {
  return parameterSpecs(config).filter(isAdaptable).map(({ name, layer, part, shape }) => ({
    name: name.replace(/\.weight$/, ""),
    layer: layer!,
    target: part as AdapterTarget,
    numOut: shape[0],
    numIn: shape[1],
  }));
}

function isAdaptable({ part, field }: ParameterSpec): boolean {
  return field === "weight" && (ADAPTER_TARGETS as readonly string[]).includes(part);
}

/**
 * Checks that something a program gives is the weights of an adapter, of whatever model.
 *
 * @param action what cannot be done otherwise: `load the adapter`
 * @throws {TypeError} if it is something else, or changes nothing
 */
export function checkAdapterWeights(
  action: string,
  given: unknown,
): asserts given is AdapterWeights {
  const { weights } = given === null || given === undefined ? {} : given as Partial<AdapterWeights>;
  if (Array.isArray(weights) && weights.length > 0 && weights.every(isAdaptedWeight)) return;
  throw new TypeError(
    `Cannot ${action}: it must be weights as createAdapter() makes them, or an adapter that loadAdapter() gave: ` +
      `received ${
        weights === undefined ? describe(given) : "weights that are none, or none at all"
      }.`,
  );
}

function isAdaptedWeight(given: Partial<AdaptedWeight> | null | undefined): boolean {
  const { name, rank, alpha, down, up } = given ?? {};
  return typeof name === "string" && Number.isInteger(rank) && rank! > 0 &&
    Number.isFinite(alpha) &&
    down instanceof Float32Array && up instanceof Float32Array;
}

/** What is wrong with an adapter for a model of this size; nothing if it fits. */
export function adapterMisfit(
  adapter: AdapterWeights,
  config: GPT2Config,
): { readonly what: string; readonly received: string } | undefined {
  const adaptable = new Map(adaptableWeights(config).map((weight) => [weight.name, weight]));
  for (const { name, rank, down, up } of adapter.weights) {
    const weight = adaptable.get(name);
    if (weight === undefined) {
      return { what: `the model has ${config.numLayers} blocks`, received: `an update of ${name}` };
    }
    const [numIn, numOut] = [down.length / rank, up.length / rank];
    if (numIn === weight.numIn && numOut === weight.numOut) continue;
    const what = `${name} of the model is ${weight.numOut} x ${weight.numIn}`;
    return { what, received: `an update of ${numOut} x ${numIn}` };
  }
  return undefined;
}

/**
 * Checks that an adapter is one for a model of this size.
 *
 * @throws {InvalidArgumentError} if it changes a weight that the model does not have, or that has another shape
 */
export function checkAdapterFits(adapter: AdapterWeights, config: GPT2Config): void {
  const misfit = adapterMisfit(adapter, config);
  if (misfit === undefined) return;
  throw new InvalidArgumentError(
    `Cannot use the adapter: ${misfit.what}: received ${misfit.received}. ` +
      "Use it with the model for which it was made.",
  );
}
