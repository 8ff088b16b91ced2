/**
 * Rows brought to a common scale: layer normalization, and softmax.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import type { Pointer } from "../ffi/memory.ts";
import { checkF32, checkMask, checkNumber } from "./check_operands.ts";
import { add, divide, multiply, scale, square, squareRoot } from "./elementwise.ts";
import { sumLastAxis } from "./ops.ts";
import { asOne, differentiable, recorderFor } from "./recorder.ts";
import { f32Layout, type Tensor } from "./tensor.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { layerNormGradients } from "./training/layer_norm_gradients.ts";
import { dense, reshape, slice } from "./views.ts";

/**
 * Layer normalization over the last axis (Ba et al., 2016, arXiv:1607.06450): mean 0 and variance 1, then
 * `* weight + bias`.
 *
 * @param x (..., embed)
 * @param weight (embed)
 * @param bias (embed)
 * @param epsilon added to the variance; 0 or more
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  const recorder = recorderFor("normalize", x, weight, bias);
  checkF32("normalize", x);
  checkNumber("normalize", epsilon);
  if (!(epsilon >= 0)) {
    throw new RangeError(`Cannot normalize ${x}: epsilon must be 0 or more: received ${epsilon}`);
  }
  if (recorder.tape !== undefined && !hasTrainingKernels(recorder.backend)) {
    return add(multiply(composedNorm(x, epsilon), weight), bias);
  }
  const y = asOne(x, () => add(multiply(norm(x, epsilon), weight), bias));
  let gradients: ReturnType<typeof layerNormGradients> | undefined;
  const backward = (gradient: Tensor) =>
    gradients ??= layerNormGradients(x, weight, gradient, epsilon);
  return differentiable(
    y,
    [x, (gradient) => backward(gradient).input],
    [weight, (gradient) => row(backward(gradient).weightAndBias, 0)],
    [bias, (gradient) => row(backward(gradient).weightAndBias, 1)],
  );
}

/** A row of a matrix. */
function row(x: Tensor, index: number): Tensor {
  return reshape(slice(x, 0, index, index + 1), [x.shape[1]]);
}

/** `(x - mean) / sqrt(variance + epsilon)` along the last axis. */
function norm(x: Tensor, epsilon: number): Tensor {
  return recorderFor("normalize", x).record(
    [dense(x)],
    (context, x) => library().ggml_norm(context, x, epsilon),
    f32Layout(x.shape),
  );
}

/** `(x - mean) / sqrt(variance + epsilon)` along the last axis, of operations that have gradients. */
function composedNorm(x: Tensor, epsilon: number): Tensor {
  const width = x.shape[x.shape.length - 1];
  const mean = (y: Tensor) => scale(sumLastAxis(y), 1 / width);
  const centered = add(x, scale(mean(x), -1));
  return divide(centered, squareRoot(scale(mean(square(centered)), 1, epsilon)));
}

/**
 * `softmax(x * factor + mask)` over the last axis.
 *
 * @param x (batch heads seq_q seq_k)
 * @param mask (batch or 1, 1, seq_q, seq_k), f16: 0 where attention is allowed, -Infinity where not
 * @param factor multiplied first
 */
export function softmax(x: Tensor, mask?: Tensor, factor = 1): Tensor {
  const masks = mask === undefined ? [] : [mask];
  const recorder = recorderFor("apply softmax to", x, ...masks);
  checkF32("apply softmax to", x);
  checkNumber("apply softmax to", factor);
  if (mask !== undefined) checkMask("apply softmax to", mask, x.shape);
  const probabilities = recorder.record(
    [dense(x), ...masks],
    (context, x, mask?: Pointer) =>
      library().ggml_soft_max_ext(context, x, mask ?? null, factor, 0),
    f32Layout(x.shape),
  );
  return differentiable(probabilities, [x, (gradient) => {
    const weighted = multiply(gradient, probabilities);
    const shared = multiply(probabilities, sumLastAxis(weighted));
    return scale(add(weighted, scale(shared, -1)), factor);
  }]);
}
