/**
 * ggml's contexts: where records of tensors and graphs lie.
 *
 * @module
 */
import { OutOfMemoryError } from "../base/errors.ts";
import { type Library, library } from "./library.ts";
import type { Pointer } from "./memory.ts";
import { ggmlInitParams } from "./structs.ts";

/**
 * A context without room for data, only for records. `ggml_free()` frees it.
 *
 * @throws {NativeError} if the memory cannot be had
 */
export function createContext(
  bytes: bigint,
  { ggml_init }: Pick<Library, "ggml_init"> = library(),
): Pointer {
  const { byteLength, offsets } = ggmlInitParams;
  const parameters = new Uint8Array(byteLength);
  const view = new DataView(parameters.buffer);
  view.setBigUint64(offsets.mem_size, bytes, true);
  view.setUint8(offsets.no_alloc, 1);
  const context = ggml_init(parameters);
  if (context === null) {
    throw new OutOfMemoryError(
      `Cannot create a ggml context: out of memory: received ${bytes} bytes.`,
    );
  }
  return context;
}
