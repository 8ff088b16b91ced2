/**
 * The functions that bend the hidden layer of an MLP.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { gelu } from "./ops.ts";
import { differentiable, recorderFor } from "./recorder.ts";
import type { Tensor } from "./tensor.ts";
import { activationGradient } from "./training/activation_gradient.ts";
import { dense } from "./views.ts";

/** `"gelu_tanh"`: GPT-2's approximation of GELU. `"gelu"`: GELU itself, as Cerebras-GPT has it. */
export type Activation = "gelu_tanh" | "gelu";

/** Applies one of them, element by element. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activation === "gelu_tanh" ? gelu(x) : exactGelu(x);
}

/** GELU with the error function: `0.5 x (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2). */
export function exactGelu(x: Tensor): Tensor {
  const recorder = recorderFor("apply GELU to", x);
  if (x.dtype !== "f32") throw new TypeError(`Cannot apply GELU to ${x}: f32 is needed`);
  const y = recorder.record([dense(x)], (context, x) => library().ggml_gelu_erf(context, x), {
    shape: x.shape,
    dtype: "f32",
  });
  return differentiable(y, [x, (gradient) => activationGradient(x, gradient, "gelu")]);
}
