/**
 * The names of what can compute.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";

/** A kind of GPU, by the interface that ggml drives it with. */
export type GpuKind = "cuda" | "metal" | "vulkan";

/** See {@linkcode GpuKind}. */
export const gpuKinds: readonly GpuKind[] = ["cuda", "metal", "vulkan"];

/** What ggml calls that which drives a kind. */
export const driverNames: Readonly<Record<GpuKind, string>> = {
  cuda: "CUDA",
  metal: "MTL",
  vulkan: "Vulkan",
};

/**
 * Where a model is computed: `"auto"` is the first GPU whose memory it fits into, or else the CPU; a number tells GPUs of
 * one kind apart: `"cuda:1"` is the second.
 */
export type DeviceName = "auto" | "cpu" | GpuKind | `${GpuKind}:${number}`;

/**
 * The kind and number in the name of a device.
 *
 * @throws {RangeError} if it is no such name
 */
export function parseDeviceName(name: string): { kind: "auto" | "cpu" | GpuKind; index: number } {
  if (name === "auto" || name === "cpu") return { kind: name, index: 0 };
  const [, kindText, indexText = "0"] = /^([a-z]+)(?::(\d{1,3}))?$/.exec(name) ?? [];
  const kind = gpuKinds.find((kind) => kind === kindText);
  if (kind === undefined) {
    throw new InvalidArgumentError(
      `Cannot use the device: it must be auto, cpu, or one of ${gpuKinds.join(", ")}, ` +
        `with a number if there are several (cuda:1): received ${JSON.stringify(name)}`,
    );
  }
  return { kind, index: Number(indexText) };
}
