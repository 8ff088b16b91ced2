/**
 * The weights of a model in native memory.
 *
 * @module
 */
import { doInTurns } from "../base/event_loop.ts";
import type { Buffer } from "../tensor/buffer.ts";
import type { MappedFile } from "../ffi/mapped_file.ts";
import { MemoryPlanner, type Slot, type SlotMemory } from "../tensor/memory_planner.ts";
import type { Backend } from "../tensor/backend.ts";
import { readTensor, writeTensor, writeTensorAsync } from "../tensor/data.ts";
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
import { Distribution } from "./distribution.ts";

/** Where one weight goes: one or two tensors, the second perhaps with rows of zeros added. */
interface Placement {
  readonly spec: ParameterSpec;
  readonly dtype: TensorType;
  readonly tensors: readonly WeightTensor[];
}

/** A tensor that holds a weight, and the kind of its memory. */
export interface WeightTensor {
  /** The tensor. */
  readonly tensor: Tensor;
  /** What memory it lies in. */
  readonly memory: SlotMemory;
}

/** Options of {@linkcode Weights}. */
export interface WeightsOptions extends ParameterOptions {
  /** A mapped file in which weights may stay. The weights own it. */
  file?: MappedFile;
  /** Where in the file a weight is as it is to be in memory; nothing if it is not. */
  offsetOf?: (spec: ParameterSpec) => number | undefined;
  /**
   * Whether all weights keep the order of their elements, row by row, as gradients need them, which is slower to multiply with.
   * Default: false.
   */
  plain?: boolean;
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
  /** Which place has which part of the model. */
  readonly distribution: Distribution;
  readonly #placements: Map<string, Placement>;
  readonly #buffers: Buffer[];
  readonly #backend: Backend;
  readonly #file: MappedFile | undefined;

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
    options: WeightsOptions = {},
  ) {
    const { tied = true, file, offsetOf, plain = false } = options;
    this.tied = tied;
    this.#backend = backend;
    this.#file = file;
    this.distribution = new Distribution(backend, config);
    const planner = new MemoryPlanner(backend, { file, plain });
    const placements = parameterSpecs(config, { tied }).map((spec) => {
      const dtype = dtypeOf(spec);
      const offset = offsetOf?.(spec);
      return {
        spec,
        dtype,
        slots: planSlots(planner, this.distribution, spec, dtype, tied, offset),
      };
    });
    this.#buffers = planner.allocate();
    this.#placements = new Map(placements.map(({ spec, dtype, slots }) => [
      spec.name,
      {
        spec,
        dtype,
        tensors: slots.map(({ tensor, memory }) => ({ tensor: tensor(), memory })),
      },
    ]));
    this.parameters = arrangeParameters(
      config,
      (name) => this.#placements.get(name)!.tensors[0].tensor,
      tied
        ? this.#placements.get("tokenEmbedding")!.tensors[1]?.tensor
        : this.#placements.get("vocabularyProjection")!.tensors[0].tensor,
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

  /** The type in which most of the weights are stored. */
  get mainType(): TensorType {
    const numOf = new Map<TensorType, number>();
    for (const { shape, dtype } of this.specs) {
      numOf.set(dtype, (numOf.get(dtype) ?? 0) + numElements(shape));
    }
    return [...numOf].reduce((most, each) => each[1] > most[1] ? each : most)[0];
  }

  /** In what memory the tensors of a weight lie. */
  memoriesOf(name: string): readonly SlotMemory[] {
    return this.#placement(name).tensors.map(({ memory }) => memory);
  }

  /** The tensors of a weight that do not have their values from the mapped file. */
  tensorsToFill(name: string): readonly WeightTensor[] {
    return this.#placements.get(name)!.tensors.filter(({ memory }) => memory !== "mapped");
  }

  /**
   * Sets one weight, so far as it does not lie in a mapped file.
   *
   * @param name see `parameterSpecs()`
   * @param data the rows, outermost axis first, in the stored type
   * @throws {TypeError} if the name is unknown or the number of bytes does not fit
   */
  write(name: string, data: Uint8Array<ArrayBuffer>): void {
    for (const { tensor } of this.#tensorsFor(name, data)) {
      if (tensor.byteLength === data.byteLength) writeTensor(tensor, data);
      else writeTensor(tensor, padded(data, tensor.byteLength));
    }
  }

  /**
   * Does what {@linkcode write} does, on another thread. Neither may `data` be changed nor the weights be disposed of
   * before it has ended.
   *
   * @throws {TypeError} if the name is unknown or the number of bytes does not fit
   */
  async writeAsync(name: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
    // Another thread is not worth it.
    if (data.length <= STEP_BYTES) return this.write(name, data);
    for (const { tensor } of this.#tensorsFor(name, data)) {
      if (tensor.byteLength === data.byteLength) await writeTensorAsync(tensor, data);
      else await writeTensorAsync(tensor, await paddedInTurns(data, tensor.byteLength));
    }
  }

  /** The tensors that take a weight of so many bytes. */
  #tensorsFor(name: string, data: Uint8Array): readonly WeightTensor[] {
    const placement = this.#placements.get(name);
    const expected = placement && byteLength(placement.spec.shape, placement.dtype);
    if (placement === undefined || data.byteLength !== expected) {
      throw new TypeError(
        `Cannot set the weight "${name}": expected ${expected ?? "no such weight"} bytes: ` +
          `received ${data.byteLength}`,
      );
    }
    return this.tensorsToFill(name);
  }

  /**
   * The bytes of one weight, as they were written; `undefined` if its memory holds them in another order.
   *
   * @throws {TypeError} if the name is unknown
   */
  read(name: string): Uint8Array<ArrayBuffer> | undefined {
    const { spec, dtype } = this.#placement(name);
    const data = new Uint8Array(byteLength(spec.shape, dtype));
    return this.readPart(name, 0, data) ? data : undefined;
  }

  /**
   * Fills `target` with the bytes of one weight from `byteOffset` on.
   *
   * @returns false if its memory holds them in another order
   * @throws {TypeError} if the name is unknown
   * @throws {RangeError} if it has fewer bytes
   */
  readPart(name: string, byteOffset: number, target: Uint8Array<ArrayBuffer>): boolean {
    const [{ tensor, memory }] = this.#placement(name).tensors;
    if (memory === "packed" || memory === "repacked") return false;
    readTensor(tensor, target, byteOffset);
    return true;
  }

  #placement(name: string): Placement {
    const placement = this.#placements.get(name);
    if (placement !== undefined) return placement;
    throw new TypeError(`Cannot read the weight "${name}": there is no such weight.`);
  }

  /** Frees the memory. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer[Symbol.dispose]();
    this.#backend.whenIdle(() => this.#file?.[Symbol.dispose]());
  }
}

/** Bytes that are copied in one step: a millisecond's work. */
const STEP_BYTES = 2 ** 22;

