/**
 * Activation functions: those of the hidden layer of an MLP, and what they are made of.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { checkF32 } from "./check_operands.ts";
import { add, divide, multiply, scale, square } from "./elementwise.ts";
import { differentiable, recorderFor } from "./recorder.ts";
import { f32Layout, type Tensor } from "./tensor.ts";
import { type Activation, activationGradient } from "./training/activation_gradient.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { dense } from "./views.ts";

export type { Activation };

/** Applies one of them, element by element. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activation === "gelu_tanh" ? gelu(x) : exactGelu(x);
}

/** GELU with the error function: `0.5 x (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2). */
export function exactGelu(x: Tensor): Tensor {
  const recorder = recorderFor("apply GELU to", x);
  if (x.dtype !== "f32") throw new TypeError(`Cannot apply GELU to ${x}: f32 is needed.`);
  const y = recorder.record([dense(x)], (context, x) => library().ggml_gelu_erf(context, x), {
    shape: x.shape,
    dtype: "f32",
  });
  return differentiable(y, [
    x,
    (gradient) =>
      hasTrainingKernels(recorder.backend)
        ? activationGradient(x, gradient, "gelu")
        : multiply(gradient, slopeOfExactGelu(x)),
  ]);
}

/** So little that it is only added to 0: nothing is divided by that. */
const NOTHING = 1e-30;

/**
 * `Phi(x) + x phi(x)`, of the normal distribution, with what ggml has: GELU is `x Phi(x)`, and with `s(x) = silu(x)`,
 * `exp(-a) = -s(-a) / s(a)`.
 */
function slopeOfExactGelu(x: Tensor): Tensor {
  const notZero = scale(x, 1, NOTHING);
  const below = divide(exactGelu(notZero), notZero);
  const a = scale(square(x), 0.5, NOTHING);
  const density = scale(divide(silu(scale(a, -1)), silu(a)), -1 / Math.sqrt(2 * Math.PI));
  return add(below, multiply(x, density));
}

/** `x * sigmoid(x)`, element by element. */
export function silu(x: Tensor): Tensor {
  const recorder = recorderFor("apply SiLU to", x);
  checkF32("apply SiLU to", x);
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_silu(context, x),
    f32Layout(x.shape),
  );
  return differentiable(y, [x, (gradient) =>
    recorder.record(
      [dense(gradient), dense(x)],
      (context, gradient, x) => library().ggml_silu_back(context, gradient, x),
      f32Layout(x.shape),
    )]);
}

/**
 * GELU in the tanh approximation, as GPT-2 uses it: `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`
 * (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2).
 *
 * Where that is not exact, it is composed of other operations: on processors ggml's GELU reads a table of
 * half-precision values, which is off by up to 2e-3.
 */
export function gelu(x: Tensor): Tensor {
  const recorder = recorderFor("apply GELU to", x);
  checkF32("apply GELU to", x);
  const { backend, tape } = recorder;
  if (!backend.hasExactGelu || (tape !== undefined && !hasTrainingKernels(backend))) {
    return composedGelu(x);
  }
  const y = recorder.record(
    [dense(x)],
    (context, x) => library().ggml_gelu(context, x),
    f32Layout(x.shape),
  );
  return differentiable(y, [x, (gradient) => activationGradient(x, gradient, "gelu_tanh")]);
}

/** 0.5 (1 + tanh(z)) = sigmoid(2z), so with c = 2 sqrt(2/pi) (1 + 0.044715 x^2): gelu(x) = x sigmoid(c x) = silu(c x) / c. */
function composedGelu(x: Tensor): Tensor {
  const twice = 2 * Math.sqrt(2 / Math.PI);
  const c = scale(square(x), twice * 0.044715, twice);
  return divide(silu(multiply(x, c)), c);
}
