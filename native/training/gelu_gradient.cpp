/*
 * The derivative of GELU, x * Phi(x), times a gradient: Phi(x) + x * Phi'(x). Phi is the distribution function of the normal
 * distribution, or what the tanh approximation has in its place.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

constexpr int IS_EXACT_AT = 0;

F32 number(float x) {
    return broadcast(x);
}

/* With Phi(x) = sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x^3), so that Phi'(x) = Phi(x) Phi(-x) u'(x). */
F32 approximateDerivative(F32 x) {
    const F32 square = multiply(x, x);
    const F32 slope = multiplyAdd(square, number(1.5957691f * 0.044715f), number(1.5957691f));
    const F32 steepness = multiplyAdd(square, number(1.5957691f * 3 * 0.044715f), number(1.5957691f));
    const F32 power = exponential(multiply(subtract(number(0), x), slope));  // e^-u
    const F32 phi = divide(number(1), add(number(1), power));
    const F32 other = multiply(phi, power);  // 1 - phi, without cancellation
    return multiplyAdd(multiply(multiply(x, steepness), other), phi, phi);
}

/*
 * Phi(-d) e^(d^2 / 2) as t times a polynomial of t = 1 / (1 + 0.35 d), as Abramowitz and Stegun (1964), 7.1.26, have it; with
 * more terms, fitted from 0 to 16: off by less than 4e-8 of it.
 */
F32 exactDerivative(F32 x) {
    const F32 distance = magnitude(x);
    const F32 t = divide(number(1), multiplyAdd(distance, number(0.35f), number(1)));
    const F32 power = exponential(multiply(multiply(x, x), number(-0.5f)));
    F32 sum = number(-0.029164925f);
    for (const float term : {0.14406577f, -0.25591233f, 0.15940513f, -0.023272451f, 0.10557855f, 0.11981452f,
                             0.13986447f, 0.13962124f}) {
        sum = multiplyAdd(sum, t, number(term));
    }
    const F32 tail = multiply(power, multiply(sum, t));  // Phi(-distance)
    const F32 phi = select(isGreater(number(0), x), tail, subtract(number(1), tail));
    return multiplyAdd(multiply(x, number(0.39894228f)), power, phi);
}

template <bool IS_EXACT> void computeIn(const ggml_compute_params * params, ggml_tensor * y) {
    const float * x = floats(y->src[0]);
    const float * gradient = floats(y->src[1]);
    const Share share = shareOf(params, ggml_nelements(y));
    eachVector(share.begin, share.end, [&](int64_t i, auto mask) {
        /* Beyond that the derivative is 0 or 1, also where a square would be infinite. A bound comes first, so that NaN
         * stays what it is. */
        const F32 bounded = larger(number(-16), smaller(number(16), load(x + i, mask)));
        const F32 derivative = IS_EXACT ? exactDerivative(bounded) : approximateDerivative(bounded);
        store(floats(y) + i, mask, multiply(load(gradient + i, mask), derivative));
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, IS_EXACT_AT) ? computeIn<true>(params, y) : computeIn<false>(params, y);
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
