/**
 * Which devices can carry out attention in one kernel.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Backend } from "./backend.ts";
import { Graph } from "./graph.ts";
import { flashAttention } from "./ops.ts";
import { nativePlace } from "./place.ts";
import { recordOf } from "./tensor.ts";

/** As many remembered positions as the smallest cache has: kernels may want multiples of some number. */
const SEQ_K = 64;

/** Whether every place of the backend can; otherwise the keys and values would be copied to the processor each time. */
export function canFuseAttention(
  backend: Backend,
  headDim: number,
  cacheType: "f32" | "f16",
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