/** `data` and then zeros. Repacking reorders whole tensors, so the rows of zeros have to come with the others. */
function padded(data: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(length);
  for (const _ of copying(data, result));
  return result;
}

/** Does what {@linkcode padded} does, and leaves the event loop free meanwhile. */
async function paddedInTurns(
  data: Uint8Array<ArrayBuffer>,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const result = new Uint8Array(length);
  await doInTurns(copying(data, result));
  return result;
}

function* copying(data: Uint8Array, target: Uint8Array): Generator<void> {
  for (let start = 0; start < data.length; start += STEP_BYTES) {
    target.set(data.subarray(start, start + STEP_BYTES), start);
    yield;
  }
}

/** Where a weight goes. */
function planSlots(
  planner: MemoryPlanner,
  distribution: Distribution,
  spec: ParameterSpec,
  dtype: TensorType,
  tied: boolean,
  offset: number | undefined,
): Slot[] {
  const tensor = { shape: spec.shape, dtype };
  const place = distribution.placeOf(spec);
  // The system may map two megabytes of a file for a vector of a few kilobytes, which is read again and again.
  const placed = spec.shape.length === 1 ? undefined : offset;
  const plain = () =>
    place.isHost ? planner.addPlain(tensor, placed) : planner.addOnDevice(tensor, place);
  if (spec.part === "vocabularyProjection") return [planner.addCopy(tensor, place) ?? plain()];
  if (spec.kind === "matrix" || spec.kind === "residualMatrix") {
    return [place.isHost ? planner.addMatrix(tensor, offset) : plain()];
  }
  // Looking rows up needs plain memory; the projection onto the vocabulary is a product with the same matrix.
  const projection = tied && spec.part === "tokenEmbedding"
    ? planner.addCopy(tensor, distribution.projection)
    : undefined;
  return projection === undefined ? [plain()] : [plain(), projection];
}

/** The bytes that a weight of this shape and type takes. */
export function byteLength(shape: readonly number[], dtype: TensorType): number {
  const width = shape[shape.length - 1];
  return rowBytes(dtype, width) * (numElements(shape) / width);
}
