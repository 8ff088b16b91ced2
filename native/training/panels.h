/*
 * Matrices in the order in which products read them: in panels of LANES rows, of which the numbers of one column lie side
 * by side. In BF16 those of two neighbouring columns do, as VDPBF16PS takes them: a word is one F32, or two BF16.
 */
#pragma once

#include "../vector.h"

#ifdef GPT2_HAS_KERNELS

namespace training {

/* Rows of F32 in memory. Strides count numbers. */
struct Matrix {
    const float * data;
    int64_t       rowStride;
    int64_t       columnStride;

    const float * at(int64_t row, int64_t column) const { return data + row * rowStride + column * columnStride; }
    Matrix from(int64_t row, int64_t column) const { return {at(row, column), rowStride, columnStride}; }
};

/* Numbers as they are. */
struct Single {
    static constexpr int STEP = 1;  // columns in a word

    /* The first words of a row, as far as there are `count` columns; the others are 0. */
    static F32 ofRow(const float * row, int64_t count) {
        return count >= LANES ? load(row) : loadWhere(firstLanes(count), row);
    }

    /* A word of each of LANES rows whose numbers lie side by side, column by column: of the first `rows`. */
    static F32 ofColumns(const float * column, int64_t, int64_t, int64_t rows) { return ofRow(column, rows); }

    /* A word of each of LANES rows, of their numbers. */
    static F32 ofNumbers(F32 x) { return x; }

    /* Adds the products of words. */
    static F32 addProducts(F32 sum, F32 a, F32 b) { return multiplyAdd(a, b, sum); }
};

#if defined(GPT2_HAS_AVX512) && defined(__AVX512BF16__)

/* Numbers rounded to BF16; sums are F32. */
struct Rounded {
    static constexpr int STEP = 2;

    static F32 ofRow(const float * row, int64_t count) {
        const F32 low = Single::ofRow(row, count), high = Single::ofRow(row + LANES, count - LANES);
        return reinterpret_cast<F32>(_mm512_cvtne2ps_pbh(high, low));
    }

    /* The next column lies `stride` behind, if there is one among `count`. */
    static F32 ofColumns(const float * column, int64_t stride, int64_t count, int64_t rows) {
        const I32 low = widen(Single::ofRow(column, rows));
        return count == 1 ? bitsAsFloats(low)
                          : bitsAsFloats(bitOr(low, shiftLeft32(widen(Single::ofRow(column + stride, rows)), 16)));
    }

    static F32 addProducts(F32 sum, F32 a, F32 b) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
    }

private:
    /* Each BF16 in the lower half of a word. */
    static I32 widen(F32 x) {
        return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }
};

#else

/* Numbers rounded to BF16, but kept as F32, since the CPU has no products of such. */
struct Rounded : Single {
    static F32 ofRow(const float * row, int64_t count) { return ofNumbers(Single::ofRow(row, count)); }

    static F32 ofColumns(const float * column, int64_t stride, int64_t count, int64_t rows) {
        return ofNumbers(Single::ofColumns(column, stride, count, rows));
    }

    /* To the nearest, and of two to the even one. */
    static F32 ofNumbers(F32 x) {
        const I32 bits = bitsAsIntegers(x);
        const I32 odd = bitAnd(shiftRight32(bits, 16), broadcast(1));
        const I32 up = bitAnd(add(bits, add(odd, broadcast(0x7fff))), broadcast(static_cast<int32_t>(0xffff0000)));
        return select(isEqual(x, x), bitsAsFloats(up), x);
    }
};

#endif

/* How many words a row of so many columns has. */
template <class Precision> constexpr int64_t numWords(int64_t columns) {
    return (columns + Precision::STEP - 1) / Precision::STEP;
}

/* Panels of a matrix whose columns each lie in one piece, that are packed at once: from one column to the next it is far, so
 * all that is read of a cache line, and of its neighbours, is read before they are gone. */
constexpr int NEIGHBOURS = 4;

