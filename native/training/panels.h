/*
 * Matrices in the order in which products read them: in panels of 16 rows, of which the numbers of one column lie side
 * by side. In BF16 those of two neighbouring columns do, as VDPBF16PS takes them: a word is one F32, or two BF16.
 */
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace training {

constexpr int LANES = 16;

/* Which of 16 lanes are among the first `count`. */
inline __mmask16 firstLanes(int64_t count) {
    return count >= LANES ? 0xffff : (1u << std::max<int64_t>(count, 0)) - 1;
}

/* Rows of F32 in memory. Strides count numbers. */
struct Matrix {
    const float * data;
    int64_t       rowStride;
    int64_t       columnStride;

    const float * at(int64_t row, int64_t column) const { return data + row * rowStride + column * columnStride; }
    Matrix from(int64_t row, int64_t column) const { return {at(row, column), rowStride, columnStride}; }
};

/* Rows become columns: 16 vectors of 16 words. */
inline void transpose(__m512 (&x)[LANES]) {
    __m512 y[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        const __m512 a = _mm512_unpacklo_ps(x[i], x[i + 1]), b = _mm512_unpackhi_ps(x[i], x[i + 1]);
        const __m512 c = _mm512_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);
        y[i] = _mm512_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512 a = _mm512_shuffle_f32x4(y[i], y[i + 4], 0x88), b = _mm512_shuffle_f32x4(y[i], y[i + 4], 0xdd);
        const __m512 c = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0x88);
        const __m512 d = _mm512_shuffle_f32x4(y[i + 8], y[i + 12], 0xdd);
        x[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        x[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

/* Numbers as they are. */
struct Single {
    static constexpr int STEP = 1;  // columns in a word

    /* The words of 16 columns of a row, of which `count` count. */
    static __m512 load(const float * row, int64_t count) {
        return count >= LANES ? _mm512_loadu_ps(row) : _mm512_maskz_loadu_ps(firstLanes(count), row);
    }

    /* One word of each of 16 rows that lie side by side, of which `mask` counts. */
    static __m512 interleave(const float * column, int64_t, int64_t, __mmask16 mask) {
        return _mm512_maskz_loadu_ps(mask, column);
    }

    static __m512 add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};

#ifdef __AVX512BF16__

/* Numbers rounded to BF16; sums are F32. */
struct Rounded {
    static constexpr int STEP = 2;

    static __m512 load(const float * row, int64_t count) {
        return pairs(Single::load(row, count), Single::load(row + LANES, count - LANES));
    }

    static __m512 interleave(const float * column, int64_t stride, int64_t count, __mmask16 mask) {
        const __m512 low = _mm512_maskz_loadu_ps(mask, column);
        const __m512 high = count > 1 ? _mm512_maskz_loadu_ps(mask, column + stride) : _mm512_setzero_ps();
        const __m512i words = _mm512_or_si512(widen(low), _mm512_slli_epi32(widen(high), 16));
        return _mm512_castsi512_ps(words);
    }

    static __m512 add(__m512 sum, __m512 a, __m512 b) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
    }

private:
    static __m512i widen(__m512 x) {
        return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }

    static __m512 pairs(__m512 low, __m512 high) {
        return reinterpret_cast<__m512>(_mm512_cvtne2ps_pbh(high, low));
    }
};

#else

/* Numbers rounded to BF16, but kept as F32 where the CPU has no products of such. */
struct Rounded : Single {
    static __m512 load(const float * row, int64_t count) { return round(Single::load(row, count)); }

    static __m512 interleave(const float * column, int64_t stride, int64_t count, __mmask16 mask) {
        return round(Single::interleave(column, stride, count, mask));
    }

private:
    static __m512 round(__m512 x) {
        const __m512i bits = _mm512_castps_si512(x);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        const __mmask16 isNumber = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
        return _mm512_castsi512_ps(_mm512_and_si512(_mm512_mask_mov_epi32(bits, isNumber, up), _mm512_set1_epi32(0xffff0000)));
    }
};

#endif

/* How many words a row of so many columns has. */
template <class Precision> constexpr int64_t numWords(int64_t columns) {
    return (columns + Precision::STEP - 1) / Precision::STEP;
}

/* Packs the first `rows` rows, at most 16, and `columns` columns: words[w * LANES + row]. Other rows become zeros. */
template <class Precision> void packPanel(const Matrix & x, int64_t rows, int64_t columns, float * words) {
    constexpr int STEP = Precision::STEP;
    constexpr int BLOCK = LANES * STEP;
    if (x.rowStride == 1) {
        const __mmask16 mask = firstLanes(rows);
        for (int64_t c = 0; c < columns; c += STEP, words += LANES) {
            _mm512_store_ps(words, Precision::interleave(x.at(0, c), x.columnStride, columns - c, mask));
        }
        return;
    }
    for (int64_t c = 0; c < columns; c += BLOCK) {
        const int64_t count = std::min<int64_t>(BLOCK, columns - c);
        __m512 block[LANES];
        if (x.columnStride == 1) {
            for (int i = 0; i < LANES; i++) {
                block[i] = i < rows ? Precision::load(x.at(i, c), count) : _mm512_setzero_ps();
            }
        } else {
            float copy[LANES][BLOCK];
            for (int i = 0; i < LANES; i++) {
                for (int64_t j = 0; i < rows && j < count; j++) {
                    copy[i][j] = *x.at(i, c + j);
                }
                block[i] = i < rows ? Precision::load(copy[i], count) : _mm512_setzero_ps();
            }
        }
        transpose(block);
        const int64_t left = numWords<Precision>(count);
        for (int64_t i = 0; i < left; i++, words += LANES) {
            _mm512_store_ps(words, block[i]);
        }
    }
}

}  // namespace training
