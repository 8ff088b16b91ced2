/**
 * Tensors with zeros around them.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32, checkUnitStride } from "./check_operands.ts";
import { recorderFor } from "./recorder.ts";
import { nativeAxis } from "./shape.ts";
import { f32Layout, type Tensor } from "./tensor.ts";

/**
 * `x` with so many zeros before and after it along an axis: the gradient of what a part was taken of.
 *
 * @param x f32
 */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  const recorder = recorderFor("pad", x);
  checkF32("pad", x);
  checkUnitStride("pad", x);
  const shape = x.shape.with(axis, before + x.shape[axis] + after);
  const zeros = [0, 0, 0, 0, 0, 0, 0, 0];
  zeros.splice(2 * nativeAxis(x.shape, axis), 2, before, after);
  const [l0, r0, l1, r1, l2, r2, l3, r3] = zeros;
  return recorder.record(
    [x],
    (context, x) => library().ggml_pad_ext(context, x, l0, r0, l1, r1, l2, r2, l3, r3),
    f32Layout(shape),
  );
}
