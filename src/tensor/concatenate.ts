/**
 * Tensors one after another.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32 } from "./check_operands.ts";
import { recorderFor } from "./recorder.ts";
import { nativeAxis, sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Tensors one after another along the outermost axis.
 *
 * @param tensors one or more, f32, of the same sizes but for the outermost
 * @throws {TypeError} if their shapes or types do not fit
 */
export function concatenate(tensors: readonly Tensor[]): Tensor {
  const recorder = recorderFor("concatenate", ...tensors);
  for (const x of tensors) {
    checkF32("concatenate", x);
    if (sameShape(x.shape.slice(1), tensors[0].shape.slice(1))) continue;
    throw new TypeError(`Cannot concatenate ${tensors.join(" and ")}: their shapes do not fit.`);
  }
  const outermost = nativeAxis(tensors[0].shape, 0);
  return tensors.reduce((a, b) =>
    recorder.record(
      [a, b],
      (context, a, b) => library().ggml_concat(context, a, b, outermost),
      { shape: [a.shape[0] + b.shape[0], ...a.shape.slice(1)], dtype: "f32" },
    )
  );
}
