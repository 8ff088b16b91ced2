/**
 * Attention of positions that belong to different texts, in one operation and without masks.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32, checkNumber, checkUnitStride, limitIds } from "./check_operands.ts";
import { canAttendRagged } from "./fused_attention.ts";
import { recorderFor } from "./recorder.ts";
import { sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { contiguous, permute } from "./views.ts";

/**
 * Scaled dot-product attention of each position to the first rows of one slot of a cache:
 * `softmax(query[s] . key[slots[s], :counts[s]] * factor) value[slots[s], :counts[s]]`.
 *
 * Positions may come in any order; it is fastest if those of a slot are neighbours. Only kernels of this package's own
 * compute it: ask `canAttendRagged()` first. A position gets the same bits whatever other positions are computed with it.
 *
 * @param query (1 heads seq_q head_dim), f32
 * @param key (slots heads rows head_dim), f16, f32 or q8_0
 * @param value (slots heads rows head_dim), of the same type
 * @param slots (seq_q), i32: the slot that each position belongs to; an input, which then takes only numbers of slots
 * @param counts (seq_q), i32: how many rows each position sees; an input, which then takes only 0 to rows. A position that
 *   sees none gets zeros
 * @param factor multiplied with the scores before the softmax
 * @returns (1 heads seq_q head_dim)
 * @throws {TypeError} if the shapes or types do not fit, or the backend has no kernel for it
 * @throws {RangeError} if slots or counts are computed and may be more than there are
 */
export function raggedAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  slots: Tensor,
  counts: Tensor,
  factor: number,
): Tensor {
  const action = "attend to slots with";
  const recorder = recorderFor(action, query, key, value, slots, counts);
  checkF32(action, query);
  checkNumber(action, factor);
  const [batch, heads, seqQ, headDim] = query.shape;
  const [numSlots, , rows] = key.shape;
  if (query.shape.length !== 4 || batch !== 1) {
    throw new TypeError(`Cannot ${action} ${query}: (1, heads, seq_q, head_dim) is needed.`);
  }
  for (const x of [key, value]) {
    if (!sameShape(x.shape, [numSlots, heads, rows, headDim]) || x.dtype !== key.dtype) {
      throw new TypeError(`Cannot ${action} the query ${query}: received ${x} as key or value.`);
    }
    checkUnitStride("attend to", x);
  }
  for (const x of [slots, counts]) {
    if (!sameShape(x.shape, [seqQ]) || x.dtype !== "i32") {
      throw new TypeError(`Cannot ${action} the query ${query}: received ${x} as slots or counts.`);
    }
  }
  if (!canAttendRagged(recorder.backend, headDim, key.dtype)) {
    throw new TypeError(
      `Cannot ${action} ${query}: there is no kernel for it here: received the key ${key}. ` +
        "Use flashAttention() instead.",
    );
  }
  checkUnitStride(action, query);
  limitIds(action, slots, numSlots);
  limitIds(action, counts, rows + 1);
  const result = recorder.record(
    [query, key, value, contiguous(slots), contiguous(counts)],
    (context, query, key, value, slots, counts) =>
      library().gpt2_ragged_attention(context, query, key, value, slots, counts, factor),
    { shape: [1, seqQ, heads, headDim], dtype: "f32" },
  );
  // The heads of one position lie side by side.
  return permute(result, [0, 2, 1, 3]);
}
