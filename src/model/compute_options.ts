/**
 * Where and with what a model is computed, as a caller says it.
 *
 * @module
 */
import { integer, oneOf, type OptionRules, text } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import type { DeviceName } from "../native_library/device_name.ts";
import { MAX_THREADS } from "../tensor/backend.ts";
import type { GPT2Config } from "./config.ts";

/** Options that all ways to get a model have in common. */
export interface ComputeOptions {
  /**
   * Number of threads of the processor. Default: as many as are of use, which is one for each processor for GPT-2 small and
   * larger models (16 at most), and fewer for a smaller one.
   */
  threads?: number;
  /**
   * Where weights, keys and values are, and where the model is computed: `"cpu"`, `"cuda"`, `"metal"`, `"vulkan"`, one of
   * several as in `"cuda:1"`, or `"auto"`, the first GPU that it fits into, or else the CPU. Default: `"auto"`.
   */
  device?: DeviceName;
  /**
   * The type in which keys and values of what was read are remembered. `"q8_0"` takes half the memory of `"f16"`, and is
   * faster where much is remembered; what that costs is in docs/quantization.md. Default: `"f32"` for weights in F32, `"f16"`
   * otherwise.
   */
  cacheType?: CacheType;
}

/** A type in which keys and values can be remembered. */
export type CacheType = "f32" | "f16" | "q8_0";

/** All of them. */
export const cacheTypes: readonly CacheType[] = ["f32", "f16", "q8_0"];

/**
 * Requires that keys and values can be of a type.
 *
 * @throws {RangeError} if the heads are not a whole number of its blocks
 */
export function checkCacheType({ headDim }: GPT2Config, cacheType: CacheType | undefined): void {
  const { blockSize } = tensorTypeInfo(cacheType ?? "f32");
  if (headDim % blockSize === 0) return;
  throw new InvalidArgumentError(
    `Cannot remember keys and values as ${cacheType}: heads must be a multiple of ${blockSize} ` +
      `wide: received ${headDim}. Use f16.`,
  );
}

/** What these options must be. */
export const computeRules: OptionRules<ComputeOptions> = {
  threads: integer(1, MAX_THREADS),
  device: text,
  cacheType: oneOf(...cacheTypes),
};
