/**
 * Where attention is carried out in one kernel.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { type TensorType, tensorTypeInfo } from "../formats/tensor_type.ts";
import type { Backend } from "./backend.ts";
import { Graph } from "./graph.ts";
import { flashAttention } from "./flash_attention.ts";
import { nativePlace } from "./place.ts";
import { recordOf } from "./tensor.ts";

/** As many remembered positions as the smallest cache has: kernels may want multiples of some number. */
const SEQ_K = 64;

/** Whether every place of the backend can; otherwise the keys and values would be copied to the processor each time. */
export function canFuseAttention(
  backend: Backend,
  headDim: number,
  cacheType: TensorType,
): boolean {
  if (!backend.usesDevices) return true;
  using graph = new Graph(backend);
  const query = graph.input([1, 1, 1, headDim], "f32", "query");
  const key = graph.input([1, 1, SEQ_K, headDim], cacheType, "key");
  const mask = graph.input([1, 1, 1, SEQ_K], "f16", "mask");
  const { pointer } = recordOf(flashAttention(query, key, key, mask, 1));
  return backend.places.every((place) =>
    library().ggml_backend_supports_op(nativePlace(place).pointer, pointer)
  );
}

/**
 * Whether the backend can carry out `raggedAttention()`: only a kernel of this package's own does, on the processor.
 *
 * @param headDim the size of a head
 * @param dtype of keys and values
 */
export function canAttendRagged(backend: Backend, headDim: number, dtype: TensorType): boolean {
  return !backend.usesDevices &&
    library().gpt2_has_ragged_attention(BigInt(headDim), tensorTypeInfo(dtype).id);
}
