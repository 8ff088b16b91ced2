/**
 * The kinds of memory that a processor has beside the plain one.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { cString } from "../ffi/memory.ts";
import { type Backend, executorOf } from "./backend.ts";
import type { BufferType } from "./place.ts";

/**
 * Kinds of memory in which weights are kept in the order that this processor multiplies fastest (tiles for AMX, interleaved
 * rows), best first.
 */
export function repackedBufferTypes(backend: Backend): BufferType[] {
  const ggml = library();
  const device = ggml.ggml_backend_get_device(executorOf(backend).pointer);
  const registry = ggml.ggml_backend_dev_backend_reg(device);
  const address = ggml.ggml_backend_reg_get_proc_address(
    registry,
    cString("ggml_backend_dev_get_extra_bufts"),
  );
  if (address === null) return [];
  const getExtraBufferTypes = new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<Deno.ForeignFunction<["pointer"], "pointer">>,
    { parameters: ["pointer"], result: "pointer" } as const,
  );
  const list = new Deno.UnsafePointerView(getExtraBufferTypes.call(device)!);
  const types: BufferType[] = [];
  for (
    let entry = list.getPointer(0);
    entry !== null;
    entry = list.getPointer(8 * types.length)
  ) {
    types.push(entry);
  }
  return types;
}
