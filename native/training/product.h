/*
 * The arithmetic of products in training: blocks of matrices of any strides, packed (panels.h) as they are needed.
 *
 * y[i, j] = the sum over k of a[i, k] * b[j, k]. What a thread multiplies at once is a block of `b` that stays in the
 * cache (L2) while the rows of `a` pass by, TILE_ROWS at a time, which stay in the smallest cache (L1) while the block of `b`
 * passes by, two panels at a time. So nearly all registers hold sums.
 *
 * A number of the result is added up in the same order whatever else is computed with it, and by whatever thread.
 */
#pragma once

#include "../kernels.h"
#include "panels.h"

#ifdef GPT2_HAS_KERNELS

namespace training {

constexpr int TILE_ROWS = LANES == 16 ? 14 : 6;   // of `a`: there are 32 registers, or 16
constexpr int TILE_PANELS = 2;                    // of `b`
constexpr int BLOCK_WORDS = 256;                  // of a row, that are multiplied before the next
constexpr int BLOCK_ROWS = 512;                   // of `b`
constexpr int BLOCK_PANELS = BLOCK_ROWS / LANES;

/* Memory that a thread needs to multiply. */
constexpr size_t PRODUCT_BYTES = (BLOCK_PANELS + NEIGHBOURS) * BLOCK_WORDS * LANES * sizeof(float);

/* Rows of numbers that are computed. */
struct Target {
    float * data;
    int64_t rowStride;
};

/* R rows times V panels: y = the sums, or y += them. Of the last panel only the first `lanes` are there. */
template <class Precision, int R, int V, bool ADDS>
void multiplyTile(const float * a, const float * b, int64_t panelWords, int64_t words, Target y, int64_t lanes) {
    F32 sums[R][V];
#pragma GCC unroll 14
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            prefetch(y.data + r * y.rowStride + v * LANES);
            sums[r][v] = zeros();
        }
    }
    for (int64_t w = 0; w < words; w++, a += LANES, b += LANES) {
        F32 panel[V];
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            panel[v] = load(b + v * panelWords * LANES);
        }
#pragma GCC unroll 14
        for (int r = 0; r < R; r++) {
            const F32 word = broadcast(a[r]);
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) {
                sums[r][v] = Precision::addProducts(sums[r][v], word, panel[v]);
            }
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            float * to = y.data + r * y.rowStride + v * LANES;
            if (v < V - 1 || lanes == LANES) {
                store(to, ADDS ? add(load(to), sums[r][v]) : sums[r][v]);
            } else {
                const Mask mask = firstLanes(lanes);
                storeWhere(mask, to, ADDS ? add(loadWhere(mask, to), sums[r][v]) : sums[r][v]);
            }
        }
    }
}

/* The same with as many rows as there are. */
template <class Precision, int V, bool ADDS, int R = TILE_ROWS>
inline void multiplyRows(int rows, const float * a, const float * b, int64_t panelWords, int64_t words, Target y,
                         int64_t lanes) {
    if constexpr (R > 1) {
        if (rows < R) {
            return multiplyRows<Precision, V, ADDS, R - 1>(rows, a, b, panelWords, words, y, lanes);
        }
    }
    multiplyTile<Precision, R, V, ADDS>(a, b, panelWords, words, y, lanes);
}

/* Packs rows `begin` to `end` of `b`, at most BLOCK_ROWS, in columns from `first` on. */
struct MatrixPanels {
    Matrix matrix;

    template <class Precision>
    void pack(int64_t begin, int64_t end, int64_t first, int64_t columns, int64_t panelWords, float * words) const {
        const int64_t distance = panelWords * LANES;
        const int step = matrix.rowStride == 1 ? NEIGHBOURS : 1;
        for (int64_t row = begin; row < end; row += step * LANES, words += step * distance) {
            if (step == 1) {
                packPanel<Precision>(matrix.from(row, first), std::min<int64_t>(LANES, end - row), columns, words);
                continue;
            }
            int64_t begins[NEIGHBOURS + 1];
            for (int i = 0; i <= NEIGHBOURS; i++) {
                begins[i] = std::min(row + i * LANES, end);
            }
            const int panels = static_cast<int>(std::min<int64_t>(NEIGHBOURS, (end - row + LANES - 1) / LANES));
            packNeighbours<Precision>(matrix.from(0, first), begins, panels, end, columns, words, distance);
        }
    }
};

