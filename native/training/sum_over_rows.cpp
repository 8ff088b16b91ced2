/*
 * Sums of rows: the gradients of biases. A thread takes some columns, and adds up row by row.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

constexpr int VECTORS = 4;  // that are added up at once

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const auto rowAt = [&](int64_t i1, int64_t i2, int64_t i3) {
        return floats(x) + i1 * strideOf(x, 1) + i2 * strideOf(x, 2) + i3 * strideOf(x, 3);
    };
    const Share share = shareOf(params, y->ne[0]);
    for (int64_t begin = share.begin; begin < share.end; begin += VECTORS * LANES) {
        F32 sums[VECTORS];
        Mask masks[VECTORS] = {};
        for (int v = 0; v < VECTORS; v++) {
            sums[v] = zeros();
            masks[v] = firstLanes(share.end - begin - v * LANES);
        }
        for (int64_t i3 = 0; i3 < x->ne[3]; i3++) {
            for (int64_t i2 = 0; i2 < x->ne[2]; i2++) {
                for (int64_t i1 = 0; i1 < x->ne[1]; i1++) {
                    const float * row = rowAt(i1, i2, i3) + begin;
                    for (int v = 0; v < VECTORS; v++) {
                        sums[v] = add(sums[v], load(row + v * LANES, masks[v]));
                    }
                }
            }
        }
        for (int v = 0; v < VECTORS; v++) {
            store(floats(y) + begin + v * LANES, masks[v], sums[v]);
        }
    }
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_sum_over_rows(ggml_context * context, ggml_tensor * x) {
    return training::operation(context, training::KERNEL, {x->ne[0]}, {x});
}

#endif
