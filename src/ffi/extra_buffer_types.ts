/**
 * The kinds of memory that the CPU backend has beside the plain one.
 *
 * @module
 */
import { type Library, library } from "./library.ts";
import { cString, type Pointer } from "./memory.ts";

// ggml_backend_buffer_type_t * ggml_backend_dev_get_extra_bufts(ggml_backend_dev_t device)
const GET_EXTRA_BUFFER_TYPES = { parameters: ["pointer"], result: "pointer" } as const;

/** Kinds of memory in which a device keeps weights rearranged for its fastest kernels, best first. */
export function extraBufferTypes(
  device: Deno.PointerValue,
  { ggml_backend_dev_backend_reg, ggml_backend_reg_get_proc_address }: Pick<
    Library,
    "ggml_backend_dev_backend_reg" | "ggml_backend_reg_get_proc_address"
  > = library(),
): Pointer[] {
  const address = ggml_backend_reg_get_proc_address(
    ggml_backend_dev_backend_reg(device),
    cString("ggml_backend_dev_get_extra_bufts"),
  );
  if (address === null) return [];
  const getExtraBufferTypes = new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<typeof GET_EXTRA_BUFFER_TYPES>,
    GET_EXTRA_BUFFER_TYPES,
  );
  const found = getExtraBufferTypes.call(device);
  if (found === null) return [];
  const list = new Deno.UnsafePointerView(found);
  const types: Pointer[] = [];
  for (
    let entry = list.getPointer(0);
    entry !== null;
    entry = list.getPointer(8 * types.length)
  ) {
    types.push(entry);
  }
  return types;
}
