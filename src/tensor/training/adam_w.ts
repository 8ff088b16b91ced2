/**
 * A step of the optimizer.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { recordOf, type Tensor } from "../tensor.ts";
import { dense } from "../views.ts";
import { checkInPlace, checkShape } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/** How many settings there are. */
export const NUM_ADAM_W_SETTINGS = 8;

/**
 * A step of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101, algorithm 2), as `torch.optim.AdamW` makes it: the weight
 * decays first, apart from the gradient. Before that the gradient is multiplied with min(1, largest norm / (norm + 1e-6)), as
 * `torch.nn.utils.clip_grad_norm_` does. In place of the weight and both moments. The same bits on any number of threads.
 *
 * @param weight any shape, f32, of a buffer
 * @param gradient the shape of the weight, f32
 * @param firstMoment the shape of the weight, f32, of a buffer: in the first step zeros
 * @param secondMoment likewise
 * @param settings (8), f32: learning rate, beta1, beta2, epsilon, weight decay, 1 / (1 - beta1^step), 1 / (1 - beta2^step), the
 *   largest norm of all gradients or 0
 * @param squaredNorm (1), f32: the sum of squares of all gradients; not looked at where any norm will do
 * @returns the weight, after that
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 */
export function adamW(
  weight: Tensor,
  gradient: Tensor,
  firstMoment: Tensor,
  secondMoment: Tensor,
  settings: Tensor,
  squaredNorm: Tensor,
): Tensor {
  const action = "optimize";
  const inPlace = [weight, firstMoment, secondMoment];
  const recorder = trainingRecorder(action, ...inPlace, gradient, settings, squaredNorm);
  for (const x of inPlace) {
    checkShape(action, x, weight.shape, "a weight or moment");
    checkInPlace(action, x);
  }
  checkShape(action, gradient, weight.shape, "the gradient");
  checkShape(action, settings, [NUM_ADAM_W_SETTINGS], "settings");
  checkShape(action, squaredNorm, [1], "the squared norm");
  return recorder.record(
    [weight, dense(gradient), firstMoment, secondMoment, dense(settings), dense(squaredNorm)],
    (context, weight, gradient, firstMoment, secondMoment, settings, squaredNorm) =>
      library().gpt2_adam_w(
        context,
        weight,
        gradient,
        firstMoment,
        secondMoment,
        settings,
        squaredNorm,
      ),
    { shape: weight.shape, dtype: "f32" },
    { viewOf: recordOf(weight) },
  );
}
