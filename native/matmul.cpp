/*
 * Products with quantized and half-precision matrices on x86 CPUs with AVX-512 VNNI.
 *
 * The matrix stays where and as it is: the weights of a model can lie in its mapped file. There are two
 * ways to multiply with it:
 *
 * With a few columns x (writing one text), what counts is to read the matrix as fast as memory gives it.
 * Rows are read from front to back, 64 columns at a time, one after another: row_formats.h.
 *
 * With many columns (reading a prompt), what counts is the arithmetic. 16 rows are brought into the order
 * in which they are multiplied at once, a tile, which then stays in the cache for all columns:
 * tile_formats.h.
 *
 * Either way x is rounded to 8 bits in runs of 32, exactly as ggml does for Q8_0. One instruction, VPDPBUSD,
 * multiplies 64 bytes and adds up four products in each 32-bit lane. It wants the bytes of the matrix
 * unsigned, which is why they have an offset. What that adds to a sum is known beforehand, since
 * sum((q + offset) x) - sum(q x) = offset sum(x): sums start from -offset sum(x) instead of 0.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-backend.h"
#include "row_formats.h"
#include "tile_formats.h"

namespace {

constexpr int MAX_ROW_COLUMNS = 2;    // more columns x than these are multiplied with tiles
constexpr int MAX_TILE_COLUMNS = 8;   // columns x that are multiplied at once: each needs two registers
constexpr int TILES_BYTES = 1 << 18;  // that stay in the cache (L2) while the columns x pass by
/* 64 numbers of a column x, each about scale * a signed byte of `words`. */
struct Chunk {
    int32_t words[CHUNK / 4];
    int32_t starts[CHUNK / 4];  // where bytes begin that share a scale of the matrix: -offset * their sum
    float   scales[CHUNK / 4];  // the same one for 32 numbers
};

/* The columns x, rounded: `stride` bytes for each, which are its chunks and then the sum of every run. */
struct Columns {
    char *  base;
    int64_t numChunks;
    int64_t stride;

    Columns(void * memory, int64_t length)
        : base(static_cast<char *>(memory)), numChunks(length / CHUNK), stride(bytes(length)) {}

    static int64_t bytes(int64_t length) {
        const int64_t sums = length / RUN * sizeof(float);
        return length / CHUNK * sizeof(Chunk) + (sums + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }

    Chunk * chunks(int64_t column) const { return reinterpret_cast<Chunk *>(base + column * stride); }

    float * sums(int64_t column) const { return reinterpret_cast<float *>(chunks(column) + numChunks); }
};

/* Rounds a run as ggml's quantize_row_q8_0 does, the scale to half precision included. */
template <class Format> void quantize(const float * x, Chunk & chunk, int run, float & sum) {
    const __m512 left = _mm512_loadu_ps(x);
    const __m512 right = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(left), _mm512_abs_ps(right)));
    const __m512 factor = _mm512_set1_ps(largest == 0 ? 0 : 127 / largest);
    const __m512i leftBytes = _mm512_cvtps_epi32(_mm512_mul_ps(left, factor));
    const __m512i rightBytes = _mm512_cvtps_epi32(_mm512_mul_ps(right, factor));
    const int32_t leftSum = _mm512_reduce_add_epi32(leftBytes);
    const int32_t rightSum = _mm512_reduce_add_epi32(rightBytes);
    const float scale = _cvtsh_ss(_cvtss_sh(largest / 127, _MM_FROUND_TO_NEAREST_INT));
    const bool together = Format::SCALES == 1;
    sum = scale * (leftSum + rightSum);
    const int lane = run * RUN / 4;
    _mm_storeu_si128(reinterpret_cast<__m128i *>(chunk.words + lane), _mm512_cvtepi32_epi8(leftBytes));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(chunk.words + lane + 4), _mm512_cvtepi32_epi8(rightBytes));
    _mm256_storeu_ps(chunk.scales + lane, _mm256_set1_ps(scale));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(chunk.starts + lane), _mm256_setzero_si256());
    chunk.starts[lane] = -Format::OFFSET * (together ? leftSum + rightSum : leftSum);
    chunk.starts[lane + 4] = together ? 0 : -Format::OFFSET * rightSum;
}

