/*
 * Products with the transpose of a matrix of any type, which a gradient meets on its way back through frozen weights. Of
 * quantized matrices only what is packed next is widened.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include "product_units.h"

namespace training {
namespace {

constexpr int ROUNDS_AT = 0;

constexpr size_t WIDENED_BYTES = 2 * BLOCK_ROWS * sizeof(float);

/* The columns of a matrix, as what is packed; `widened` has room for two rows of those that are packed at once. */
struct ColumnPanels {
    const ggml_tensor * matrix;
    float *             widened;

    template <class Precision>
    void pack(int64_t begin, int64_t end, int64_t first, int64_t columns, int64_t panelWords, float * words) const {
        constexpr int STEP = Precision::STEP;
        const auto * traits = ggml_get_type_traits(matrix->type);
        const int64_t count = end - begin;
        for (int64_t c = 0; c < columns; c += STEP, words += LANES) {
            const int64_t numRows = std::min<int64_t>(STEP, columns - c);
            for (int64_t i = 0; i < numRows; i++) {
                const char * row = static_cast<const char *>(matrix->data) + (first + c + i) * matrix->nb[1];
                traits->to_float(row + begin / traits->blck_size * traits->type_size, widened + i * count, count);
            }
            for (int64_t i = 0; i < count; i += LANES) {
                store(words + i * panelWords, Precision::ofColumns(widened + i, count, numRows, count - i));
            }
        }
    }
};

template <class Precision> void computeIn(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * weight = y->src[0];
    const ggml_tensor * x = y->src[1];
    const int64_t grain = std::max<int64_t>(LANES, ggml_blck_size(weight->type));
    const Units units(1, x->ne[1], weight->ne[0], grain, params->nth);
    char * own = alignedWork(params) + params->ith * (PRODUCT_BYTES + WIDENED_BYTES);
    auto * work = reinterpret_cast<float *>(own);
    auto * widened = reinterpret_cast<float *>(own + PRODUCT_BYTES);
    const Matrix a = {floats(x), strideOf(x, 1), strideOf(x, 0)};
    startTurns(params);
    takeTurns(params, units.count(), 1, [&](int64_t i, int64_t) {
        const Unit unit = units[i];
        const auto run = [&](const auto & b) {
            multiplyBlock<Precision>(a.from(unit.rowBegin, 0), unit.rowEnd - unit.rowBegin, b, unit.begin, unit.end,
                                     x->ne[0], Target{floats(y) + unit.rowBegin * y->ne[0], y->ne[0]}, false, work);
        };
        if (weight->type == GGML_TYPE_F32) {
            run(MatrixPanels{{floats(weight), strideOf(weight, 0), strideOf(weight, 1)}});
        } else {
            run(ColumnPanels{weight, widened});
        }
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, ROUNDS_AT) ? computeIn<Rounded>(params, y) : computeIn<Single>(params, y);
}

size_t workSize(const ggml_tensor *, int numThreads) {
    return CACHE_LINE + numThreads * (PRODUCT_BYTES + WIDENED_BYTES);
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_product_with_rows(ggml_context * context, ggml_tensor * weight, ggml_tensor * x, bool rounds) {
    ggml_tensor * y = training::operation(context, training::KERNEL, {weight->ne[0], x->ne[1]}, {weight, x});
    training::setParameter(y, training::ROUNDS_AT, static_cast<int32_t>(rounds));
    return y;
}

#endif
