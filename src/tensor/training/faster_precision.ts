/**
 * Which precision is the faster one here.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import { listInstructionSets } from "../list_devices.ts";
import type { Precision } from "../recorder.ts";
import { hasTrainingKernels } from "./has_training_kernels.ts";

/**
 * `"bf16"` where kernels for training multiply BF16 in one instruction (`native/training/panels.h`); elsewhere `"f32"`, since
 * there BF16 is multiplied as F32, or not at all.
 *
 * @param instructionSets those that the native library is made for
 */
export function fasterPrecision(
  backend: Backend,
  instructionSets: readonly string[] = listInstructionSets(),
): Precision {
  const multiplies = hasTrainingKernels(backend) && instructionSets.includes("AVX512_BF16");
  return multiplies ? "bf16" : "f32";
}