/* So many columns are on their way from memory while panels of them are packed: the CPU does not guess what lies far. */
constexpr int AHEAD_COLUMNS = 16;

/* Packs the first `rows` rows, at most LANES, and `columns` columns: words[w * LANES + row]. What becomes of other lanes is not
 * said: nothing that is kept is computed of them. Meanwhile memory is asked for as many rows behind them, which are mostly
 * packed next. */
template <class Precision> void packPanel(const Matrix & x, int64_t rows, int64_t columns, float * words) {
    constexpr int STEP = Precision::STEP;
    constexpr int BLOCK = LANES * STEP;
    if (x.rowStride == 1) {
        for (int64_t c = 0; c < columns; c += STEP, words += LANES) {
            store(words, Precision::ofColumns(x.at(0, c), x.columnStride, columns - c, rows));
        }
        return;
    }
    const auto askForNext = [&](int64_t c) {
        for (int i = 0; i < LANES; i++) {
            for (int j = 0; j < STEP; j++) {
                prefetchFar(x.at(rows + i, c + j * LANES));
            }
        }
    };
    F32 block[LANES];
    int64_t c = 0;
    if constexpr (STEP == 1) {
        /* Whole blocks, of rows that each lie in one piece. */
        const float * from[LANES];
        for (int i = 0; i < LANES; i++) {
            from[i] = x.at(std::min<int64_t>(i, rows - 1), 0);
        }
        for (; c + BLOCK <= columns && x.columnStride == 1; c += BLOCK) {
            askForNext(c);
            loadTransposed(from, c, block);
            for (int i = 0; i < LANES; i++, words += LANES) {
                store(words, Precision::ofNumbers(block[i]));
            }
        }
    }
    for (; c < columns; c += BLOCK) {
        const int64_t count = std::min<int64_t>(BLOCK, columns - c);
        float copy[BLOCK];
        askForNext(c);
        for (int i = 0; i < LANES; i++) {
            const float * row = x.at(i, c);
            if (i < rows && x.columnStride != 1) {
                for (int64_t j = 0; j < count; j++) {
                    copy[j] = *x.at(i, c + j);
                }
                row = copy;
            }
            block[i] = i < rows ? Precision::ofRow(row, count) : zeros();
        }
        transpose(block);
        const int64_t left = numWords<Precision>(count);
        for (int64_t i = 0; i < left; i++, words += LANES) {
            store(words, block[i]);
        }
    }
}

/* Packs up to NEIGHBOURS panels of a matrix with rowStride 1 and `numRows` rows. Panel i has rows `begins[i]` to
 * `begins[i + 1]`, and its words are `distance` from those of the panel before. */
template <class Precision>
void packNeighbours(const Matrix & x, const int64_t * begins, int panels, int64_t numRows, int64_t columns, float * words,
                    int64_t distance) {
    /* Where there are rows behind those of a panel, whole vectors are read. */
    const bool readsAll = panels == NEIGHBOURS && begins[NEIGHBOURS - 1] + LANES <= numRows;
    for (int64_t c = 0; c < columns; c += Precision::STEP, words += LANES) {
        const float * column = x.at(0, c);
        for (int i = 0; i < Precision::STEP; i++) {
            const float * ahead = x.at(begins[0], c + AHEAD_COLUMNS + i);
#pragma GCC unroll 4
            for (int j = 0; j < NEIGHBOURS; j++) {
                prefetch(ahead + j * LANES);
            }
        }
        if (readsAll) {
#pragma GCC unroll 4
            for (int i = 0; i < NEIGHBOURS; i++) {
                store(words + i * distance, Precision::ofColumns(column + begins[i], x.columnStride, columns - c, LANES));
            }
            continue;
        }
        for (int i = 0; i < panels; i++) {
            const int64_t rows = begins[i + 1] - begins[i];
            store(words + i * distance, Precision::ofColumns(column + begins[i], x.columnStride, columns - c, rows));
        }
    }
}

}  // namespace training

#endif
