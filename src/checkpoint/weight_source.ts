/**
 * Where weights come from: a checkpoint on disk, or a model in memory.
 *
 * @module
 */
import type { GPT2Config } from "../model/config.ts";
import type { ParameterSpec } from "../model/parameters.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import type { WeightType } from "./quantize.ts";

/** A weight as its source holds it. */
export interface StoredWeight {
  /** Its name, shape and kind. */
  readonly spec: ParameterSpec;
  /** Its name in the source, for messages. */
  readonly storedName: string;
  /** The type of its elements in the source. */
  readonly dtype: WeightType;
  /** Whether the source holds it as (in out). */
  readonly isTransposed: boolean;
}

/** All weights of a model, readable row by row. */
export interface WeightSource {
  /** The file or folder, for messages. */
  readonly path?: string;
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** Whether the vocabulary projection is the token embedding. */
  readonly tied: boolean;
  /** The weights by name, see `parameterSpecs()`. */
  readonly weights: ReadonlyMap<string, StoredWeight>;
  /**
   * Fills `target` with rows of a weight in its stored type. A matrix is (out in), a vector is one row.
   *
   * @param name see `parameterSpecs()`
   * @param firstRow where to begin
   * @param target takes as many whole rows as fit into it
   */
  readRows(name: string, firstRow: number, target: Uint8Array<ArrayBuffer>): void | Promise<void>;
}

/** The rows of a weight, and how many elements each has. A vector is one row. */
export function rowsOf({ shape }: ParameterSpec): { numRows: number; width: number } {
  return { numRows: shape.length === 1 ? 1 : shape[0], width: shape[shape.length - 1] };
}

/** The bytes of a whole weight in type `dtype`. */
export function byteLengthOf(spec: ParameterSpec, dtype: WeightType): number {
  const { numRows, width } = rowsOf(spec);
  return numRows * rowBytes(dtype, width);
}
