/*
 * Sums of rows: the gradients of biases. A thread takes some columns, and adds up row by row: a few rows first, then what
 * they come to, since a small number loses digits when it is added to a large one.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

constexpr int VECTORS = 64 / LANES;  // that are added up at once: four cache lines of a row
constexpr int ROWS_OF_PART = 32;
constexpr int AHEAD_ROWS = 8;  // are on their way from memory: the CPU does not guess what lies far

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const auto rowAt = [&](int64_t i1, int64_t i2, int64_t i3) {
        return floats(x) + i1 * strideOf(x, 1) + i2 * strideOf(x, 2) + i3 * strideOf(x, 3);
    };
    const Share share = shareOf(params, y->ne[0]);
    for (int64_t begin = share.begin; begin < share.end; begin += VECTORS * LANES) {
        F32 sums[VECTORS], part[VECTORS];
        int rowsOfPart = 0;
        Mask masks[VECTORS] = {};
        const auto endPart = [&] {
            rowsOfPart = 0;
            for (int v = 0; v < VECTORS; v++) {
                sums[v] = add(sums[v], part[v]);
                part[v] = zeros();
            }
        };
        for (int v = 0; v < VECTORS; v++) {
            sums[v] = part[v] = zeros();
            masks[v] = firstLanes(share.end - begin - v * LANES);
        }
        for (int64_t i3 = 0; i3 < x->ne[3]; i3++) {
            for (int64_t i2 = 0; i2 < x->ne[2]; i2++) {
                for (int64_t i1 = 0; i1 < x->ne[1]; i1++) {
                    const float * row = rowAt(i1, i2, i3) + begin;
                    for (int v = 0; v < VECTORS; v++) {
                        prefetch(row + AHEAD_ROWS * strideOf(x, 1) + v * LANES);
                        part[v] = add(part[v], load(row + v * LANES, masks[v]));
                    }
                    if (++rowsOfPart == ROWS_OF_PART) {
                        endPart();
                    }
                }
            }
        }
        endPart();
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
