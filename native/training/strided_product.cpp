/*
 * Products of matrices in any order of axes: both directions of backpropagation, and the way forward, without copies of
 * transposed matrices.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include "product_units.h"

namespace training {
namespace {

constexpr int ROUNDS_AT = 0;

/* Matrices of one tensor. */
struct Matrices {
    const ggml_tensor * x;

    /* Matrix number `i` of those in outer axes of sizes `outer` and more. Where the tensor has one only, it is repeated. */
    Matrix operator()(int64_t i, int64_t outer) const {
        const int64_t i2 = x->ne[2] == 1 ? 0 : i % outer, i3 = x->ne[3] == 1 ? 0 : i / outer;
        return {floats(x) + i2 * strideOf(x, 2) + i3 * strideOf(x, 3), strideOf(x, 1), strideOf(x, 0)};
    }
};

/* Rows of x that are multiplied as one matrix: those of outer axes too, if they lie in step and meet the same weight. */
struct Rows {
    int64_t count;
    int64_t stride;

    Rows(const ggml_tensor * weight, const ggml_tensor * x) : count(x->ne[1]), stride(strideOf(x, 1)) {
        for (int axis = 2; axis < GGML_MAX_DIMS; axis++) {
            if (x->ne[axis] == 1) {
                continue;
            }
            if (weight->ne[axis] > 1 || (count > 1 && strideOf(x, axis) != count * stride)) {
                return;
            }
            stride = count == 1 ? strideOf(x, axis) : stride;
            count *= x->ne[axis];
        }
    }
};

template <class Precision> void computeIn(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * weight = y->src[0];
    const ggml_tensor * x = y->src[1];
    const Rows rows(weight, x);
    const Units units(ggml_nrows(x) / rows.count, rows.count, weight->ne[1], LANES, params->nth);
    auto * work = reinterpret_cast<float *>(alignedWork(params) + params->ith * PRODUCT_BYTES);
    startTurns(params);
    takeTurns(params, units.count(), 1, [&](int64_t i, int64_t) {
        const Unit unit = units[i];
        /* The first row, as its place in the outer axes. */
        const int64_t first = unit.batch * rows.count / x->ne[1];
        Matrix a = Matrices{x}(first, x->ne[2]);
        a.rowStride = rows.stride;
        const Matrix b = Matrices{weight}(first, x->ne[2]);
        float * to = floats(y) + (unit.batch * rows.count + unit.rowBegin) * y->ne[0];
        multiplyBlock<Precision>(a.from(unit.rowBegin, 0), unit.rowEnd - unit.rowBegin, MatrixPanels{b}, unit.begin,
                                 unit.end, x->ne[0], Target{to, y->ne[0]}, false, work);
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, ROUNDS_AT) ? computeIn<Rounded>(params, y) : computeIn<Single>(params, y);
}

size_t workSize(const ggml_tensor *, int numThreads) {
    return CACHE_LINE + numThreads * PRODUCT_BYTES;
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_strided_product(ggml_context * context, ggml_tensor * weight, ggml_tensor * x, bool rounds) {
    ggml_tensor * y = training::operation(
        context, training::KERNEL, {weight->ne[1], x->ne[1], x->ne[2], x->ne[3]}, {weight, x});
    training::setParameter(y, training::ROUNDS_AT, static_cast<int32_t>(rounds));
    return y;
}

#endif