/* One row times N columns: y[n * yStride]. */
template <class Format, int N>
void multiplyRow(const void * row, const Columns & x, float * y, int64_t yStride) {
    const auto * blocks = static_cast<const typename Format::Block *>(row);
    __m512 totals[N];
    for (int n = 0; n < N; n++) {
        totals[n] = _mm512_setzero_ps();
    }
    for (int64_t first = 0; first < x.numChunks; first += Format::CHUNKS, blocks += Format::BLOCKS) {
        const Format group(blocks);
        for (int c = 0; c < Format::CHUNKS; c++) {
            const __m512i integers = group.integers(c);
            const __m512 scales = group.scales(c);
            for (int n = 0; n < N; n++) {
                const Chunk & chunk = x.chunks(n)[first + c];
                const __m512i sums = _mm512_dpbusd_epi32(
                    _mm512_loadu_si512(chunk.starts), integers, _mm512_loadu_si512(chunk.words));
                const __m512 bothScales = _mm512_mul_ps(scales, _mm512_loadu_ps(chunk.scales));
                totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), bothScales, totals[n]);
            }
        }
        if constexpr (Format::HAS_MINIMUM) {
            for (int n = 0; n < N; n++) {
                const __m256 sums = _mm256_loadu_ps(x.sums(n) + first * CHUNK / RUN);
                const __m512 shares = _mm512_zextps256_ps512(_mm256_mul_ps(group.minimums(), sums));
                totals[n] = _mm512_sub_ps(totals[n], shares);
            }
        }
    }
    for (int n = 0; n < N; n++) {
        y[n * yStride] = _mm512_reduce_add_ps(totals[n]);
    }
}

/* 16 rows times N columns: y[n * yStride + row], of which the rows of `mask` are wanted. Meanwhile the
 * memory from `ahead` on, which the next tile will be made of, is asked for. */
template <class Format, int N>
void multiplyTile(const Slice<Format> * slice, int64_t numSlices, const Columns & x, int64_t firstColumn,
                  float * y, int64_t yStride, __mmask16 mask, const char * ahead) {
    constexpr int RUNS = Slice<Format>::RUNS;
    constexpr int PART_WORDS = RUN / 4 / Format::SCALES;
    const int64_t xStride = x.stride / sizeof(int32_t);
    const auto * chunk = x.chunks(firstColumn);
    __m512 totals[N];
    for (int n = 0; n < N; n++) {
        totals[n] = _mm512_setzero_ps();
    }
    for (int64_t s = 0; s < numSlices; s++, slice++) {
        for (int run = 0; run < RUNS; run++) {
            if (ahead != nullptr) {
                constexpr int share = sizeof(*slice) / RUNS;
                for (int i = 0; i < share; i += CACHE_LINE) {
                    _mm_prefetch(ahead + i, _MM_HINT_T1);
                }
                ahead += share;
            }
            const int lane = run % 2 * RUN / 4;
            const int32_t * words = chunk->words + lane;
            const int32_t * starts = chunk->starts + lane;
            const float * scales = chunk->scales + lane;
            for (int part = 0; part < Format::SCALES; part++) {
                __m512i sums[N];
                for (int n = 0; n < N; n++) {
                    sums[n] = _mm512_set1_epi32(starts[n * xStride + part * PART_WORDS]);
                }
                for (int i = part * PART_WORDS; i < (part + 1) * PART_WORDS; i++) {
                    const __m512i integers = Format::integers(*slice, run, i);
                    for (int n = 0; n < N; n++) {
                        const __m512i word = _mm512_set1_epi32(words[n * xStride + i]);
                        sums[n] = _mm512_dpbusd_epi32(sums[n], integers, word);
                    }
                }
                const __m512 scale = Format::scale(*slice, run, part);
                for (int n = 0; n < N; n++) {
                    const __m512 xScale = _mm512_set1_ps(scales[n * xStride]);
                    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[n]), xScale);
                    totals[n] = _mm512_fmadd_ps(product, scale, totals[n]);
                }
            }
            if constexpr (Format::HAS_MINIMUM) {
                const __m512 minimum = Format::minimum(*slice, run);
                for (int n = 0; n < N; n++) {
                    const __m512 sum = _mm512_set1_ps(x.sums(firstColumn + n)[s * RUNS + run]);
                    totals[n] = _mm512_fnmadd_ps(minimum, sum, totals[n]);
                }
            }
            chunk += run % 2;
        }
    }
    for (int n = 0; n < N; n++) {
        _mm512_mask_storeu_ps(y + n * yStride, mask, totals[n]);
    }
}

