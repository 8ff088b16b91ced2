/**
 * The devices beside the processor that the native library can compute on.
 *
 * @module
 */
import { NativeLibraryError } from "../base/errors.ts";
import { library } from "../ffi/library.ts";
import { driverNames, type GpuKind, gpuKinds } from "../native_library/device_name.ts";
import { openLibrarySync } from "../native_library/native_library.ts";
import { cString, type Pointer, readCString } from "../ffi/memory.ts";
import { checkKey, KEY, type Key } from "./illegal_constructor.ts";

/** What ggml calls a device. For this package: to its users a device has no address. */
export let nativeDevice: (device: Device) => Pointer;

let createDevice: (kind: GpuKind, index: number, pointer: Pointer) => Device;

/** A device that ggml has found. */
export class Device {
  /** What drives it. */
  readonly kind: GpuKind;
  /** Its number among those of its kind, from 0. */
  readonly index: number;
  /** What its maker calls it. */
  readonly description: string;
  readonly #pointer: Pointer;

  private constructor(key: Key, kind: GpuKind, index: number, pointer: Pointer) {
    checkKey(key, "Device");
    this.kind = kind;
    this.index = index;
    this.description = readCString(library().ggml_backend_dev_description(pointer));
    this.#pointer = pointer;
  }

  static {
    nativeDevice = (device) => device.#pointer;
    createDevice = (kind, index, pointer) => new Device(KEY, kind, index, pointer);
  }
}

/** The bytes of memory that a device has. */
export interface DeviceMemory {
  /** Not in use by anyone. */
  readonly freeBytes: number;
  /** All. */
  readonly totalBytes: number;
}

/** `GGML_BACKEND_DEVICE_TYPE_*`: dedicated and integrated GPUs. */
const GPU_TYPES = [1, 2];

/** A GPU that is computed by the processor: slower than the processor on its own, so only for those who name it. */
const SOFTWARE = /llvmpipe|swiftshader|lavapipe/i;

/** All GPUs, in ggml's order. */
export function findDevices(): Device[] {
  const ggml = openLibrarySync();
  const found: Device[] = [];
  const count = ggml.ggml_backend_dev_count();
  for (let i = 0n; i < count; i++) {
    const pointer = ggml.ggml_backend_dev_get(i)!;
    if (!GPU_TYPES.includes(ggml.ggml_backend_dev_type(pointer))) continue;
    const registry = ggml.ggml_backend_dev_backend_reg(pointer);
    const driver = readCString(ggml.ggml_backend_reg_name(registry));
    const kind = gpuKinds.find((kind) => driverNames[kind] === driver);
    if (kind === undefined) continue;
    const index = found.filter((device) => device.kind === kind).length;
    found.push(createDevice(kind, index, pointer));
  }
  return found;
}

/** How much memory a device has, and how much of it is free now. */
export function memoryOf(device: Device): DeviceMemory {
  return memoryAt(nativeDevice(device));
}

/** How much memory one of ggml's devices has. */
export function memoryAt(pointer: Pointer): DeviceMemory {
  const free = new BigUint64Array(1);
  const total = new BigUint64Array(1);
  library().ggml_backend_dev_memory(pointer, free, total);
  return { freeBytes: Number(free[0]), totalBytes: Number(total[0]) };
}

/**
 * The GPU of that name.
 *
 * @throws {NativeLibraryError} if there is none; the message says what there is, and what to do
 */
export function findDevice(kind: GpuKind, index: number): Device {
  const devices = findDevices();
  const device = devices.find((device) => device.kind === kind && device.index === index);
  if (device !== undefined) return device;
  const isBuilt = library().ggml_backend_reg_by_name(cString(driverNames[kind])) !== null;
  const isElsewhere = kind === "metal" && Deno.build.os !== "darwin";
  const others = devices.map((device) => `${nameOf(device)} (${device.description})`);
  const problem = isElsewhere
    ? "only macOS has metal"
    : !isBuilt
    ? `the native library was built without ${kind}`
    : devices.some((device) => device.kind === kind)
    ? `there is no ${kind} device of that number`
    : `no ${kind} device was found: its driver may be missing`;
  throw new NativeLibraryError(
    `Cannot use the device: ${problem}: received ${
      index === 0 ? kind : `${kind}:${index}`
    }. There is ${["cpu", ...others].join(", ")}. ` +
      (isBuilt || isElsewhere
        ? "Choose one of these, or auto."
        : "In a program, await prepareLibrary({ device }) before anything else, which fetches what computes on it where " +
          `there is that. To build for it, in a clone of the repository: deno task build --backend ${kind}`),
  );
}

/**
 * The first GPU with at least this much free memory; undefined if there is none. GPUs that are only emulated do not count.
 */
export function findFittingDevice(bytes: number): Device | undefined {
  return findDevices().find((device) =>
    !SOFTWARE.test(device.description) && memoryOf(device).freeBytes >= bytes
  );
}

/** `vulkan:0`. */
export function nameOf({ kind, index }: Device): string {
  return `${kind}:${index}`;
}
