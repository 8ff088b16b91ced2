/*
 * The gradients of layer normalization, y = z * weight + bias with z = (x - mean) / deviation:
 *
 *   of x       (h - mean(h) - z * mean(h * z)) / deviation, with h = gradient * weight
 *   of weight  the sum of gradient * z over all rows;  of bias  that of gradient
 *
 * The sums are made part by part, of which there are as many whatever the number of threads is.
 */
#include "operation.h"

#ifdef GPT2_HAS_AVX512

#include <cmath>
#include <cstring>

namespace training {
namespace {

constexpr int EPSILON_AT = 0;
constexpr int64_t MAX_PARTS = 64;
constexpr int64_t ROWS_OF_PART = 16;  // or more

int64_t numParts(int64_t rows) {
    return std::clamp<int64_t>(rows / ROWS_OF_PART, 1, MAX_PARTS);
}

struct Row {
    const float * x;
    const float * gradient;
    float *       result;
};

/* One row; adds to the gradients of weight and bias, which lie behind each other. */
void computeRow(const Row & row, const float * weight, int64_t width, float epsilon, float * sums) {
    __m512 total = _mm512_setzero_ps();
    eachVector(0, width, [&](int64_t i, __mmask16 mask) { total = _mm512_add_ps(total, load(row.x + i, mask)); });
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(total) / width);
    __m512 squares = _mm512_setzero_ps();
    eachVector(0, width, [&](int64_t i, __mmask16 mask) {
        const __m512 distance = _mm512_maskz_sub_ps(mask, load(row.x + i, mask), mean);
        squares = _mm512_fmadd_ps(distance, distance, squares);
    });
    const __m512 factor = _mm512_set1_ps(1 / std::sqrt(_mm512_reduce_add_ps(squares) / width + epsilon));
    const auto normalized = [&](int64_t i, __mmask16 mask) {
        return _mm512_mul_ps(_mm512_maskz_sub_ps(mask, load(row.x + i, mask), mean), factor);
    };
    __m512 plain = _mm512_setzero_ps(), weighted = _mm512_setzero_ps();
    eachVector(0, width, [&](int64_t i, __mmask16 mask) {
        const __m512 z = normalized(i, mask), gradient = load(row.gradient + i, mask);
        const __m512 h = _mm512_mul_ps(gradient, load(weight + i, mask));
        plain = _mm512_add_ps(plain, h);
        weighted = _mm512_fmadd_ps(h, z, weighted);
        store(sums + i, mask, _mm512_fmadd_ps(gradient, z, load(sums + i, mask)));
        store(sums + width + i, mask, _mm512_add_ps(gradient, load(sums + width + i, mask)));
    });
    const __m512 plainMean = _mm512_set1_ps(_mm512_reduce_add_ps(plain) / width);
    const __m512 weightedMean = _mm512_set1_ps(_mm512_reduce_add_ps(weighted) / width);
    eachVector(0, width, [&](int64_t i, __mmask16 mask) {
        const __m512 h = _mm512_mul_ps(load(row.gradient + i, mask), load(weight + i, mask));
        const __m512 rest = _mm512_fnmadd_ps(normalized(i, mask), weightedMean, _mm512_sub_ps(h, plainMean));
        store(row.result + i, mask, _mm512_mul_ps(rest, factor));
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const int64_t width = x->ne[0], rows = ggml_nrows(x), parts = numParts(rows);
    const float epsilon = floatParameter(y, EPSILON_AT);
    auto * work = reinterpret_cast<float *>(alignedWork(params));
    startTurns(params);
    takeTurns(params, parts, 1, [&](int64_t part, int64_t) {
        float * sums = work + part * 2 * width;
        std::fill_n(sums, 2 * width, 0.0f);
        for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; row++) {
            const int64_t at = row * width;
            computeRow({floats(x) + at, floats(y->src[2]) + at, floats(y) + at}, floats(y->src[1]), width, epsilon, sums);
        }
    });
    ggml_barrier(params->threadpool);
    float * result = floats(y) + rows * width;
    const Share share = shareOf(params, 2 * width);
    eachVector(share.begin, share.end, [&](int64_t i, __mmask16 mask) {
        __m512 sum = load(work + i, mask);
        for (int64_t part = 1; part < parts; part++) {
            sum = _mm512_add_ps(sum, load(work + part * 2 * width + i, mask));
        }
        store(result + i, mask, sum);
    });
}

size_t workSize(const ggml_tensor * y, int) {
    return CACHE_LINE + numParts(ggml_nrows(y->src[0])) * 2 * y->src[0]->ne[0] * sizeof(float);
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_layer_norm_gradients(
    ggml_context * context, ggml_tensor * x, ggml_tensor * weight, ggml_tensor * gradient, float epsilon) {
    ggml_tensor * y = training::operation(
        context, training::KERNEL, {ggml_nelements(x) + 2 * x->ne[0]}, {x, weight, gradient});
    training::setParameter(y, training::EPSILON_AT, epsilon);
    return y;
}

#endif
