/**
 * What the native library can compute on.
 *
 * @module
 */
import { openLibrarySync } from "../native_library/native_library.ts";
import { cString, readCString } from "../ffi/memory.ts";
import { type DeviceMemory, memoryAt } from "./device.ts";

/** A device as ggml describes it. */
export interface DeviceDescription extends DeviceMemory {
  /** `CPU`, `CUDA0`, ... */
  readonly name: string;
  /** What its maker calls it. */
  readonly description: string;
}

/** All devices, the processor among them, in ggml's order. */
export function listDevices(): DeviceDescription[] {
  const ggml = openLibrarySync();
  const count = Number(ggml.ggml_backend_dev_count());
  return Array.from({ length: count }, (_, i) => {
    const device = ggml.ggml_backend_dev_get(BigInt(i))!;
    return {
      name: readCString(ggml.ggml_backend_dev_name(device)),
      description: readCString(ggml.ggml_backend_dev_description(device)),
      ...memoryAt(device),
    };
  });
}

/** The version of ggml: `0.25.1`. */
export function nativeVersion(): string {
  return readCString(openLibrarySync().ggml_version());
}

const CPU = 0;

/** The instruction sets that the CPU backend is made for, as ggml names them: `AVX2`, `FMA`, ... */
export function listInstructionSets(): string[] {
  const ggml = openLibrarySync();
  const registry = ggml.ggml_backend_dev_backend_reg(ggml.ggml_backend_dev_by_type(CPU));
  const name = cString("ggml_backend_get_features");
  const address = ggml.ggml_backend_reg_get_proc_address(registry, name);
  if (address === null) return [];
  // struct ggml_backend_feature { const char * name; const char * value; } * ggml_backend_get_features(ggml_backend_reg_t)
  const definition = { parameters: ["pointer"], result: "pointer" } as const;
  const getFeatures = new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<typeof definition>,
    definition,
  );
  const list = new Deno.UnsafePointerView(getFeatures.call(registry)!);
  const names: string[] = [];
  for (let offset = 0; list.getPointer(offset) !== null; offset += 16) {
    const value = readCString(list.getPointer(offset + 8));
    if (value !== "0") names.push(readCString(list.getPointer(offset)));
  }
  return names;
}
