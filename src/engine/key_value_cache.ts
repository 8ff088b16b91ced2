/**
 * What attention remembers between passes.
 *
 * @module
 */
import { rearrange } from "../einops/einops.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import type { Model } from "../model/model.ts";
import { Buffer } from "../tensor/buffer.ts";
import { readTensor, writeTensor } from "../tensor/data.ts";
import { Graph } from "../tensor/graph.ts";
import { copyInto, setRows } from "../tensor/ops.ts";
import type { Place } from "../tensor/place.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { borrow, slice } from "../tensor/views.ts";

/** Texts are given room for so many positions at a time, and masks look at as many: one graph serves all lengths within. */
export const CACHE_STEP = 64;

/** A part of a slot. */
export interface CachedRows {
  /** Which slot. */
  readonly slot: number;
  /** How many of its rows, the first ones. */
  readonly numRows: number;
}

/** What is remembered of one text in one layer, (heads positions head_dim) each, as bytes of the cache's type. */
export interface CachedLayer {
  /** The keys. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The values. */
  readonly value: Uint8Array<ArrayBuffer>;
}

/**
 * Keys and values of all positions so far: each text that is remembered has a slot, and in it a row for each position.
 *
 * The heads are the outer axis, and a head reads its keys one after another from memory. In between are the slots, so that
 * one operation writes the new rows of any of them.
 */
export class KeyValueCache implements Disposable {
  /** How many texts have room. */
  readonly numSlots: number;
  /** Whether rows that nobody has written are zeros, and not whatever was in memory. */
  readonly isCleared: boolean;
  /** How many positions of each text have: a multiple of {@linkcode CACHE_STEP}. */
  readonly numRows: number;
  /** (heads slots rows head_dim) for each layer. */
  readonly #layers: readonly { readonly key: Tensor; readonly value: Tensor }[];
  readonly #buffers: readonly Buffer[];
  readonly #model: Model;

