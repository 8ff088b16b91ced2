/*
 * What both directions of causal attention have in common. For some rows of queries all scores of the keys that they may
 * see are computed, and stay in the cache (L2): product.h does the arithmetic.
 */
#pragma once

#include "dropout.h"
#include "operation.h"
#include "product.h"

#ifdef GPT2_HAS_KERNELS

namespace training {

constexpr int64_t QUERIES_AT_ONCE = 128;

/* Rows of numbers of one head: (head_dim, seq, heads, batch), of which only rows lie side by side. */
struct Heads {
    const ggml_tensor * x;

    int64_t headDim() const { return x->ne[0]; }
    int64_t seq() const { return x->ne[1]; }
    int64_t count() const { return x->ne[2] * x->ne[3]; }

    Matrix operator[](int64_t head) const {
        const float * first = floats(x) + head % x->ne[2] * strideOf(x, 2) + head / x->ne[2] * strideOf(x, 3);
        return {first, strideOf(x, 1), 1};
    }
};

inline Matrix transposed(const Matrix & x) {
    return {x.data, x.columnStride, x.rowStride};
}

/* Scores are stored in rows of whole vectors. */
inline int64_t scoreStride(int64_t seq) {
    return (seq + LANES - 1) / LANES * LANES;
}

/* y = a * b transposed, for any number of rows of b. */
template <class Precision>
void multiplyAll(const Matrix & a, int64_t rows, const Matrix & b, int64_t numRows, int64_t inner, Target y, bool adds,
                 float * work, const Triangle & triangle = {}) {
    for (int64_t begin = 0; begin < numRows; begin += BLOCK_ROWS) {
        const int64_t end = std::min<int64_t>(begin + BLOCK_ROWS, numRows);
        multiplyBlock<Precision>(a, rows, MatrixPanels{b}, begin, end, inner, y, adds, work, triangle);
    }
}

constexpr int SCALE_AT = 0;
constexpr int PROBABILITY_AT = 1;
constexpr int STREAM_AT = 2;
constexpr int ROUNDS_AT = 3;

inline void setAttention(ggml_tensor * y, float scale, float probability, uint32_t stream, bool rounds) {
    setParameter(y, SCALE_AT, scale);
    setParameter(y, PROBABILITY_AT, probability);
    setParameter(y, STREAM_AT, static_cast<int32_t>(stream));
    setParameter(y, ROUNDS_AT, static_cast<int32_t>(rounds));
}

inline Dropout dropoutOf(const ggml_tensor * y, const ggml_tensor * seed) {
    return seed == nullptr ? Dropout()
                           : Dropout(static_cast<const int32_t *>(seed->data), intParameter(y, STREAM_AT),
                                     floatParameter(y, PROBABILITY_AT));
}

}  // namespace training

#endif
