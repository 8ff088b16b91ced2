/**
 * The kinds of memory that a processor has beside the plain one.
 *
 * @module
 */
import { extraBufferTypes } from "../ffi/extra_buffer_types.ts";
import { library } from "../ffi/library.ts";
import { type Backend, executorOf } from "./backend.ts";
import type { BufferType } from "./place.ts";

/**
 * Kinds of memory in which weights are kept in the order that this processor multiplies fastest (tiles for AMX, interleaved
 * rows), best first.
 */
export function repackedBufferTypes(backend: Backend): BufferType[] {
  const device = library().ggml_backend_get_device(executorOf(backend).pointer);
  return extraBufferTypes(device);
}
