/**
 * Causal attention for training: forward with what the way back needs, and back.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32, checkNumber, checkUnitStride } from "../check_operands.ts";
import type { Precision } from "../recorder.ts";
import { sameShape } from "../shape.ts";
import { noteStacked } from "../stacked.ts";
import type { Tensor } from "../tensor.ts";
import { dense, permute, reshape, slice } from "../views.ts";
import { checkPrecision, checkShape } from "./check_training.ts";
import { checkDropout, type Dropout } from "./dropout.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/** Larger heads do not fit into the cache as the kernels count on. */
const MAX_HEAD_DIM = 256;

/**
 * Scaled dot-product attention in which each position sees itself and those before: `softmax(query . key * factor) value`.
 * With dropout the weights are dropped after the softmax; the place of a weight in (batch heads seq seq), modulo 2^32, decides.
 *
 * The same bits on any number of threads.
 *
 * @param query (batch heads seq head_dim), f32; heads of up to 256 numbers. Only those of a row have to lie side by side
 * @param key likewise
 * @param value likewise
 * @param factor multiplied with the scores before the softmax
 * @param dropout what is dropped of the weights. Default: nothing
 * @param precision what is multiplied, scores and weights included; sums and the softmax are f32. Default: f32
 * @returns `output` (batch heads seq head_dim), a view of memory that lies as (batch seq heads head_dim); `logSums` (batch heads
 *   seq): log(sum(e^score)) of each position, for `causalAttentionGradients()`
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if the dropout is out of range
 */
export function causalAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  factor: number,
  dropout?: Dropout,
  precision: Precision = "f32",
): { output: Tensor; logSums: Tensor } {
  const action = "attend with";
  const seeds = dropout === undefined ? [] : [dropout.seed];
  const recorder = trainingRecorder(action, query, key, value, ...seeds);
  checkHeads(action, query, key, value);
  checkSettings(action, factor, dropout, precision);
  const [batch, heads, seq, headDim] = query.shape;
  const { size } = query;
  const { probability = 0, stream = 0 } = dropout ?? {};
  const both = recorder.record(
    [query, key, value, ...seeds.map(dense)],
    (context, query, key, value, seed) =>
      library().gpt2_causal_attention(
        context,
        query,
        key,
        value,
        seed ?? null,
        factor,
        probability,
        stream,
        precision === "bf16",
      ),
    { shape: [size + batch * heads * seq], dtype: "f32" },
  );
  const output = reshape(slice(both, 0, 0, size), [batch, seq, heads, headDim]);
  const logSums = slice(both, 0, size, size + batch * heads * seq);
  return {
    output: permute(output, [0, 2, 1, 3]),
    logSums: reshape(logSums, [batch, heads, seq]),
  };
}

/**
 * The gradients of query, key and value of `causalAttention()`. Scores are computed again, some rows at a time.
 *
 * The three are views of one block (batch seq three heads head_dim), in this order: where query, key and value came from one
 * product, the gradient of that is the block, without a copy.
 *
 * The same bits on any number of threads. A thread takes whole heads: more threads than heads of all texts do not help.
 *
 * @param query as `causalAttention()` got it
 * @param key as `causalAttention()` got it
 * @param value as `causalAttention()` got it
 * @param output as `causalAttention()` returned it
 * @param logSums as `causalAttention()` returned them
 * @param gradient of the output, (batch heads seq head_dim); only the numbers of a row have to lie side by side
 * @param factor as `causalAttention()` got it
 * @param dropout as `causalAttention()` got it
 * @param precision as `causalAttention()` got it
 * @returns three times (batch heads seq head_dim)
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if the dropout is out of range
 */
export function causalAttentionGradients(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  output: Tensor,
  logSums: Tensor,
  gradient: Tensor,
  factor: number,
  dropout?: Dropout,
  precision: Precision = "f32",
): [Tensor, Tensor, Tensor] {
  const action = "find the gradients of attention with";
  const seeds = dropout === undefined ? [] : [dropout.seed];
  const operands = [query, key, value, output, logSums, gradient];
  const recorder = trainingRecorder(action, ...operands, ...seeds);
  checkHeads(action, query, key, value, output, gradient);
  checkSettings(action, factor, dropout, precision);
  checkShape(action, logSums, query.shape.slice(0, 3), "logarithms of sums");
  const [batch, heads, seq, headDim] = query.shape;
  const { probability = 0, stream = 0 } = dropout ?? {};
  const block = recorder.record(
    [query, key, value, output, dense(logSums), gradient, ...seeds.map(dense)],
    (context, query, key, value, output, logSums, gradient, seed) =>
      library().gpt2_causal_attention_gradients(
        context,
        query,
        key,
        value,
        output,
        logSums,
        gradient,
        seed ?? null,
        factor,
        probability,
        stream,
        precision === "bf16",
      ),
    { shape: [batch, seq, 3 * heads, headDim], dtype: "f32" },
  );
  const part = (i: number) => permute(slice(block, 2, i * heads, (i + 1) * heads), [0, 2, 1, 3]);
  const parts: [Tensor, Tensor, Tensor] = [part(0), part(1), part(2)];
  noteStacked(block, parts);
  return parts;
}

function checkHeads(action: string, query: Tensor, ...others: readonly Tensor[]): void {
  const headDim = query.shape[3];
  if (query.shape.length !== 4 || headDim > MAX_HEAD_DIM) {
    throw new TypeError(
      `Cannot ${action} ${query}: (batch, heads, seq, head_dim) is needed, the last at most ${MAX_HEAD_DIM}`,
    );
  }
  for (const x of [query, ...others]) {
    checkF32(action, x);
    checkUnitStride(action, x);
    if (sameShape(x.shape, query.shape)) continue;
    throw new TypeError(`Cannot ${action} the query ${query}: received ${x} beside it.`);
  }
}

function checkSettings(
  action: string,
  factor: number,
  dropout: Dropout | undefined,
  precision: Precision,
): void {
  checkNumber(action, factor);
  checkPrecision(action, precision);
  if (dropout !== undefined) checkDropout(action, dropout);
}
