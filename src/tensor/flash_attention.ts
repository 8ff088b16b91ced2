/**
 * Attention.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32, checkMask, checkNumber, checkReal, checkUnitStride } from "./check_operands.ts";
import { softmax } from "./normalization.ts";
import { matmul, turned } from "./ops.ts";
import { borrowInto, recorderFor } from "./recorder.ts";
import { sameShape } from "./shape.ts";
import { f32Layout, type Tensor } from "./tensor.ts";
import { permute, toF32 } from "./views.ts";

/**
 * Scaled dot-product attention in one node that never stores the scores (Dao et al., 2022, arXiv:2205.14135).
 *
 * @param query (batch heads seq_q head_dim), f32
 * @param key (batch heads seq_k head_dim)
 * @param value (batch heads seq_k head_dim)
 * @param mask (batch or 1, 1, seq_q, seq_k), f16: 0 where attention is allowed, -Infinity where not
 * @param factor multiplied with the scores before the softmax
 * @returns (batch heads seq_q head_dim)
 */
export function flashAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor,
  factor: number,
): Tensor {
  const recorder = recorderFor("attend with", query, key, value, mask);
  checkF32("attend with", query);
  checkNumber("attend with", factor);
  const [batch, heads, seqQ, headDim] = query.shape;
  const seqK = key.shape[2];
  for (const x of [key, value]) {
    if (!sameShape(x.shape, [batch, heads, seqK, headDim])) {
      throw new TypeError(`Cannot attend with the query ${query}: received ${x} as key or value.`);
    }
    checkUnitStride("attend to", x);
    checkReal("attend to", x);
  }
  checkUnitStride("attend with", query);
  checkMask("attend with", mask, [batch, heads, seqQ, seqK]);
  if (recorder.tape !== undefined) return spelledAttention(query, key, value, mask, factor);
  const result = recorder.record(
    [query, key, value, mask],
    (context, query, key, value, mask) =>
      library().ggml_flash_attn_ext(context, query, key, value, mask, factor, 0, 0),
    f32Layout([batch, seqQ, heads, headDim]),
  );
  // ggml lays the heads of one position side by side.
  return permute(result, [0, 2, 1, 3]);
}

/** The same of operations that have gradients. */
function spelledAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor,
  factor: number,
): Tensor {
  const recorder = recorderFor("attend with", query, key, value, mask);
  const [ownKey, ownValue] = [key, value].map((x) => toF32(borrowInto(recorder, x)));
  const scores = matmul(ownKey, borrowInto(recorder, query));
  return matmul(turned(recorder, ownValue), softmax(scores, mask, factor));
}
