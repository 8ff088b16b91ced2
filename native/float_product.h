/*
 * The arithmetic of products with matrices in F32, half precision and bfloat16: some rows times some columns, a tile; and in
 * which order tiles meet. What this computes, and why so: float_matmul.cpp.
 *
 * A number of the result is added up in the same order, in whatever tile it is.
 */
#pragma once

#include "kernels.h"
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
constexpr int MAX_TILES = 32;        // of columns, that some rows are multiplied with in one turn
constexpr int PART_BYTES = 3 << 10;  // of a row, so that some rows and columns stay in the cache (L1)
constexpr int AHEAD_BYTES = 1 << 12; // of the matrix, that are on their way from memory
constexpr int AHEAD_STEPS = 8;       // that are on their way from one cache (L2) to the other (L1)

/* What the formats below have in common: columns in F32. */
struct SingleColumns {
    using Column = float;
    using Numbers = F32;
    static constexpr int STEP = LANES;

    static F32 column(const float * from) { return load(from); }
    static void prepare(const float * from, float * to) { store(to, load(from)); }
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
    static void prepare(const float * from, uint16_t * to) {
        const __m512bh numbers = _mm512_cvtne2ps_pbh(load(from + LANES), load(from));
        _mm512_storeu_si512(to, reinterpret_cast<__m512i>(numbers));
    }
};

#else

struct BFloat : SingleColumns {
    using Row = uint16_t;
    static F32 row(const uint16_t * from) { return loadBFloats(from); }
};

#endif

/* Columns in tiles that are multiplied at once. All have nearly the same size, since a small one takes longer for each of
 * its columns. */
struct ColumnTiles {
    int64_t numColumns;
    int64_t count = (numColumns + TILE_COLUMNS - 1) / TILE_COLUMNS;

    int64_t begin(int64_t tile) const { return numColumns * tile / count; }
    int64_t size(int64_t tile) const { return begin(tile + 1) - begin(tile); }
};

/* What is asked for from memory while a tile is multiplied: so many cache lines with each step. */
struct Ahead {
    const char * from;
    int64_t      lines;
};

/* A part of the width of a product, and the sums of a tile: of what is before this part, then with it. */
struct Part {
    int64_t begin, end;
    float * sums;
};

/* A product: rows of the matrix times columns x. Of a tile of columns x has the first STEP numbers of each, then the next:
 * what is needed at once lies side by side, wherever the columns themselves are. */
