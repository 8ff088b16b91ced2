/**
 * GPT-2's initial weights.
 *
 * @module
 */
import { Random } from "../base/random.ts";
import { numElements } from "../tensor/shape.ts";
import type { GPT2Config } from "./config.ts";
import { type ParameterSpec, parameterSpecs } from "./parameters.ts";
import type { Weights } from "./weights.ts";

/** Options of {@linkcode initializeWeights}. */
export interface InitializeOptions {
  /** The same seed gives the same weights. Default: 0. */
  seed?: number;
  /**
   * Whether matrices that add to the residual stream start smaller, by `1 / sqrt(2 * numLayers)`, as the paper says and
   * the published code does not. Default: true.
   */
  scaleResidualInit?: boolean;
}

const STANDARD_DEVIATION = 0.02;

/** Numbers drawn in one step. */
const STEP_ELEMENTS = 2 ** 16;

/**
 * Sets all weights of an F32 model: matrices and embeddings from N(0, 0.02), biases 0, scales of the normalizations 1
 * (Radford et al., 2019, section 2.3).
 */
export function initializeWeights(
  weights: Weights,
  config: GPT2Config,
  options: InitializeOptions = {},
): void {
  const write = weights.write.bind(weights);
  for (const _ of initializing(config, write, options));
}

/**
 * Does what {@linkcode initializeWeights} does, step by step: each takes some milliseconds.
 *
 * @param write takes the values of a weight; what it returns is the result of a step
 */
export function* initializing<Written>(
  config: GPT2Config,
  write: (name: string, data: Uint8Array<ArrayBuffer>) => Written,
  options: InitializeOptions = {},
): Generator<Written | void> {
  const { seed = 0, scaleResidualInit = true } = options;
  const random = new Random(seed);
  const residualDeviation = scaleResidualInit
    ? STANDARD_DEVIATION / Math.sqrt(2 * config.numLayers)
    : STANDARD_DEVIATION;
  for (const spec of parameterSpecs(config)) {
    const values = new Float32Array(numElements(spec.shape));
    yield* fill(values, spec, random, residualDeviation);
    yield write(spec.name, new Uint8Array(values.buffer));
  }
}

function* fill(
  values: Float32Array,
  { kind }: ParameterSpec,
  random: Random,
  residualDeviation: number,
): Generator<void> {
  if (kind === "bias") return;
  if (kind === "scale") {
    values.fill(1);
    return;
  }
  const deviation = kind === "residualMatrix" ? residualDeviation : STANDARD_DEVIATION;
  for (let start = 0; start < values.length; start += STEP_ELEMENTS) {
    const end = Math.min(start + STEP_ELEMENTS, values.length);
    for (let i = start; i < end; i++) values[i] = deviation * random.normal();
    yield;
  }
}
