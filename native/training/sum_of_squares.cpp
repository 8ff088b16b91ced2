/*
 * The sum of squares, for the norm of gradients: of parts of one size, in double precision, then of the parts in their
 * order.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include <numeric>

namespace training {
namespace {

constexpr int64_t PART = 1 << 14;

int64_t numParts(int64_t count) {
    return (count + PART - 1) / PART;
}

double sumOfPart(const float * x, int64_t count) {
    /* Two sums, of which neither waits for the other. */
    F64 lowSums = zeroDoubles(), highSums = zeroDoubles();
    eachVector(0, count, [&](int64_t i, auto mask) {
        const F32 numbers = load(x + i, mask);
        const F64 low = lowDoubles(numbers), high = highDoubles(numbers);
        lowSums = multiplyAdd(low, low, lowSums);
        highSums = multiplyAdd(high, high, highSums);
    });
    double parts[LANES / 2];
    ::store(parts, add(lowSums, highSums));
    return std::accumulate(parts, parts + LANES / 2, 0.0);
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