/* Tiles of as many rows as stay in the cache with their tiles. */
template <class Format> int64_t tilesPerTurn(int64_t length) {
    const int64_t bytes = length / RUN / Slice<Format>::RUNS * sizeof(Slice<Format>);
    return std::max<int64_t>(1, TILES_BYTES / bytes);
}

/* Rows `begin` to `end` of the product with few columns. */
template <class Format>
void multiplyRows(const ggml_tensor * matrix, const Columns & x, ggml_tensor * y, int64_t begin, int64_t end) {
    using Row = void (*)(const void *, const Columns &, float *, int64_t);
    static constexpr Row rows[] = {multiplyRow<Format, 1>, multiplyRow<Format, 2>};
    static_assert(std::size(rows) == MAX_ROW_COLUMNS);
    const Row multiply = rows[y->ne[1] - 1];
    for (int64_t row = begin; row < end; row++) {
        const char * from = static_cast<const char *>(matrix->data) + row * matrix->nb[1];
        multiply(from, x, static_cast<float *>(y->data) + row, y->ne[0]);
    }
}

/* Rows `begin` to `end` of the product with many columns, by way of `tiles`. */
template <class Format>
void multiplyTiles(const ggml_tensor * matrix, const Columns & x, ggml_tensor * y, int64_t begin, int64_t end,
                   Slice<Format> * tiles) {
    using Tile = void (*)(const Slice<Format> *, int64_t, const Columns &, int64_t, float *, int64_t, __mmask16,
                          const char *);
    static constexpr Tile kernels[] = {
        multiplyTile<Format, 1>, multiplyTile<Format, 2>, multiplyTile<Format, 3>, multiplyTile<Format, 4>,
        multiplyTile<Format, 5>, multiplyTile<Format, 6>, multiplyTile<Format, 7>, multiplyTile<Format, 8>,
    };
    static_assert(std::size(kernels) == MAX_TILE_COLUMNS);
    const int64_t numColumns = y->ne[1];
    const int64_t yStride = y->ne[0];
    const int64_t numRuns = matrix->ne[0] / RUN;
    const int64_t numSlices = numRuns / Slice<Format>::RUNS;
    const int64_t numTiles = (end - begin + LANES - 1) / LANES;
    const char * rows = static_cast<const char *>(matrix->data);
    const auto multiply = [&](int64_t t, int64_t column, const char * ahead) {
        const int64_t row = begin + t * LANES;
        const int64_t n = std::min<int64_t>(MAX_TILE_COLUMNS, numColumns - column);
        const __mmask16 mask = 0xffff >> (LANES - std::min<int64_t>(LANES, end - row));
        float * result = static_cast<float *>(y->data) + column * yStride + row;
        kernels[n - 1](tiles + t * numSlices, numSlices, x, column, result, yStride, mask, ahead);
    };
    for (int64_t t = 0; t < numTiles; t++) {
        const int64_t row = begin + t * LANES;
        int64_t offsets[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            offsets[lane] = (std::min(row + lane, end - 1) - row) * matrix->nb[1];
        }
        const char * from = rows + row * matrix->nb[1];
        makeTile<Format>(from, offsets, numRuns / Format::BLOCK_RUNS, tiles + t * numSlices);
        multiply(t, 0, from + LANES * matrix->nb[1]);
    }
    for (int64_t column = MAX_TILE_COLUMNS; column < numColumns; column += MAX_TILE_COLUMNS) {
        for (int64_t t = 0; t < numTiles; t++) {
            multiply(t, column, nullptr);
        }
    }
}

