/*
 * The first half of layer normalization: rows with mean 0 and variance 1. ggml adds up one number after
 * another, in double precision; here 16 partial sums are kept.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <immintrin.h>

#include <cmath>

namespace {

constexpr int LANES = 16;

void normalize(const float * x, float * y, int64_t count, float epsilon) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < count; i += LANES) {
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + i));
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / count);
    __m512 squares = _mm512_setzero_ps();
    for (int64_t i = 0; i < count; i += LANES) {
        const __m512 difference = _mm512_sub_ps(_mm512_loadu_ps(x + i), mean);
        _mm512_storeu_ps(y + i, difference);
        squares = _mm512_fmadd_ps(difference, difference, squares);
    }
    const __m512 factor = _mm512_set1_ps(1 / std::sqrt(_mm512_reduce_add_ps(squares) / count + epsilon));
    for (int64_t i = 0; i < count; i += LANES) {
        _mm512_storeu_ps(y + i, _mm512_mul_ps(_mm512_loadu_ps(y + i), factor));
    }
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const float epsilon = ggml_get_op_params_f32(y, 0);
    for (int64_t row = params->ith; row < ggml_nrows(x); row += params->nth) {
        const char * from = static_cast<const char *>(x->data) + row * x->nb[1];
        char * to = static_cast<char *>(y->data) + row * y->nb[1];
        normalize(reinterpret_cast<const float *>(from), reinterpret_cast<float *>(to), x->ne[0], epsilon);
    }
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace

const Kernel * normKernel(const ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const bool fits = x->type == GGML_TYPE_F32 && x->ne[0] % LANES == 0 && ggml_is_contiguous(x) &&
                      ggml_is_contiguous(y);
    return fits ? &KERNEL : nullptr;
}

#endif