template <class Format> struct Product {
    using Row = typename Format::Row;
    using Column = typename Format::Column;
    static constexpr int64_t PART = PART_BYTES / sizeof(Row);

    const Row *    rows;
    int64_t        rowStride;
    int64_t        numRows;
    const Column * x;
    ColumnTiles    tiles;
    int64_t        width;
    float *        y;
    int64_t        yStride;

    Part whole() const { return {0, width, nullptr}; }
    int64_t rowBytes() const { return rowStride * sizeof(Row); }
    const char * rowAt(int64_t row) const { return reinterpret_cast<const char *>(rows + row * rowStride); }

    /* R rows times the N columns of a tile. ALONE says that there is no other tile: then as much is asked for as is read,
     * since with several rows in turn the CPU's own guess at what is read next fails. */
    template <int R, int N, bool ALONE>
    void multiplyTile(int64_t firstRow, int64_t firstColumn, Part part, Ahead ahead) const {
        constexpr int BYTES = R * Format::STEP * sizeof(Row);
        constexpr bool COMPUTES = N > 2;  // most of the time, and does not wait for memory
        F32 sums[N][R];
#pragma GCC unroll 6
        for (int n = 0; n < N; n++) {
#pragma GCC unroll 6
            for (int r = 0; r < R; r++) {
                sums[n][r] = part.begin == 0 ? zeros() : load(part.sums + (n * R + r) * LANES);
            }
        }
        const Row * row = rows + firstRow * rowStride + part.begin;
        const Column * column = x + firstColumn * width + part.begin * N;
        for (int64_t i = part.begin; i < part.end; i += Format::STEP, row += Format::STEP, column += N * Format::STEP) {
            const int64_t lines = ALONE ? BYTES / CACHE_LINE : ahead.lines;
            for (int64_t b = 0; b < lines; b++, ahead.from += CACHE_LINE) {
                prefetchFar(ahead.from);
            }
            if constexpr (COMPUTES && Format::STEP * sizeof(Row) == CACHE_LINE) {
#pragma GCC unroll 6
                for (int r = 0; r < R; r++) {
                    prefetch(row + r * rowStride + AHEAD_STEPS * Format::STEP);
                }
            }
            typename Format::Numbers columns[N];
#pragma GCC unroll 6
            for (int n = 0; n < N; n++) {
                columns[n] = Format::column(column + n * Format::STEP);
                columns[n] = COMPUTES ? held(columns[n]) : columns[n];
            }
#pragma GCC unroll 6
            for (int r = 0; r < R; r++) {
                typename Format::Numbers numbers = Format::row(row + r * rowStride);
                numbers = COMPUTES ? held(numbers) : numbers;
#pragma GCC unroll 6
                for (int n = 0; n < N; n++) {
                    sums[n][r] = Format::add(sums[n][r], numbers, columns[n]);
                }
            }
        }
        if (part.end < width) {
#pragma GCC unroll 6
            for (int n = 0; n < N; n++) {
#pragma GCC unroll 6
                for (int r = 0; r < R; r++) {
                    store(part.sums + (n * R + r) * LANES, sums[n][r]);
                }
            }
            return;
        }
        float * to = y + firstColumn * yStride + firstRow;
#pragma GCC unroll 6
        for (int n = 0; n < N; n++, to += yStride) {
            if constexpr (R == 4) {
                store(to, sumFour(sums[n]));
            } else {
#pragma GCC unroll 6
                for (int r = 0; r < R; r++) {
                    to[r] = sumOf(sums[n][r]);
                }
            }
        }
    }

    /* The same with as many columns as there are. */
    template <int R, bool ALONE, int N = TILE_COLUMNS>
    void multiplyColumns(int64_t firstRow, int64_t tile, Part part, Ahead ahead) const {
        if constexpr (N > 1) {
            if (tiles.size(tile) < N) {
                return multiplyColumns<R, ALONE, N - 1>(firstRow, tile, part, ahead);
            }
        }
        multiplyTile<R, N, ALONE>(firstRow, tiles.begin(tile), part, ahead);
    }

    /* Rows times the only tile of columns. Reading the matrix is what takes time: what is asked for first has to be there
     * when the last of the next rows begins. */
    void multiplyAlone(int64_t begin, int64_t end) const {
        for (; begin + TILE_ROWS <= end; begin += TILE_ROWS) {
            multiplyColumns<TILE_ROWS, true>(begin, 0, whole(), {rowAt(begin + TILE_ROWS - 1) + AHEAD_BYTES, 0});
        }
        for (; begin < end; begin++) {
            multiplyColumns<1, false>(begin, 0, whole(), {nullptr, 0});
        }
    }

    /* Rows, as much of them at a time as stays in the cache (L1), times one of at most MAX_TILES tiles of columns after
     * another. Meanwhile memory is asked for the next rows, evenly, because it could not give them in the time of a product
     * with one tile; and for no more, which would push out of the caches what is in use. */
    void multiplyTiles(int64_t begin, int64_t end, int64_t firstTile, int64_t lastTile) const {
        alignas(CACHE_LINE) float sums[MAX_TILES][TILE_ROWS * TILE_COLUMNS * LANES];
        const int64_t bytes = TILE_ROWS * rowBytes();
        const int64_t allSteps = (lastTile - firstTile) * (width / Format::STEP);
        const int64_t lines = (bytes + allSteps * CACHE_LINE - 1) / (allSteps * CACHE_LINE);
        for (; begin + TILE_ROWS <= end; begin += TILE_ROWS) {
            int64_t asked = 0, step = 0;
            for (int64_t first = 0; first < width; first += PART) {
                const int64_t last = std::min(first + PART, width);
                const int64_t steps = (last - first) / Format::STEP;
                for (int64_t tile = firstTile; tile < lastTile; tile++) {
                    step += steps;
                    const bool isDue = asked * allSteps < bytes * step;
                    multiplyColumns<TILE_ROWS, false>(
                        begin, tile, {first, last, sums[tile - firstTile]},
                        {rowAt(begin + TILE_ROWS) + asked, isDue ? lines : 0});
                    asked += isDue ? lines * steps * CACHE_LINE : 0;
                }
            }
        }
        for (; begin < end; begin++) {
            for (int64_t tile = firstTile; tile < lastTile; tile++) {
                multiplyColumns<1, false>(begin, tile, whole(), {nullptr, 0});
            }
        }
    }
};

}  // namespace