  /**
   * @param model whose keys and values are kept
   * @param numSlots for so many texts
   * @param capacity for so many positions of each, at least
   * @param isCleared whether rows that nobody has written are zeros: attention by masks multiplies those that it must not see
   * by zero, so they have to be numbers
   * @throws {NativeError} if there is not enough memory
   */
  constructor(model: Model, numSlots: number, capacity: number, isCleared: boolean) {
    const { numHeads, headDim } = model.config;
    this.#model = model;
    this.numSlots = numSlots;
    this.isCleared = isCleared;
    this.numRows = rowsFor(capacity);
    const spec = { shape: [numHeads, numSlots, this.numRows, headDim], dtype: model.cacheType };
    const { blocks } = model.weights.distribution;
    const layers: { key: Tensor; value: Tensor }[] = [];
    using buffers = new DisposableStack();
    this.#buffers = Array.from(new Set(blocks), (place: Place) => {
      const numHere = blocks.filter((other) => other === place).length;
      const specs = new Array(2 * numHere).fill(spec);
      // A text has a part of each head's memory: with large pages, the first row of one would take hundreds of them.
      const buffer = buffers.use(new Buffer(model.backend, specs, place, { isSparse: true }));
      if (isCleared) buffer.fill(0);
      const { tensors } = buffer;
      // The blocks of a place follow one another.
      for (let i = 0; i < numHere; i++) {
        layers.push({ key: tensors[2 * i], value: tensors[2 * i + 1] });
      }
      return buffer;
    });
    buffers.move();
    this.#layers = layers;
  }

  /**
   * Writes the keys and values of new positions, when the graph is computed.
   *
   * @param layer index of the block
   * @param key (batch heads seq head_dim)
   * @param value (batch heads seq head_dim)
   * @param rows (1, 1, batch * seq), i32: where each goes, as a row of (slots rows)
   * @returns the whole cache of the layer after that, both as (slots heads rows head_dim)
   */
  append(layer: number, key: Tensor, value: Tensor, rows: Tensor): [key: Tensor, value: Tensor] {
    const cache = this.#layers[layer];
    const written = (memory: Tensor, added: Tensor) =>
      rearrange(
        setRows(
          rearrange(
            borrow(memory, added),
            "heads slots rows head_dim -> 1 heads (slots rows) head_dim",
          ),
          rearrange(added, "batch heads seq head_dim -> 1 heads (batch seq) head_dim"),
          rows,
        ),
        "1 heads (slots rows) head_dim -> slots heads rows head_dim",
        { slots: this.numSlots },
      );
    return [written(cache.key, key), written(cache.value, value)];
  }

  /**
   * Copies what is remembered of one text to another slot.
   *
   * @param from what is copied
   * @param slot where to
   * @param target may be another cache
   */
  async copy(from: CachedRows, slot: number, target: KeyValueCache = this): Promise<void> {
    if (from.numRows === 0) return;
    using graph = new Graph(this.#model.backend);
    const part = (x: Tensor, slot: number) =>
      slice(slice(x, 1, slot, slot + 1), 2, 0, from.numRows);
    for (const [layer, cache] of this.#layers.entries()) {
      for (const name of ["key", "value"] as const) {
        const source = part(graph.borrow(cache[name]), from.slot);
        const place = part(graph.borrow(target.#layers[layer][name]), slot);
        graph.expand(copyInto(place, source));
      }
    }
    graph.allocate();
    await graph.computeAsync();
  }

  /** Reads what is remembered of one text. */
  read({ slot, numRows }: CachedRows): CachedLayer[] {
    return this.#layers.map((layer) => {
      const bytesOf = (x: Tensor) => {
        const bytes = new Uint8Array(this.#bytesPerRow * numRows * this.#model.config.numHeads);
        this.#eachHead(bytes, slot, numRows, (part, offset) => readTensor(x, part, offset));
        return bytes;
      };
      return { key: bytesOf(layer.key), value: bytesOf(layer.value) };
    });
  }

  /**
   * Puts what was read of another text, of this model's cache or one like it, into a slot.
   *
   * @throws {TypeError} if these are not as many layers, or not as many bytes
   */
  write({ slot, numRows }: CachedRows, layers: readonly CachedLayer[]): void {
    const numBytes = this.#bytesPerRow * numRows * this.#model.config.numHeads;
    const fits = layers.length === this.#layers.length &&
      layers.every(({ key, value }) => key.length === numBytes && value.length === numBytes);
    if (!fits) {
      throw new TypeError(
        "Cannot recall a text: it was remembered by another model. Recall it with that one.",
      );
    }
    for (const [i, layer] of layers.entries()) {
      for (const name of ["key", "value"] as const) {
        this.#eachHead(layer[name], slot, numRows, (part, offset) => {
          writeTensor(this.#layers[i][name], part, offset);
        });
      }
    }
  }

  get #bytesPerRow(): number {
    const { config, cacheType } = this.#model;
    return rowBytes(cacheType, config.headDim);
  }

  /** Calls `action` for the rows of each head: with their part of `bytes`, and where they lie in the cache. */
  #eachHead(
    bytes: Uint8Array<ArrayBuffer>,
    slot: number,
    numRows: number,
    action: (part: Uint8Array<ArrayBuffer>, byteOffset: number) => void,
  ): void {
    const { numHeads } = this.#model.config;
    const numBytes = this.#bytesPerRow * numRows;
    for (let head = 0; head < numHeads; head++) {
      const part = bytes.subarray(head * numBytes, (head + 1) * numBytes);
      action(part, (head * this.numSlots + slot) * this.numRows * this.#bytesPerRow);
    }
  }

  /** The bytes of memory that this takes. */
  get byteLength(): number {
    return cacheBytes(this.#model, this.numSlots, this.numRows);
  }

  /** Frees the memory, after the computation that is running. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer[Symbol.dispose]();
  }
}

/** The bytes that a cache takes. */
export function cacheBytes(
  model: Model,
  numSlots: number,
  capacity: number,
): number {
  return numSlots * rowsFor(capacity) * bytesOfPosition(model);
}

/** The bytes of the keys and values of one position of a text. */
export function bytesOfPosition({ config, cacheType }: Model): number {
  return 2 * config.numLayers * config.numHeads * rowBytes(cacheType, config.headDim);
}

function rowsFor(capacity: number): number {
  return Math.ceil(capacity / CACHE_STEP) * CACHE_STEP;
}