/* What need not be computed, or is known to be zero, where positions see those before them only. */
struct Triangle {
    static constexpr int64_t NONE = int64_t(1) << 40;

    /* Whether rows of `a` are not all multiplied alike. */
    bool bounds() const { return isUpper || rowsOfB != NONE || numbers != NONE; }

    int64_t rowsOfB = NONE;   // row r of `a` needs only products with the first so many and r + 1 rows of `b`
    int64_t numbers = NONE;   // row r of `a` is zero behind so many and r + 1 numbers
    bool    isUpper = false;  // row r of `a` is zero before number r

    /* Row r of `a` is a query that sees so many keys before the first one's own. */
    static Triangle ofScores(int64_t before) { return {before, NONE, false}; }
    static Triangle ofWeights(int64_t before) { return {NONE, before, false}; }

    /* Row r of `a` is a key, which the queries from its own on see. */
    static Triangle ofWeightsOfKeys() { return {NONE, NONE, true}; }
};

/* Rows of `a` (0 to `rows`) times rows `begin` to `end` of `b`, at most BLOCK_ROWS; y.data is where a's first row and b's
 * first row meet, whatever `begin` is. */
template <class Precision, class Panels>
void multiplyBlock(const Matrix & a, int64_t rows, const Panels & b, int64_t begin, int64_t end, int64_t inner, Target y,
                   bool adds, float * work, const Triangle & triangle = {}) {
    float * aWords = work;
    float * bWords = work + NEIGHBOURS * BLOCK_WORDS * LANES;
    const bool haveNeighbours = a.rowStride == 1 && !triangle.bounds();
    const int64_t words = numWords<Precision>(inner);
    const int64_t numBlocks = (words + BLOCK_WORDS - 1) / BLOCK_WORDS;
    const int64_t numTiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (int64_t block = 0; block < numBlocks; block++, adds = true) {
        const int64_t firstWord = words * block / numBlocks;
        const int64_t blockWords = words * (block + 1) / numBlocks - firstWord;
        const int64_t first = firstWord * Precision::STEP;
        const int64_t columns = std::min(blockWords * Precision::STEP, inner - first);
        b.template pack<Precision>(begin, end, first, columns, blockWords, bWords);
        for (int64_t tile = 0; tile < numTiles; tile++) {
            const int64_t row = rows * tile / numTiles, rowEnd = rows * (tile + 1) / numTiles;
            const int64_t skipped = triangle.isUpper ? std::clamp<int64_t>(row / Precision::STEP - firstWord, 0, blockWords) : 0;
            const int64_t from = first + skipped * Precision::STEP;
            const int64_t count = std::min(first + columns, triangle.numbers + rowEnd) - from;
            const int64_t tileWords = numWords<Precision>(std::max<int64_t>(count, 0));
            if (tileWords == 0 && adds) {
                continue;
            }
            const int64_t neighbour = haveNeighbours ? tile % NEIGHBOURS : 0;
            float * aTile = aWords + neighbour * BLOCK_WORDS * LANES;
            if (!haveNeighbours) {
                packPanel<Precision>(a.from(row, from), rowEnd - row, count, aTile);
            } else if (neighbour == 0) {
                int64_t begins[NEIGHBOURS + 1];
                for (int i = 0; i <= NEIGHBOURS; i++) {
                    begins[i] = rows * std::min(tile + i, numTiles) / numTiles;
                }
                const int panels = static_cast<int>(std::min<int64_t>(NEIGHBOURS, numTiles - tile));
                packNeighbours<Precision>(a.from(0, from), begins, panels, rows, count, aTile, BLOCK_WORDS * LANES);
            }
            const int64_t tileEnd = std::min(end, triangle.rowsOfB + rowEnd);
            const float * panel = bWords + skipped * LANES;
            for (int64_t column = begin; column < tileEnd; column += TILE_PANELS * LANES) {
                const int64_t left = std::min<int64_t>(end - column, TILE_PANELS * LANES);
                const Target to = {y.data + row * y.rowStride + column, y.rowStride};
                const auto run = left > LANES
                                     ? (adds ? multiplyRows<Precision, 2, true> : multiplyRows<Precision, 2, false>)
                                     : (adds ? multiplyRows<Precision, 1, true> : multiplyRows<Precision, 1, false>);
                run(rowEnd - row, aTile, panel, blockWords, tileWords, to, left > LANES ? left - LANES : left);
                panel += TILE_PANELS * blockWords * LANES;
            }
        }
    }
}

}  // namespace training

#endif
