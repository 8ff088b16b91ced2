/*
 * GELU in the tanh approximation, computed from its formula: ggml looks it up in a table of half-precision
 * numbers, which is off by up to 2e-3.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "vector_exp.h"

namespace {

/* 0.5 x (1 + tanh(z)) with z = sqrt(2/pi) (x + 0.044715 x^3), which is x / (1 + e^-2z). */
F32 gelu(F32 x) {
    const F32 square = multiply(x, x);
    const F32 slope = multiplyAdd(square, broadcast(-1.5957691f * 0.044715f), broadcast(-1.5957691f));
    const F32 power = exponential(multiply(x, slope));
    return divide(x, add(power, broadcast(1.0f)));
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const auto * from = static_cast<const float *>(y->src[0]->data);
    auto * to = static_cast<float *>(y->data);
    const int64_t count = ggml_nelements(y);
    const int64_t numVectors = (count + LANES - 1) / LANES;
    const int64_t begin = numVectors * params->ith / params->nth * LANES;
    const int64_t end = std::min(numVectors * (params->ith + 1) / params->nth * LANES, count);
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) {
        store(to + i, gelu(load(from + i)));
    }
    if (i < end) {
        const Mask rest = firstLanes(end - i);
        storeWhere(rest, to + i, gelu(loadWhere(rest, from + i)));
    }
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace

const Kernel * geluKernel(const ggml_tensor * y) {
    const bool fits = ggml_get_unary_op(y) == GGML_UNARY_OP_GELU && y->type == GGML_TYPE_F32 &&
                      y->src[0]->type == GGML_TYPE_F32 && ggml_is_contiguous(y) && ggml_is_contiguous(y->src[0]);
    return fits ? &KERNEL : nullptr;
}

#endif
