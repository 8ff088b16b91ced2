/*
 * A step of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101), with gradients clipped to a norm, as torch has both.
 */
#include "operation.h"

#ifdef GPT2_HAS_AVX512

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
    const __m512 clipping = _mm512_set1_ps(clippingFactor(settings, floats(y->src[5])[0]));
    const __m512 kept = _mm512_set1_ps(1 - settings.learningRate * settings.weightDecay);
    const __m512 beta1 = _mm512_set1_ps(settings.beta1), rest1 = _mm512_set1_ps(1 - settings.beta1);
    const __m512 beta2 = _mm512_set1_ps(settings.beta2), rest2 = _mm512_set1_ps(1 - settings.beta2);
    const __m512 step = _mm512_set1_ps(settings.learningRate * settings.firstFactor);
    const __m512 secondFactor = _mm512_set1_ps(settings.secondFactor), epsilon = _mm512_set1_ps(settings.epsilon);
    const Share share = shareOf(params, ggml_nelements(y));
    eachVector(share.begin, share.end, [&](int64_t i, __mmask16 mask) {
        const __m512 gradient = _mm512_mul_ps(load(gradients + i, mask), clipping);
        const __m512 first = _mm512_fmadd_ps(load(firstMoments + i, mask), beta1, _mm512_mul_ps(gradient, rest1));
        const __m512 second = _mm512_fmadd_ps(
            load(secondMoments + i, mask), beta2, _mm512_mul_ps(_mm512_mul_ps(gradient, gradient), rest2));
        const __m512 deviation = _mm512_add_ps(_mm512_sqrt_ps(_mm512_mul_ps(second, secondFactor)), epsilon);
        const __m512 decayed = _mm512_mul_ps(load(floats(y) + i, mask), kept);
        store(firstMoments + i, mask, first);
        store(secondMoments + i, mask, second);
        store(floats(y) + i, mask, _mm512_fnmadd_ps(step, _mm512_div_ps(first, deviation), decayed));
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
