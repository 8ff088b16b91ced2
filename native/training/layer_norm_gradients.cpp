/*
 * The gradients of layer normalization, y = z * weight + bias with z = (x - mean) / deviation:
 *
 *   of x       (h - mean(h) - z * mean(h * z)) / deviation, with h = gradient * weight
 *   of weight  the sum of gradient * z over all rows;  of bias  that of gradient
 *
 * The sums are made part by part, of which there are as many whatever the number of threads is.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

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

F32 number(double x) {
    return broadcast(static_cast<float>(x));
}

/* One row; adds to the gradients of weight and bias, which lie behind each other. */
void computeRow(const Row & row, const float * weight, int64_t width, float epsilon, float * sums) {
    F32 total = zeros();
    eachVector(0, width, [&](int64_t i, auto mask) { total = add(total, load(row.x + i, mask)); });
    const F32 mean = number(static_cast<double>(sumOf(total)) / width);
    const auto distance = [&](int64_t i, auto mask) {
        return selectIn(mask, subtract(load(row.x + i, mask), mean), zeros());
    };
    F32 squares = zeros();
    eachVector(0, width, [&](int64_t i, auto mask) {
        const F32 d = distance(i, mask);
        squares = multiplyAdd(d, d, squares);
    });
    const double factor = 1 / std::sqrt(static_cast<double>(sumOf(squares)) / width + epsilon);
    F32 plain = zeros(), weighted = zeros();
    eachVector(0, width, [&](int64_t i, auto mask) {
        const F32 z = multiply(distance(i, mask), number(factor)), gradient = load(row.gradient + i, mask);
        const F32 h = multiply(gradient, load(weight + i, mask));
        plain = add(plain, h);
        weighted = multiplyAdd(h, z, weighted);
        store(sums + i, mask, multiplyAdd(gradient, z, load(sums + i, mask)));
        store(sums + width + i, mask, add(gradient, load(sums + width + i, mask)));
    });
    const F32 minusMean = number(-static_cast<double>(sumOf(plain)) / width);
    const F32 slope = number(factor * sumOf(weighted) / width);
    eachVector(0, width, [&](int64_t i, auto mask) {
        const F32 rest = multiplyAdd(load(row.gradient + i, mask), load(weight + i, mask), minusMean);
        store(row.result + i, mask, multiply(subtractProduct(rest, distance(i, mask), slope), number(factor)));
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
    eachVector(share.begin, share.end, [&](int64_t i, auto mask) {
        F32 sum = load(work + i, mask);
        for (int64_t part = 1; part < parts; part++) {
            sum = add(sum, load(work + part * 2 * width + i, mask));
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
