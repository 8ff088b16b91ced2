/**
 * Causal attention whose gradients can be computed.
 *
 * @module
 */
import { asOne, differentiableAll, recorderFor } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { causalAttention, causalAttentionGradients } from "./causal_attention.ts";
import type { Dropout } from "./dropout.ts";

/**
 * Attention of every position to itself and those before it, of a differentiable graph, in its precision. See
 * {@linkcode causalAttention}.
 *
 * @param query (batch heads seq head_dim), and so key and value
 * @param factor multiplied with the scores before the softmax
 * @param dropout leaves out attention weights
 * @returns (batch heads seq head_dim)
 */
export function differentiableAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  factor: number,
  dropout?: Dropout,
): Tensor {
  const { precision } = recorderFor("attend with", query, key, value);
  const { output, logSums } = asOne(
    query,
    () => causalAttention(query, key, value, factor, dropout, precision),
  );
  let parts: readonly Tensor[] | undefined;
  const part = (i: number) => ([gradient]: readonly (Tensor | undefined)[]) => {
    parts ??= causalAttentionGradients(
      query,
      key,
      value,
      output,
      logSums,
      gradient!,
      factor,
      dropout,
      precision,
    );
    return parts[i];
  };
  differentiableAll(
    [output],
    { x: query, rule: part(0) },
    { x: key, rule: part(1) },
    { x: value, rule: part(2) },
  );
  return output;
}