/* The memory that a product needs: the rounded columns, and tiles for each thread. */
template <class RowFormat, class TileFormat> size_t workSize(const ggml_tensor * y, int numThreads) {
    const int64_t length = y->src[0]->ne[0];
    const size_t tiles = tilesPerTurn<TileFormat>(length) * (length / RUN / Slice<TileFormat>::RUNS);
    return CACHE_LINE + y->ne[1] * Columns::bytes(length) +
           (y->ne[1] > MAX_ROW_COLUMNS ? numThreads * tiles * sizeof(Slice<TileFormat>) : 0);
}

/* Few columns: a turn begins with a wait for memory, so turns are long. */
int64_t longTurn(const ggml_compute_params * params, int64_t numRows) {
    return numRows / (4 * params->nth) + 1;
}

template <class RowFormat, class TileFormat>
void multiplyQuantized(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const ggml_tensor * x = y->src[1];
    const int64_t length = matrix->ne[0];
    const int64_t numRuns = length / RUN;
    char * work = alignedWork(params);
    const Columns columns(work, length);
    for (int64_t i = params->ith; i < x->ne[1] * numRuns; i += params->nth) {
        const int64_t column = i / numRuns, run = i % numRuns;
        const char * from = static_cast<const char *>(x->data) + column * x->nb[1];
        quantize<TileFormat>(reinterpret_cast<const float *>(from) + run * RUN,
                             columns.chunks(column)[run / 2], run % 2, columns.sums(column)[run]);
    }
    startTurns(params);

    const int64_t numRows = matrix->ne[1];
    if (x->ne[1] <= MAX_ROW_COLUMNS) {
        takeTurns(params, numRows, longTurn(params, numRows), [&](int64_t begin, int64_t end) {
            multiplyRows<RowFormat>(matrix, columns, y, begin, end);
        });
        return;
    }
    const int64_t numTiles = tilesPerTurn<TileFormat>(length);
    const int64_t numSlices = numRuns / Slice<TileFormat>::RUNS;
    auto * tiles = reinterpret_cast<Slice<TileFormat> *>(work + x->ne[1] * columns.stride);
    tiles += params->ith * numTiles * numSlices;
    const int64_t share = (numRows / (4 * params->nth) + LANES - 1) / LANES;
    const int64_t rowsPerTurn = std::clamp<int64_t>(share, 1, numTiles) * LANES;
    takeTurns(params, numRows, rowsPerTurn, [&](int64_t begin, int64_t end) {
        multiplyTiles<TileFormat>(matrix, columns, y, begin, end, tiles);
    });
}

/* One row of 16-bit numbers times N columns, which stay as they are. */
template <class Format, int N> void multiplyHalves(const uint16_t * row, const ggml_tensor * x, float * y, int64_t yStride) {
    const int64_t xStride = x->nb[1] / sizeof(float);
    const auto * columns = static_cast<const float *>(x->data);
    __m512 left[N], right[N];
    for (int n = 0; n < N; n++) {
        left[n] = right[n] = _mm512_setzero_ps();
    }
    for (int64_t i = 0; i < x->ne[0]; i += RUN) {
        const __m512 leftRow = Format::numbers(row + i), rightRow = Format::numbers(row + i + RUN / 2);
        for (int n = 0; n < N; n++) {
            const float * column = columns + n * xStride + i;
            left[n] = _mm512_fmadd_ps(leftRow, _mm512_loadu_ps(column), left[n]);
            right[n] = _mm512_fmadd_ps(rightRow, _mm512_loadu_ps(column + RUN / 2), right[n]);
        }
    }
    for (int n = 0; n < N; n++) {
        y[n * yStride] = _mm512_reduce_add_ps(_mm512_add_ps(left[n], right[n]));
    }
}

