/*
 * Products with matrices in F32, half precision and bfloat16, for any number of columns.
 *
 * Each number of the result is added up in the same order, however many columns there are and whatever thread
 * computes it: the products whose places agree modulo LANES one after another, then those sums as lane_sums.h
 * says. So a column has the same bits alone as among others. ggml has one order for one column and another for
 * several, and rounds the columns to the type of the matrix.
 *
 * Here columns stay F32. Only with a matrix in bfloat16 they are rounded, where the CPU has an instruction for
 * products of such numbers, which is twice as fast; then each of these sums takes two products at a time.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "float_product.h"
#include "ggml-backend.h"

namespace {

constexpr int TURN_ROWS = 32;        // of the matrix, while many columns pass by
constexpr int TURN_BYTES = 1 << 18;  // of the columns, that stay in the cache (L2) while rows pass by

/* Whether columns are as they have to be: one that is not rounded is. */
template <class Format> bool isPrepared(const ggml_tensor * x) {
    return x->ne[1] == 1 && sizeof(typename Format::Column) == sizeof(float);
}

/* The columns as they are multiplied. Each thread brings some of them into order, and rounds them where that is needed. */
template <class Format>
const typename Format::Column * prepareColumns(const ggml_compute_params * params, const ggml_tensor * x) {
    if (isPrepared<Format>(x)) {
        return static_cast<const typename Format::Column *>(x->data);
    }
    auto * columns = reinterpret_cast<typename Format::Column *>(alignedWork(params));
    const ColumnTiles tiles = {x->ne[1]};
    const int64_t numSteps = x->ne[0] / Format::STEP;
    const int64_t end = tiles.count * numSteps * (params->ith + 1) / params->nth;
    for (int64_t i = tiles.count * numSteps * params->ith / params->nth; i < end; i++) {
        const int64_t begin = tiles.begin(i / numSteps), size = tiles.size(i / numSteps);
        const int64_t step = i % numSteps;
        for (int64_t n = 0; n < size; n++) {
            const char * column = static_cast<const char *>(x->data) + (begin + n) * x->nb[1];
            Format::prepare(
                reinterpret_cast<const float *>(column) + step * Format::STEP,
                columns + (begin * numSteps + step * size + n) * Format::STEP);
        }
    }
    return columns;
}

template <class Format> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const Product<Format> product = {
        static_cast<const typename Format::Row *>(matrix->data),
        static_cast<int64_t>(matrix->nb[1] / sizeof(typename Format::Row)),
        y->ne[0],
        prepareColumns<Format>(params, y->src[1]),
        {y->ne[1]},
        matrix->ne[0],
        static_cast<float *>(y->data),
        static_cast<int64_t>(y->nb[1] / sizeof(float)),
    };
    const int64_t numRows = product.numRows, numTiles = product.tiles.count;
    startTurns(params);
    if (numTiles == 1) {
        const int64_t turnRows = (numRows / (4 * params->nth * TILE_ROWS) + 1) * TILE_ROWS;
        takeTurns(params, numRows, turnRows, [&](int64_t begin, int64_t end) { product.multiplyAlone(begin, end); });
        return;
    }
    const int64_t columnBytes = product.width * sizeof(typename Format::Column);
    const int64_t turnTiles = std::clamp<int64_t>(TURN_BYTES / columnBytes / TILE_COLUMNS, 4, MAX_TILES);
    const int64_t rowTurns = (numRows + TURN_ROWS - 1) / TURN_ROWS;
    const int64_t columnTurns = (numTiles + turnTiles - 1) / turnTiles;
    takeTurns(params, rowTurns * columnTurns, 1, [&](int64_t turn, int64_t) {
        const int64_t begin = turn % rowTurns * TURN_ROWS, first = turn / rowTurns * turnTiles;
        product.multiplyTiles(
            begin, std::min(begin + TURN_ROWS, numRows), first, std::min(first + turnTiles, numTiles));
    });
}

template <class Format> size_t workSize(const ggml_tensor * y, int) {
    const ggml_tensor * x = y->src[1];
    return isPrepared<Format>(x) ? 0 : CACHE_LINE + ggml_nelements(x) * sizeof(typename Format::Column);
}

/* The kernel, for rows that are whole steps. */
template <class Format> const Kernel * kernelFor(const ggml_tensor * matrix) {
    static constexpr Kernel KERNEL = {multiply<Format>, workSize<Format>};
    return matrix->ne[0] % Format::STEP == 0 ? &KERNEL : nullptr;
}

}  // namespace

const Kernel * floatMatmulKernel(const ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const ggml_tensor * x = y->src[1];
    const bool fits = ggml_is_matrix(matrix) && ggml_is_matrix(x) && x->type == GGML_TYPE_F32 &&
                      matrix->nb[0] == ggml_type_size(matrix->type) && x->nb[0] == sizeof(float) &&
                      (matrix->buffer == nullptr || ggml_backend_buffer_is_host(matrix->buffer));
    return !fits                             ? nullptr
         : matrix->type == GGML_TYPE_F32  ? kernelFor<Single>(matrix)
         : matrix->type == GGML_TYPE_F16  ? kernelFor<Half>(matrix)
         : matrix->type == GGML_TYPE_BF16 ? kernelFor<BFloat>(matrix)
                                          : nullptr;
}

#endif
