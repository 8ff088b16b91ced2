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

#include "ggml-backend.h"
#include "lane_sums.h"

namespace {

constexpr int TILE_ROWS = 4;
#ifdef GPT2_HAS_AVX512
constexpr int TILE_COLUMNS = 6;      // with 4 rows that makes 24 sums, of 32 registers
#elif defined(__ARM_NEON)
constexpr int TILE_COLUMNS = 2;      // 8 sums of two registers each, of 32
#else
constexpr int TILE_COLUMNS = 3;      // 12 sums, of 16 registers
#endif
constexpr int TURN_ROWS = 32;        // of the matrix, while many columns pass by
constexpr int TURN_BYTES = 1 << 18;  // of the columns, that stay in the cache (L2) while rows pass by
constexpr int L1_BYTES = 1 << 14;    // half of the smallest cache (L1)
constexpr int AHEAD_BYTES = 1 << 12; // of the matrix, that are on their way from memory

/* What the formats below have in common: columns in F32. */
struct SingleColumns {
    using Column = float;
    using Numbers = F32;
    static constexpr int STEP = LANES;

    static F32 column(const float * from) { return load(from); }
    static F32 add(F32 sum, F32 a, F32 b) { return multiplyAdd(a, b, sum); }
};

struct Single : SingleColumns {
    using Row = float;
    static F32 row(const float * from) { return load(from); }
};

struct Half : SingleColumns {
    using Row = uint16_t;
    static F32 row(const uint16_t * from) { return loadHalves(from); }
};

#if defined(GPT2_HAS_AVX512) && defined(__AVX512BF16__)

struct BFloat {
    using Row = uint16_t;
    using Column = uint16_t;
    using Numbers = __m512bh;
    static constexpr int STEP = 2 * LANES;

    static __m512bh row(const uint16_t * from) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from)); }
    static __m512bh column(const uint16_t * from) { return row(from); }
    static __m512 add(__m512 sum, __m512bh a, __m512bh b) { return _mm512_dpbf16_ps(sum, a, b); }
    static void round(const float * from, uint16_t * to) {
        const __m256bh numbers = _mm512_cvtneps_pbh(_mm512_loadu_ps(from));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), reinterpret_cast<__m256i>(numbers));
    }
};

#else

struct BFloat : SingleColumns {
    using Row = uint16_t;
    static F32 row(const uint16_t * from) { return loadBFloats(from); }
};

#endif

/* Whether columns are rounded before they are multiplied. */
template <class Format> constexpr bool ROUNDS = sizeof(typename Format::Column) < sizeof(float);

/* Columns of numbers, `stride` apart. */
template <class Number> struct Columns {
    const Number * first;
    int64_t        stride;
};

/* Part of a product: rows of the matrix, columns x, and where the first row of the first column goes. */
template <class Format> struct Part {
    const typename Format::Row *    rows;
    int64_t                         rowStride;
    const typename Format::Column * columns;
    int64_t                         columnStride;
    float *                         y;
    int64_t                         yStride;
    int64_t                         width;
};

/* R rows times N columns. Meanwhile as many bytes of the matrix are asked for, from front to back, that begin `ahead`
 * bytes behind the first row, unless that is 0: with several rows in turn the CPU's own guess at what is read next
 * fails. */
template <class Format, int R, int N> void multiplyTile(const Part<Format> & part, int64_t ahead) {
    F32 sums[N][R];
    GPT2_UNROLL
    for (int n = 0; n < N; n++) {
        GPT2_UNROLL
        for (int r = 0; r < R; r++) {
            sums[n][r] = zeros();
        }
    }
    constexpr int BYTES = R * Format::STEP * sizeof(typename Format::Row);
    const char * next = reinterpret_cast<const char *>(part.rows) + ahead;
    const bool isNear = part.width * BYTES <= L1_BYTES * Format::STEP;
    for (int64_t i = 0; i < part.width; i += Format::STEP, next += BYTES) {
        for (int b = 0; ahead != 0 && b < BYTES; b += CACHE_LINE) {
            if (isNear) {
                prefetch(next + b);
            } else {
                prefetchFar(next + b);
            }
        }
        typename Format::Numbers row[R];
        GPT2_UNROLL
        for (int r = 0; r < R; r++) {
            row[r] = Format::row(part.rows + r * part.rowStride + i);
        }
        GPT2_UNROLL
        for (int n = 0; n < N; n++) {
            const auto column = Format::column(part.columns + n * part.columnStride + i);
            GPT2_UNROLL
            for (int r = 0; r < R; r++) {
                sums[n][r] = Format::add(sums[n][r], row[r], column);
            }
        }
    }
    GPT2_UNROLL
    for (int n = 0; n < N; n++) {
        if constexpr (R == 4) {
            store(part.y + n * part.yStride, sumFour(sums[n]));
        } else {
            GPT2_UNROLL
            for (int r = 0; r < R; r++) {
                part.y[n * part.yStride + r] = sumOf(sums[n][r]);
            }
        }
    }
}

