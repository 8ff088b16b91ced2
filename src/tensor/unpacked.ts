/**
 * The elements of weights, in whatever memory they lie.
 *
 * @module
 */
import { Buffer } from "./buffer.ts";
import { createConstant } from "./inputs.ts";
import { scale } from "./elementwise.ts";
import { matmul } from "./ops.ts";
import { borrowInto, type Recorder } from "./recorder.ts";
import { recordOf, type Tensor } from "./tensor.ts";
import { contiguous, permute, toF32 } from "./views.ts";

/**
 * What is multiplied with instead of 1: products with quantized weights round what they multiply to 8 bits and a factor, which
 * is 1 then.
 */
const ONE = 127;

/** A diagonal matrix in each graph by its size. */
const diagonals = new WeakMap<Recorder, Map<number, Tensor>>();

/** Whether the elements of a weight lie in an order in which they can only be multiplied with. */
export function isRepacked(x: Tensor): boolean {
  let record = recordOf(x);
  while (record.details.isBorrowed) record = record.sources[0];
  return record.owner instanceof Buffer && record.owner.isRepacked;
}

/**
 * The elements of `x` as f32. From memory in which they can only be multiplied with, a product with the identity brings them
 * back.
 *
 * @param x f32, or a weight of any type: (rows columns) if it is repacked
 * @param recorder the graph where that is done
 */
export function unpacked(x: Tensor, recorder: Recorder): Tensor {
  if (!isRepacked(x)) return x.dtype === "f32" ? x : toF32(borrowInto(recorder, x));
  const columns = matmul(x, diagonal(recorder, x.shape[1]));
  return scale(contiguous(permute(columns, [1, 0])), 1 / ONE);
}

function diagonal(recorder: Recorder, size: number): Tensor {
  const known = diagonals.get(recorder) ?? new Map<number, Tensor>();
  diagonals.set(recorder, known);
  const found = known.get(size) ??
    createConstant(
      recorder,
      [size, size],
      Float32Array.from({ length: size * size }, (_, i) => i % (size + 1) === 0 ? ONE : 0),
    );
  known.set(size, found);
  return found;
}
