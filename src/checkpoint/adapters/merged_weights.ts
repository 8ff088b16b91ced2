/**
 * The weights of a model with those of adapters added to them.
 *
 * @module
 */
import type { GPT2Config } from "../../model/config.ts";
import {
  type AdaptedWeight,
  type AdapterWeights,
  checkAdapterFits,
  updateScale,
} from "../../model/adapter_weights.ts";
import { rowBytes } from "../../formats/tensor_type.ts";
import { dequantize } from "../quantize.ts";
import { requireFinite } from "../row_converter.ts";
import { rowsOf, type StoredWeight, type WeightSource } from "../weight_source.ts";

/** An adapter, and how much of it. */
export interface AdapterToMerge {
  readonly adapter: AdapterWeights;
  /** What it adds is multiplied by this. */
  readonly scale: number;
}

/** What is added to a weight: `factor * up * down`. */
interface Addend extends Pick<AdaptedWeight, "rank" | "down" | "up"> {
  readonly factor: number;
}

/** Adds adapters to weights as they are read, a few rows at a time; what is changed is F32. */
export class MergedWeights implements WeightSource {
  readonly path?: string;
  readonly config: GPT2Config;
  readonly tied: boolean;
  readonly weights: ReadonlyMap<string, StoredWeight>;
  readonly #base: WeightSource;
  readonly #addends = new Map<string, Addend[]>();

  /**
   * @param base stays in use
   * @throws {InvalidArgumentError} if an adapter was made for a model of another size
   */
  constructor(base: WeightSource, adapters: readonly AdapterToMerge[]) {
    this.#base = base;
    this.path = base.path;
    this.config = base.config;
    this.tied = base.tied;
    for (const { adapter, scale } of adapters) {
      checkAdapterFits(adapter, base.config);
      for (const weight of adapter.weights) {
        const name = `${weight.name}.weight`;
        const factor = scale * updateScale(adapter, weight);
        this.#addends.set(name, [...this.#addends.get(name) ?? [], { ...weight, factor }]);
      }
    }
    this.weights = new Map(
      base.weights.entries().map(([name, weight]) => [
        name,
        this.#addends.has(name) ? { ...weight, dtype: "f32" } : weight,
      ]),
    );
  }

  async readRows(name: string, firstRow: number, target: Uint8Array<ArrayBuffer>): Promise<void> {
    const addends = this.#addends.get(name);
    if (addends === undefined) return await this.#base.readRows(name, firstRow, target);
    const { spec, dtype } = this.#base.weights.get(name)!;
    const { width } = rowsOf(spec);
    const values = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    const numRows = values.length / width;
    const stored = dtype === "f32" ? target : new Uint8Array(numRows * rowBytes(dtype, width));
    await this.#base.readRows(name, firstRow, stored);
    await requireFinite(this.#base, name, stored, firstRow);
    if (dtype !== "f32") await dequantize(stored, dtype, values);
    addRows(values, width, firstRow, addends);
  }
}

/** Adds to rows of a weight, each rounded once. */
function addRows(
  values: Float32Array,
  width: number,
  firstRow: number,
  addends: readonly Addend[],
): void {
  const sums = new Float64Array(width);
  for (let start = 0, row = firstRow; start < values.length; start += width, row++) {
    sums.fill(0);
    for (const { rank, down, up, factor } of addends) {
      for (let r = 0; r < rank; r++) {
        const coefficient = factor * up[row * rank + r];
        for (let i = 0, from = r * width; i < width; i++, from++) {
          sums[i] += coefficient * down[from];
        }
      }
    }
    for (let i = 0; i < width; i++) values[start + i] += sums[i];
  }
}
