/*
 * The derivative of GELU, x * Phi(x), times a gradient: Phi(x) + x * Phi'(x). Phi is the distribution function of the normal
 * distribution, or what the tanh approximation has in its place.
 */
#include "operation.h"

#ifdef GPT2_HAS_AVX512

namespace training {
namespace {

constexpr int IS_EXACT_AT = 0;

inline __m512 number(float x) {
    return _mm512_set1_ps(x);
}

/* With Phi(x) = sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x^3), so that Phi'(x) = Phi(x) Phi(-x) u'(x). */
__m512 approximateDerivative(__m512 x) {
    const __m512 square = _mm512_mul_ps(x, x);
    const __m512 slope = _mm512_fmadd_ps(square, number(1.5957691f * 0.044715f), number(1.5957691f));
    const __m512 steepness = _mm512_fmadd_ps(square, number(1.5957691f * 3 * 0.044715f), number(1.5957691f));
    const __m512 power = exponential(_mm512_mul_ps(_mm512_sub_ps(number(0), x), slope));  // e^-u
    const __m512 phi = _mm512_div_ps(number(1), _mm512_add_ps(number(1), power));
    const __m512 other = _mm512_mul_ps(phi, power);  // 1 - phi, without cancellation
    return _mm512_fmadd_ps(_mm512_mul_ps(_mm512_mul_ps(x, steepness), other), phi, phi);
}

/* Phi by Abramowitz and Stegun (1964), 7.1.26: the error of erf is below 1.5e-7. */
__m512 exactDerivative(__m512 x) {
    const __m512 distance = _mm512_abs_ps(x);
    const __m512 t = _mm512_div_ps(number(1), _mm512_fmadd_ps(distance, number(0.3275911f * 0.70710678f), number(1)));
    const __m512 power = exponential(_mm512_mul_ps(_mm512_mul_ps(x, x), number(-0.5f)));
    __m512 sum = number(1.061405429f);
    for (const float term : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f}) {
        sum = _mm512_fmadd_ps(sum, t, number(term));
    }
    const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(number(0.5f), power), _mm512_mul_ps(sum, t));  // Phi(-distance)
    const __mmask16 isNegative = _mm512_cmp_ps_mask(x, number(0), _CMP_LT_OQ);
    const __m512 phi = _mm512_mask_mov_ps(_mm512_sub_ps(number(1), tail), isNegative, tail);
    return _mm512_fmadd_ps(_mm512_mul_ps(x, number(0.39894228f)), power, phi);
}

template <bool IS_EXACT> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    const float * x = floats(y->src[0]);
    const float * gradient = floats(y->src[1]);
    const Share share = shareOf(params, ggml_nelements(y));
    eachVector(share.begin, share.end, [&](int64_t i, __mmask16 mask) {
        /* Beyond that the derivative is 0 or 1, also where a square would be infinite. A bound comes first, so that NaN
         * stays what it is. */
        const __m512 bounded = _mm512_max_ps(number(-16), _mm512_min_ps(number(16), load(x + i, mask)));
        const __m512 derivative = IS_EXACT ? exactDerivative(bounded) : approximateDerivative(bounded);
        store(floats(y) + i, mask, _mm512_mul_ps(load(gradient + i, mask), derivative));
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, IS_EXACT_AT) ? multiply<true>(params, y) : multiply<false>(params, y);
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_gelu_gradient(ggml_context * context, ggml_tensor * x, ggml_tensor * gradient, bool is_exact) {
    ggml_tensor * y = training::operation(
        context, training::KERNEL, {x->ne[0], x->ne[1], x->ne[2], x->ne[3]}, {x, gradient});
    training::setParameter(y, training::IS_EXACT_AT, static_cast<int32_t>(is_exact));
    return y;
}

#endif
