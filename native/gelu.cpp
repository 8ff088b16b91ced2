/*
 * GELU in the tanh approximation, computed from its formula: ggml looks it up in a table of half-precision
 * numbers, which is off by up to 2e-3.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "vector_exp.h"

namespace {

/* 0.5 x (1 + tanh(z)) with z = sqrt(2/pi) (x + 0.044715 x^3), which is x / (1 + e^-2z). */
__m512 gelu(__m512 x) {
    const __m512 square = _mm512_mul_ps(x, x);
    const __m512 slope = _mm512_fmadd_ps(square, _mm512_set1_ps(-1.5957691f * 0.044715f), _mm512_set1_ps(-1.5957691f));
    const __m512 power = exponential(_mm512_mul_ps(x, slope));
    return _mm512_div_ps(x, _mm512_add_ps(power, _mm512_set1_ps(1)));
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const auto * from = static_cast<const float *>(y->src[0]->data);
    auto * to = static_cast<float *>(y->data);
    const int64_t count = ggml_nelements(y);
    const int64_t numVectors = (count + 15) / 16;
    const int64_t begin = numVectors * params->ith / params->nth * 16;
    const int64_t end = std::min(numVectors * (params->ith + 1) / params->nth * 16, count);
    for (int64_t i = begin; i < end; i += 16) {
        const __mmask16 mask = 0xffff >> (16 - std::min<int64_t>(16, end - i));
        _mm512_mask_storeu_ps(to + i, mask, gelu(_mm512_maskz_loadu_ps(mask, from + i)));
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
