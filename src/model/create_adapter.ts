/**
 * New adapters, to be trained.
 *
 * @module
 */
import { checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import {
  adaptableWeights,
  ADAPTER_TARGETS,
  type AdapterTarget,
  type AdapterWeights,
} from "./adapter_weights.ts";
import type { GPT2Config } from "./config.ts";

/** Options of {@linkcode createAdapter}. */
export interface CreateAdapterOptions {
  /** How many columns the products have in between. Default: 8. */
  rank?: number;
  /** What is added is multiplied by `alpha / rank`. Default: twice the rank. */
  alpha?: number;
  /** Which weights of each block change. Default: `["qkvProjection"]`, as PEFT does with GPT-2. */
  targets?: readonly AdapterTarget[];
  /** Whether what is added is multiplied by `alpha / sqrt(rank)` instead (rsLoRA). Default: false. */
  isRankStabilized?: boolean;
  /** The same seed gives the same weights. Default: 0. */
  seed?: number;
}

/** More columns than this an adapter does not have. */
export const MAX_RANK = 4096;

const RULES: OptionRules<CreateAdapterOptions> = {
  rank: integer(1, MAX_RANK),
  alpha: {
    meaning: "a finite number above 0",
    isType: (value) => typeof value === "number",
    isInRange: (value) => Number.isFinite(value) && (value as number) > 0,
  },
  targets: {
    meaning: `some of ${ADAPTER_TARGETS.join(", ")}`,
    isType: Array.isArray,
    isInRange: (value) =>
      (value as unknown[]).length > 0 &&
      (value as unknown[]).every((each) => (ADAPTER_TARGETS as readonly unknown[]).includes(each)),
    copy: (value) => Array.from(value as readonly string[]),
  },
  isRankStabilized: {
    meaning: "true or false",
    isType: (value) => typeof value === "boolean",
  },
  seed: integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
};

/**
 * A new adapter, which changes nothing yet: `down` is uniform in ±1 / sqrt(in), as PEFT has it (He et al., 2015,
 * arXiv:1502.01852, with a = sqrt(5)), `up` is zero.
 *
 * @param config sizes of the model that it is for
 * @throws {RangeError} if an option is out of range
 * @throws {TypeError} if one has the wrong type
 */
export function createAdapter(
  config: GPT2Config,
  options: CreateAdapterOptions = {},
): AdapterWeights {
  const {
    rank = 8,
    alpha = 2 * rank,
    targets = ["qkvProjection"],
    isRankStabilized = false,
    seed = 0,
  } = checkOptions("create the adapter", options, RULES);
  const chosen = adaptableWeights(config).filter(({ target }) => targets.includes(target));
  const smallest = Math.min(...chosen.flatMap(({ numIn, numOut }) => [numIn, numOut]));
  if (rank > smallest) {
    throw new InvalidArgumentError(
      `Cannot create the adapter: rank must be at most ${smallest}, the width of the narrowest of ` +
        `its weights: received ${describe(rank)}.`,
    );
  }
  const random = new Random(seed);
  const weights = chosen.map(({ name, layer, target, numIn, numOut }) => {
    const bound = 1 / Math.sqrt(numIn);
    const down = Float32Array.from(
      { length: rank * numIn },
      () => bound * (2 * random.next() - 1),
    );
    return { name, layer, target, rank, alpha, down, up: new Float32Array(numOut * rank) };
  });
  return { isRankStabilized, weights };
}
