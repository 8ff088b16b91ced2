/**
 * What kernels of training rely on, said of their operands.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import { checkF32 } from "../check_operands.ts";
import type { Precision } from "../recorder.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Throws unless it is one of the two. */
export function checkPrecision(action: string, precision: Precision): void {
  if (precision === "f32" || precision === "bf16") return;
  throw new TypeError(
    `Cannot ${action} a tensor: the precision is f32 or bf16: received ${describe(precision)}`,
  );
}

/** Throws unless `x` is f32 and has this shape. */
export function checkShape(action: string, x: Tensor, shape: Shape, what: string): void {
  checkF32(action, x);
  if (sameShape(x.shape, shape)) return;
  throw new TypeError(
    `Cannot ${action} ${x}: as ${what} ${formatShape(shape)} is needed.`,
  );
}

/** Throws unless `x` is i32 and has this shape. */
export function checkIntegers(action: string, x: Tensor, shape: Shape, what: string): void {
  if (x.dtype === "i32" && sameShape(x.shape, shape)) return;
  throw new TypeError(
    `Cannot ${action} with ${x}: as ${what} i32 ${formatShape(shape)} is needed.`,
  );
}

/** Throws unless the elements of what is overwritten lie side by side. */
export function checkInPlace(action: string, x: Tensor): void {
  if (x.isContiguous) return;
  throw new TypeError(
    `Cannot ${action} ${x} in place: its elements do not lie side by side. Copy it with contiguous() first.`,
  );
}
