/*
 * The sum of squares, for the norm of gradients: of parts of one size, in double precision, then of the parts in their
 * order.
 */
#include "operation.h"

#ifdef GPT2_HAS_AVX512

namespace training {
namespace {

constexpr int64_t PART = 1 << 14;

int64_t numParts(int64_t count) {
    return (count + PART - 1) / PART;
}

double sumOfPart(const float * x, int64_t count) {
    __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
    eachVector(0, count, [&](int64_t i, __mmask16 mask) {
        const __m512 numbers = load(x + i, mask);
        const __m512d left = _mm512_cvtps_pd(_mm512_castps512_ps256(numbers));
        const __m512d right = _mm512_cvtps_pd(_mm512_extractf32x8_ps(numbers, 1));
        low = _mm512_fmadd_pd(left, left, low);
        high = _mm512_fmadd_pd(right, right, high);
    });
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high));
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const int64_t count = ggml_nelements(x), parts = numParts(count);
    auto * sums = reinterpret_cast<double *>(alignedWork(params));
    startTurns(params);
    takeTurns(params, parts, 1, [&](int64_t part, int64_t) {
        sums[part] = sumOfPart(floats(x) + part * PART, std::min(PART, count - part * PART));
    });
    ggml_barrier(params->threadpool);
    if (params->ith == 0) {
        double total = 0;
        for (int64_t part = 0; part < parts; part++) {
            total += sums[part];
        }
        floats(y)[0] = static_cast<float>(total);
    }
}

size_t workSize(const ggml_tensor * y, int) {
    return CACHE_LINE + numParts(ggml_nelements(y->src[0])) * sizeof(double);
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_sum_of_squares(ggml_context * context, ggml_tensor * x) {
    return training::operation(context, training::KERNEL, {1}, {x});
}

#endif
