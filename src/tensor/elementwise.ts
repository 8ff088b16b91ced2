/**
 * Operations on the elements of tensors, one by one.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32, checkNumber } from "./check_operands.ts";
import { differentiable, type MakeRecord, recorderFor } from "./recorder.ts";
import { sumTo } from "./sum_to.ts";
import { f32Layout, type Tensor } from "./tensor.ts";
import { dense, withRows } from "./views.ts";

/** `a + b`; `b` is repeated along axes where it has size 1 or that it lacks. */
export function add(a: Tensor, b: Tensor): Tensor {
  return differentiable(
    elementwise("add", a, b),
    [a, (gradient) => gradient],
    [b, (gradient) => sumTo(gradient, b.shape)],
  );
}

/** `a * b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return differentiable(
    elementwise("mul", a, b),
    [a, (gradient) => multiply(gradient, b)],
    [b, (gradient) => sumTo(multiply(gradient, a), b.shape)],
  );
}

/** `a / b`, element by element; `b` is repeated along axes where it has size 1 or that it lacks. */
export function divide(a: Tensor, b: Tensor): Tensor {
  const quotient = elementwise("div", a, b);
  return differentiable(
    quotient,
    [a, (gradient) => divide(gradient, b)],
    [b, (gradient) => sumTo(scale(divide(multiply(gradient, quotient), b), -1), b.shape)],
  );
}

/** `x * factor + offset`. */
export function scale(x: Tensor, factor: number, offset = 0): Tensor {
  const recorder = recorderFor("scale", x);
  checkF32("scale", x);
  checkNumber("scale", factor);
  checkNumber("scale", offset);
  const { ggml_scale, ggml_scale_bias } = library();
  const scaled = recorder.record(
    [dense(x)],
    (context, x) =>
      offset === 0 ? ggml_scale(context, x, factor) : ggml_scale_bias(context, x, factor, offset),
    f32Layout(x.shape),
  );
  return differentiable(scaled, [x, (gradient) => scale(gradient, factor)]);
}

/** `x * x`, element by element. */
export function square(x: Tensor): Tensor {
  const recorder = recorderFor("square", x);
  checkF32("square", x);
  const squared = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sqr(context, x),
    f32Layout(x.shape),
  );
  return differentiable(squared, [x, (gradient) => scale(multiply(gradient, x), 2)]);
}

/** The natural logarithm, element by element. */
export function logarithm(x: Tensor): Tensor {
  const recorder = recorderFor("take the logarithm of", x);
  checkF32("take the logarithm of", x);
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_log(context, x),
    f32Layout(x.shape),
  );
  return differentiable(y, [x, (gradient) => divide(gradient, x)]);
}

/** The square root, element by element. */
export function squareRoot(x: Tensor): Tensor {
  const recorder = recorderFor("take the root of", x);
  checkF32("take the root of", x);
  const root = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_sqrt(context, x),
    f32Layout(x.shape),
  );
  return differentiable(root, [x, (gradient) => scale(divide(gradient, root), 0.5)]);
}

const ELEMENTWISE: Readonly<Record<"add" | "mul" | "div", MakeRecord>> = {
  add: (context, a, b) => library().ggml_add(context, a, b),
  mul: (context, a, b) => library().ggml_mul(context, a, b),
  div: (context, a, b) => library().ggml_div(context, a, b),
};

function elementwise(name: "add" | "mul" | "div", a: Tensor, b: Tensor): Tensor {
  const recorder = recorderFor(name, a, b);
  checkF32(name, a);
  checkF32(name, b);
  const missing = a.shape.length - b.shape.length;
  const fits = missing >= 0 &&
    b.shape.every((size, axis) => size === 1 || size === a.shape[axis + missing]);
  if (!fits) {
    throw new TypeError(
      `Cannot ${name} ${a} and ${b}: their shapes do not fit. Counted from the last, each axis of the ` +
        "second has to be as long as that of the first, or 1.",
    );
  }
  return recorder.record([dense(a), withRows(b)], ELEMENTWISE[name], f32Layout(a.shape));
}
