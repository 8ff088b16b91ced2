/**
 * An adapter in native memory.
 *
 * @module
 */
import { DisposedError } from "../base/errors.ts";
import { Buffer } from "../tensor/buffer.ts";
import { readTensor, writeTensor } from "../tensor/data.ts";
import type { Place } from "../tensor/place.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Adapter } from "./adapter.ts";
import {
  type AdaptedWeight,
  type AdapterTarget,
  type AdapterWeights,
  checkAdapterFits,
  checkAdapterWeights,
  updateScale,
} from "./adapter_weights.ts";
import type { Model } from "./model.ts";

/** What is in memory of what is added to a weight. */
interface AdaptedTensors extends Omit<AdaptedWeight, "down" | "up"> {
  readonly down: Tensor;
  readonly up: Tensor;
  /** See `updateScale()`. */
  readonly scale: number;
}

let numAdapters = 0;

/** An adapter in native memory, in F32. It goes when its model goes. */
export class ModelAdapter implements Adapter {
  /** Different for each adapter of a program. */
  readonly id: number = ++numAdapters;
  /** The model that it was loaded for. */
  readonly model: Model;
  readonly #isRankStabilized: boolean;
  readonly #weights: readonly AdaptedTensors[];
  readonly #buffers: readonly Buffer[];
  #disposed = false;

  /**
   * @param model for which it is
   * @param adapter its weights, which are copied
   * @throws {TypeError} if it is no adapter
   * @throws {RangeError} if it was made for a model of another size
   * @throws {NativeError} if there is not enough memory
   */
  constructor(model: Model, adapter: AdapterWeights) {
    model.checkUsable();
    checkAdapterWeights("load the adapter", adapter);
    checkAdapterFits(adapter, model.config);
    this.model = model;
    this.#isRankStabilized = adapter.isRankStabilized;
    const { blocks } = model.weights.distribution;
    const tensorsOf = new Map<AdaptedWeight, readonly Tensor[]>();
    using buffers = new DisposableStack();
    const byPlace = Map.groupBy(adapter.weights, ({ layer }): Place => blocks[layer]);
    this.#buffers = Array.from(byPlace, ([place, weights]) => {
      const specs = weights.flatMap(({ rank, down, up }) => [
        { shape: [rank, down.length / rank], dtype: "f32" as const },
        { shape: [up.length / rank, rank], dtype: "f32" as const },
      ]);
      const buffer = buffers.use(new Buffer(model.backend, specs, place));
      for (const [i, weight] of weights.entries()) {
        const tensors = buffer.tensors.slice(2 * i, 2 * i + 2);
        writeTensor(tensors[0], weight.down);
        writeTensor(tensors[1], weight.up);
        tensorsOf.set(weight, tensors);
      }
      return buffer;
    });
    this.#weights = adapter.weights.map((weight) => {
      const [down, up] = tensorsOf.get(weight)!;
      return { ...weight, down, up, scale: updateScale(adapter, weight) };
    });
    buffers.move();
    model.dependents.add(this);
  }

  /** Names, ranks and tensors of what is added to each weight. */
  get weights(): readonly AdaptedTensors[] {
    return this.#weights;
  }

  /** Which weights of a block it changes. */
  get targets(): AdapterTarget[] {
    return [...new Set(this.#weights.map(({ target }) => target))];
  }

  /** The bytes of memory that it takes. */
  get byteLength(): number {
    return this.#weights.reduce((sum, { down, up }) => sum + down.byteLength + up.byteLength, 0);
  }

  /** The weights as they are in memory. */
  read(): AdapterWeights {
    this.checkUsable();
    const weights = this.#weights.map(({ scale: _, ...weight }) => ({
      ...weight,
      down: valuesOf(weight.down),
      up: valuesOf(weight.up),
    }));
    return { isRankStabilized: this.#isRankStabilized, weights };
  }

  /** @throws {TypeError} if it has been disposed of */
  checkUsable(): void {
    if (this.#disposed) throw new DisposedError("use the adapter");
    this.model.checkUsable();
  }

  /** Frees the memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.model.dependents.delete(this);
    for (const buffer of this.#buffers) buffer[Symbol.dispose]();
  }
}

function valuesOf(x: Tensor): Float32Array<ArrayBuffer> {
  const [rows, columns] = x.shape;
  const values = new Float32Array(rows * columns);
  readTensor(x, values);
  return values;
}
