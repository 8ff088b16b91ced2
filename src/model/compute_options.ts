/**
 * Where and with what a model is computed, as a caller says it.
 *
 * @module
 */
import { integer, type OptionRules, text } from "../base/check_options.ts";
import { MAX_THREADS } from "../tensor/backend.ts";
import type { DeviceName } from "../tensor/device.ts";

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
}

/** What these options must be. */
export const computeRules: OptionRules<ComputeOptions> = {
  threads: integer(1, MAX_THREADS),
  device: text,
};
