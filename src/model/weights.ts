/**
 * The weights of a model in native memory.
 *
 * @module
 */
import type { Buffer } from "../tensor/buffer.ts";
import { MemoryPlanner, type Slot } from "../tensor/memory_planner.ts";
import type { Backend } from "../tensor/backend.ts";
import { readTensor, writeTensor } from "../tensor/data.ts";
import { rowBytes, type TensorType } from "../formats/tensor_type.ts";
import { numElements } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GPT2Config } from "./config.ts";
import {
  arrangeParameters,
  type GPT2Parameters,
  type ParameterOptions,
  type ParameterSpec,
  parameterSpecs,
} from "./parameters.ts";

/** Where one weight goes: one or two tensors, the second with rows of zeros added. */
interface Placement {
  readonly spec: ParameterSpec;
  readonly dtype: TensorType;
  readonly targets: Tensor[];
  /** Whether the first tensor lies in memory from which it cannot be read back. */
  readonly isRepacked: boolean;
}

/**
 * Allocates the weights of a model and takes their values one by one. Matrices are put into the memory layout in which
 * this processor multiplies them fastest, where there is one for their type.
 */
export class Weights implements Disposable {
  /** The weights as the forward pass reads them. */
  readonly parameters: GPT2Parameters;
  /** Whether the vocabulary projection shares the token embedding's values. */
  readonly tied: boolean;
  readonly #placements: Map<string, Placement>;
  readonly #buffers: Buffer[];

  /**
   * @param backend whose memory is used
   * @param config sizes of the model
   * @param dtypeOf the stored type of a weight
   * @param options which weights there are
   * @throws {NativeError} if there is not enough memory
   */
  constructor(
    backend: Backend,
    config: GPT2Config,
    dtypeOf: (spec: ParameterSpec) => TensorType,
    options: ParameterOptions = {},
  ) {
    const { tied = true } = options;
    this.tied = tied;
    const planner = new MemoryPlanner(backend);
    const placements = parameterSpecs(config, { tied }).map((spec) => {
      const dtype = dtypeOf(spec);
      return { spec, dtype, slots: planSlots(planner, spec, dtype, tied) };
    });
    this.#buffers = planner.allocate();
    this.#placements = new Map(placements.map(({ spec, dtype, slots }) => [
      spec.name,
      {
        spec,
        dtype,
        targets: slots.map((slot) => slot.tensor()),
        isRepacked: slots[0].isRepacked,
      },
    ]));
    this.parameters = arrangeParameters(
      config,
      (name) => this.#placements.get(name)!.targets[0],
      tied
        ? this.#placements.get("tokenEmbedding")!.targets[1]
        : this.#placements.get("vocabularyProjection")!.targets[0],
    );
  }

  /** Names, shapes and stored types of all weights. */
  get specs(): { name: string; shape: readonly number[]; dtype: TensorType }[] {
    return [...this.#placements.values()].map(({ spec, dtype }) => ({
      name: spec.name,
      shape: spec.shape,
      dtype,
    }));
  }

  /**
   * Sets one weight.
   *
   * @param name see `parameterSpecs()`
   * @param data the rows, outermost axis first, in the stored type
   * @throws {TypeError} if the name is unknown or the number of bytes does not fit
   */
  write(name: string, data: Uint8Array<ArrayBuffer>): void {
    const placement = this.#placements.get(name);
    const expected = placement && byteLength(placement.spec.shape, placement.dtype);
    if (placement === undefined || data.byteLength !== expected) {
      throw new TypeError(
        `Cannot set the weight "${name}": expected ${expected ?? "no such weight"} bytes: ` +
          `received ${data.byteLength}`,
      );
    }
    for (const target of placement.targets) {
      if (target.byteLength === data.byteLength) {
        writeTensor(target, data);
      } else {
        // Repacking reorders whole tensors, so the rows of zeros have to come with the others.
        const padded = new Uint8Array(target.byteLength);
        padded.set(data);
        writeTensor(target, padded);
      }
    }
  }

  /**
   * The bytes of one weight, as they were written; `undefined` if its memory holds them in another order.
   *
   * @throws {TypeError} if the name is unknown
   */
  read(name: string): Uint8Array<ArrayBuffer> | undefined {
    const placement = this.#placements.get(name);
    if (placement === undefined) {
      throw new TypeError(`Cannot read the weight "${name}": there is no such weight`);
    }
    if (placement.isRepacked) return undefined;
    const data = new Uint8Array(byteLength(placement.spec.shape, placement.dtype));
    readTensor(placement.targets[0], data);
    return data;
  }

  /** The bytes of native memory that the weights take. */
  get byteLength(): number {
    return this.#buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer[Symbol.dispose]();
  }
}

/** Where a weight goes. */
function planSlots(
  planner: MemoryPlanner,
  spec: ParameterSpec,
  dtype: TensorType,
  tied: boolean,
): Slot[] {
  const tensor = { shape: spec.shape, dtype };
  if (spec.name === "vocabularyProjection") {
    return [planner.addPaddedCopy(tensor) ?? planner.addPlain(tensor)];
  }
  if (spec.kind === "matrix" || spec.kind === "residualMatrix") return [planner.addMatrix(tensor)];
  const plain = planner.addPlain(tensor);
  // Looking rows up needs plain memory; the projection onto the vocabulary is a product with the same matrix.
  const projection = tied && spec.name === "tokenEmbedding"
    ? planner.addPaddedCopy(tensor)
    : undefined;
  return projection === undefined ? [plain] : [plain, projection];
}

function byteLength(shape: readonly number[], dtype: TensorType): number {
  const width = shape[shape.length - 1];
  return rowBytes(dtype, width) * (numElements(shape) / width);
}
