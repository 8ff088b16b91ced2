/**
 * An adapter as users see it.
 *
 * @module
 */
import type { AdapterTarget, AdapterWeights } from "./adapter_weights.ts";

/**
 * Matrices of low rank that are added to weights of a model, in the calls that ask for it: see docs/adapters.md. `using` (or
 * `[Symbol.dispose]()`) frees their memory, which also happens when the model is disposed of.
 */
export interface Adapter extends Disposable {
  /** Which weights of a block it changes. */
  readonly targets: readonly AdapterTarget[];
  /** The bytes of memory that it takes. */
  readonly byteLength: number;

  /**
   * Its weights, copied.
   *
   * @throws {TypeError} if it has been disposed of
   */
  read(): AdapterWeights;
}

/** An adapter, and how much of it. */
export interface ScaledAdapter {
  /** One that the model has loaded. */
  readonly adapter: Adapter;
  /** What it adds is multiplied by this. Default: 1. */
  readonly scale?: number;
}

/** Options of all calls in which a model reads tokens. */
export interface AdapterOptions {
  /** What is added to the model's weights, each alone or with a scale. Default: nothing. */
  adapters?: readonly (Adapter | ScaledAdapter)[];
}
