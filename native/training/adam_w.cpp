/*
 * A step of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101), with gradients clipped to a norm, as torch has both.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

namespace training {
namespace {

/* As they lie in the tensor. */
struct Settings {
    float learningRate, beta1, beta2, epsilon, weightDecay;
    float firstFactor, secondFactor;  // 1 / (1 - beta^step)
    float largestNorm;                // of all gradients; 0: any
};

/* What gradients are multiplied with. A norm that is no number spoils everything, and does not pass unseen. */
float clippingFactor(const Settings & settings, float squaredNorm) {
    if (settings.largestNorm == 0) {
        return 1;
    }
    const float factor = settings.largestNorm / (std::sqrt(squaredNorm) + 1e-6f);
    return factor > 1 ? 1 : factor;
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const float * gradients = floats(y->src[1]);
    float * firstMoments = floats(y->src[2]);
    float * secondMoments = floats(y->src[3]);
    const auto & settings = *static_cast<const Settings *>(y->src[4]->data);
    const F32 clipping = broadcast(clippingFactor(settings, floats(y->src[5])[0]));
    const F32 kept = broadcast(1 - settings.learningRate * settings.weightDecay);
    const F32 beta1 = broadcast(settings.beta1), rest1 = broadcast(1 - settings.beta1);
    const F32 beta2 = broadcast(settings.beta2), rest2 = broadcast(1 - settings.beta2);
    const F32 step = broadcast(settings.learningRate * settings.firstFactor);
    const F32 secondFactor = broadcast(settings.secondFactor), epsilon = broadcast(settings.epsilon);
    const Share share = shareOf(params, ggml_nelements(y));
    eachVector(share.begin, share.end, [&](int64_t i, auto mask) {
        const F32 gradient = multiply(load(gradients + i, mask), clipping);
        const F32 first = multiplyAdd(load(firstMoments + i, mask), beta1, multiply(gradient, rest1));
        const F32 second = multiplyAdd(
            load(secondMoments + i, mask), beta2, multiply(multiply(gradient, gradient), rest2));
        const F32 deviation = add(squareRoot(multiply(second, secondFactor)), epsilon);
        const F32 decayed = multiply(load(floats(y) + i, mask), kept);
        store(firstMoments + i, mask, first);
        store(secondMoments + i, mask, second);
        store(floats(y) + i, mask, subtractProduct(decayed, step, divide(first, deviation)));
    });
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_adam_w(
    ggml_context * context, ggml_tensor * weight, ggml_tensor * gradient, ggml_tensor * first_moment,
    ggml_tensor * second_moment, ggml_tensor * settings, ggml_tensor * squared_norm) {
    return training::operationInPlace(
        context, training::KERNEL, {weight, gradient, first_moment, second_moment, settings, squared_norm});
}

#endif
