/**
 * Which weights are trained.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { namePattern } from "../base/name_pattern.ts";
import type { ModelAdapter } from "../model/model_adapter.ts";
import type { Model } from "../model/model.ts";
import type { GPT2Parameters } from "../model/parameters.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A weight that is trained. */
export interface TrainableWeight {
  /** Its name: `blocks.0.qkvProjection.weight`. */
  readonly name: string;
  /** F32, in the memory of a buffer. */
  readonly tensor: Tensor;
  /** Whether weight decay draws it to 0: matrices and embeddings, but neither biases nor scales of normalizations. */
  readonly decays: boolean;
}

/**
 * The weights of a model that are trained.
 *
 * @param model with all weights in F32
 * @param freeze names of those that are not, in which `*` stands for any characters: `["blocks.0.*", "*Embedding"]`
 * @throws {TypeError} if they are not F32 in plain memory of the processor
 * @throws {RangeError} if no weight has such a name, or none is left to train
 */
export function trainableWeights(model: Model, freeze: readonly string[] = []): TrainableWeight[] {
  checkTrainable(model);
  const { parameters } = model.weights;
  const patterns = freeze.map((pattern) => ({ pattern, matches: namePattern(pattern) }));
  const names = model.weights.specs.map(({ name }) => name);
  for (const { pattern, matches } of patterns) {
    if (names.some(matches)) continue;
    throw new InvalidArgumentError(
      `Cannot freeze weights: received "${pattern}", which no weight is called. Names are like ${
        names.slice(0, 4).join(", ")
      }; weightNames(model.config) lists all, * stands for any characters.`,
    );
  }
  const trained = model.weights.specs
    .filter(({ name }) => !patterns.some(({ matches }) => matches(name)))
    .map(({ name, shape }) => ({
      name,
      tensor: weightByName(parameters, name),
      decays: shape.length > 1,
    }));
  if (trained.length > 0) return trained;
  throw new InvalidArgumentError("Cannot train: all weights are frozen. Leave some to train.");
}

/**
 * The weights of an adapter, all of which are trained: `blocks.0.qkvProjection.down` and `.up`.
 *
 * @param model that it is for; its own weights stay as they are, and may be quantized
 * @throws {TypeError} if the model's weights are not where gradients can go through them
 */
export function trainableAdapter(model: Model, adapter: ModelAdapter): TrainableWeight[] {
  const { backend, weights } = model;
  const isPlain = weights.specs.every(({ name }) =>
    weights.memoriesOf(name).every((memory) => memory === "plain" || memory === "mapped")
  );
  if (backend.usesDevices || !isPlain) {
    throw new TypeError(
      "Cannot train an adapter: the model's weights are in an order, or on a device, that gradients cannot go through. " +
        'Load the model with trainable: "adapters".',
    );
  }
  return adapter.weights.flatMap(({ name, down, up }) => [
    { name: `${name}.down`, tensor: down, decays: true },
    { name: `${name}.up`, tensor: up, decays: true },
  ]);
}

function checkTrainable({ backend, weights }: Model): void {
  if (backend.usesDevices) {
    throw new TypeError(
      `Cannot train on ${backend.name}: weights are trained on the processor. Load the model with device: "cpu".`,
    );
  }
  // Weights that stay in their file are not to be written: the system would end the program.
  const isOwn = (name: string) => weights.memoriesOf(name).every((memory) => memory === "plain");
  const other = weights.specs.find(({ name, dtype }) => dtype !== "f32" || !isOwn(name));
  if (other === undefined) return;
  throw new TypeError(
    `Cannot train the weight ${other.name}: it has to be F32 in memory of its own: received ${other.dtype}` +
      `${
        isOwn(other.name) ? "" : " that lies in a file or in another order"
      }. Load the model with trainable: true, or train an ` +
      "adapter.",
  );
}

/** The tensor of a weight by its name. */
export function weightByName(parameters: GPT2Parameters, name: string): Tensor {
  let found: unknown = parameters;
  for (const key of name.split(".")) found = (found as Record<string, unknown>)[key];
  return found as Tensor;
}