/* Rows `begin` to `end`, as many at a time as a tile has and those behind the last tile one at a time, with N columns,
 * or fewer. */
template <class Format, int N>
void multiplyRows(Part<Format> part, int64_t begin, int64_t end, int64_t numColumns, int64_t ahead) {
    if constexpr (N > 1) {
        if (numColumns < N) {
            return multiplyRows<Format, N - 1>(part, begin, end, numColumns, ahead);
        }
    }
    part.rows += begin * part.rowStride;
    part.y += begin;
    int64_t row = begin;
    for (; row + TILE_ROWS <= end; row += TILE_ROWS) {
        multiplyTile<Format, TILE_ROWS, N>(part, ahead);
        part.rows += TILE_ROWS * part.rowStride;
        part.y += TILE_ROWS;
    }
    for (; row < end; row++) {
        multiplyTile<Format, 1, N>(part, 0);
        part.rows += part.rowStride;
        part.y++;
    }
}

/* The columns as they are multiplied. Each thread rounds some of them, where that is needed. */
template <class Format>
Columns<typename Format::Column> prepareColumns(const ggml_compute_params * params, const ggml_tensor * x) {
    if constexpr (ROUNDS<Format>) {
        auto * rounded = reinterpret_cast<typename Format::Column *>(alignedWork(params));
        const int64_t perColumn = x->ne[0] / LANES;
        for (int64_t i = params->ith; i < perColumn * x->ne[1]; i += params->nth) {
            const char * column = static_cast<const char *>(x->data) + i / perColumn * x->nb[1];
            Format::round(reinterpret_cast<const float *>(column) + i % perColumn * LANES, rounded + i * LANES);
        }
        return {rounded, x->ne[0]};
    } else {
        return {static_cast<const float *>(x->data), static_cast<int64_t>(x->nb[1] / sizeof(float))};
    }
}

template <class Format> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const auto x = prepareColumns<Format>(params, y->src[1]);
    const int64_t numRows = y->ne[0], numColumns = y->ne[1], width = matrix->ne[0];
    const Part<Format> whole = {
        static_cast<const typename Format::Row *>(matrix->data),
        static_cast<int64_t>(matrix->nb[1] / sizeof(typename Format::Row)),
        x.first,
        x.stride,
        static_cast<float *>(y->data),
        static_cast<int64_t>(y->nb[1] / sizeof(float)),
        width,
    };
    const auto columnsFrom = [&](int64_t column) {
        Part<Format> part = whole;
        part.columns += column * part.columnStride;
        part.y += column * part.yStride;
        return part;
    };
    const int64_t tileBytes = TILE_ROWS * matrix->nb[1];
    const int64_t columnBytes = width * sizeof(typename Format::Column);
    startTurns(params);
    if (numColumns <= TILE_COLUMNS) {
        /* Reading the matrix is what takes time. What is asked for first has to be there when the last row of the next
         * tile begins. */
        const int64_t ahead = tileBytes - matrix->nb[1] + AHEAD_BYTES;
        const int64_t turnRows = (numRows / (4 * params->nth * TILE_ROWS) + 1) * TILE_ROWS;
        takeTurns(params, numRows, turnRows, [&](int64_t begin, int64_t end) {
            multiplyRows<Format, TILE_COLUMNS>(whole, begin, end, numColumns, ahead);
        });
        return;
    }
    const int64_t turnColumns = std::max<int64_t>(TURN_BYTES / columnBytes / TILE_COLUMNS, 4) * TILE_COLUMNS;
    const int64_t rowTurns = (numRows + TURN_ROWS - 1) / TURN_ROWS;
    const int64_t columnTurns = (numColumns + turnColumns - 1) / turnColumns;
    takeTurns(params, rowTurns * columnTurns, 1, [&](int64_t turn, int64_t) {
        const int64_t begin = turn % rowTurns * TURN_ROWS, end = std::min(begin + TURN_ROWS, numRows);
        const int64_t first = turn / rowTurns * turnColumns, last = std::min(first + turnColumns, numColumns);
        /* The rows of a tile stay in the cache (L1) while columns pass by. */
        for (int64_t row = begin; row < end; row += TILE_ROWS) {
            const int64_t rowEnd = std::min<int64_t>(row + TILE_ROWS, end);
            for (int64_t column = first; column < last; column += TILE_COLUMNS) {
                const int64_t count = std::min<int64_t>(TILE_COLUMNS, last - column);
                multiplyRows<Format, TILE_COLUMNS>(
                    columnsFrom(column), row, rowEnd, count, column == first ? tileBytes : 0);
            }
        }
    });
}

template <class Format> size_t workSize(const ggml_tensor * y, int) {
    return ROUNDS<Format> ? CACHE_LINE + ggml_nelements(y->src[1]) * sizeof(typename Format::Column) : 0;
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