template <class Format> void multiplyHalfPrecision(const ggml_compute_params * params, ggml_tensor * y) {
    using Row = void (*)(const uint16_t *, const ggml_tensor *, float *, int64_t);
    static constexpr Row rows[] = {multiplyHalves<Format, 1>, multiplyHalves<Format, 2>};
    const ggml_tensor * matrix = y->src[0];
    const int64_t numRows = matrix->ne[1];
    startTurns(params);
    takeTurns(params, numRows, longTurn(params, numRows), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const char * from = static_cast<const char *>(matrix->data) + row * matrix->nb[1];
            rows[y->ne[1] - 1](reinterpret_cast<const uint16_t *>(from), y->src[1], static_cast<float *>(y->data) + row,
                               y->ne[0]);
        }
    });
}

struct MatmulKernel {
    Kernel kernel;
    int    columnMultiple;  // the length of a row is a multiple of this
    int    maxColumns;      // of x; ggml itself is faster with more
};

template <class RowFormat, class TileFormat>
constexpr MatmulKernel QUANTIZED = {
    {multiplyQuantized<RowFormat, TileFormat>, workSize<RowFormat, TileFormat>},
    RowFormat::CHUNKS * CHUNK,
    INT32_MAX,
};

template <class Format>
constexpr MatmulKernel HALF_PRECISION = {
    {multiplyHalfPrecision<Format>, [](const ggml_tensor *, int) -> size_t { return 0; }},
    RUN,
    MAX_ROW_COLUMNS,
};

/* What multiplies with a matrix of this type and row length, if anything here does. */
const MatmulKernel * kernelFor(ggml_type type, int64_t length) {
    const MatmulKernel * kernel = type == GGML_TYPE_Q8_0 ? &QUANTIZED<RowQ8_0, TileQ8_0>
                                : type == GGML_TYPE_Q4_0 ? &QUANTIZED<RowQ4_0, TileQ4_0>
                                : type == GGML_TYPE_Q4_K ? &QUANTIZED<RowQ4_K, TileQ4_K>
                                : type == GGML_TYPE_Q6_K ? &QUANTIZED<RowQ6_K, TileQ6_K>
                                : type == GGML_TYPE_F16  ? &HALF_PRECISION<RowF16>
                                : type == GGML_TYPE_BF16 ? &HALF_PRECISION<RowBF16>
                                                         : nullptr;
    return kernel != nullptr && length % kernel->columnMultiple == 0 ? kernel : nullptr;
}

}  // namespace

bool hasMatmulKernel(ggml_type type, int64_t length) {
    return kernelFor(type, length) != nullptr;
}

const Kernel * matmulKernel(const ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const ggml_tensor * x = y->src[1];
    const MatmulKernel * matmul = kernelFor(matrix->type, matrix->ne[0]);
    const bool fits = matmul != nullptr && ggml_is_matrix(matrix) && ggml_is_matrix(x) &&
                      matrix->nb[0] == ggml_type_size(matrix->type) && x->type == GGML_TYPE_F32 &&
                      x->nb[0] == sizeof(float) && x->ne[1] <= matmul->maxColumns &&
                      (matrix->buffer == nullptr || ggml_backend_buffer_is_host(matrix->buffer));
    return fits ? &matmul->kernel : nullptr;
}

#endif
