/*
 * Adds rows to those of a table: the gradient of looking them up. A thread takes some columns of all rows, one after
 * another, so the result does not depend on the number of threads.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

void addRows(const ggml_compute_params * params, ggml_tensor * y, const ggml_tensor * ids, const ggml_tensor * rows) {
    const auto * numbers = static_cast<const int32_t *>(ids->data);
    const int64_t width = y->ne[0];
    const Share share = shareOf(params, width);
    for (int64_t row = 0; row < rows->ne[1]; row++) {
        if (numbers[row] < 0 || numbers[row] >= y->ne[1]) {
            continue;
        }
        const float * from = floats(rows) + row * width;
        float * to = floats(y) + numbers[row] * width;
        eachVector(share.begin, share.end, [&](int64_t i, auto mask) {
            store(to + i, mask, add(load(to + i, mask), load(from + i, mask)));
        });
    }
}

void computeInPlace(const ggml_compute_params * params, ggml_tensor * y) {
    addRows(params, y, y->src[1], y->src[2]);
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const Share share = shareOf(params, ggml_nelements(y));
    std::fill(floats(y) + share.begin, floats(y) + share.end, 0.0f);
    ggml_barrier(params->threadpool);
    addRows(params, y, y->src[0], y->src[1]);
}

constexpr Kernel KERNEL = {compute, noWork};
constexpr Kernel KERNEL_IN_PLACE = {computeInPlace, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_add_rows_at(
    ggml_context * context, ggml_tensor * table, ggml_tensor * ids, ggml_tensor * rows, int64_t num_rows) {
    return table == nullptr ? training::operation(context, training::KERNEL, {rows->ne[0], num_rows}, {ids, rows})
                            : training::operationInPlace(context, training::KERNEL_IN_PLACE, {table, ids, rows});
}

#endif
