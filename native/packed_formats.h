/*
 * How a matrix lies in packed memory, for each of ggml's formats that can.
 *
 * ggml stores a quantized matrix row by row, each row as blocks of a few scales in half precision and
 * some 32-bit words of small integers. Packed memory holds the same bytes in another order: that of a
 * computation on 16 rows at once, one in each 32-bit lane of a 512-bit register. First comes all of
 * rows 0 to 15, from left to right, then all of rows 16 to 31, and so on. Of 16 rows, a tile, each 64
 * columns (or each block, if that is longer) are one `Slice`:
 *
 *      halves   row 0 | row 1 | ... | row 15       the scale of the block
 *               ...                                that of the next block
 *      words    row 0 | row 1 | ... | row 15       the first word of the block: a register
 *               row 0 | row 1 | ... | row 15       the second word
 *               ...
 *
 * A format says which bytes of a slice are the integers of 32 columns, and by what they are scaled:
 *
 *      number = scale * (integer - OFFSET) - minimum
 *
 * The columns of a slice are counted in runs of 32, as x is that it is multiplied with.
 */
#pragma once

#include <immintrin.h>

#include <cstring>

#include "repack.h"

constexpr int LANES = 16;
constexpr int RUN = 32;  // columns

template <class Format> struct Slice {
    ggml_half halves[Format::BLOCKS * Format::HALVES][LANES];
    uint32_t  words[Format::BLOCKS * Format::WORDS][LANES];

    static constexpr int RUNS = Format::BLOCKS * Format::BLOCK_RUNS;

    __m512i word(int i) const { return _mm512_loadu_si512(words[i]); }

    __m512 half(int i) const {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(halves[i])));
    }
};

/* The `mask` bits of all bytes, `shift` bits further right. */
inline __m512i bits(__m512i bytes, int shift, char mask) {
    return _mm512_and_si512(_mm512_srli_epi16(bytes, shift), _mm512_set1_epi8(mask));
}

/* A whole number, unsigned, from `mask` bits of each 32-bit word. */
inline __m512i field(__m512i words, int shift, int mask) {
    return _mm512_and_si512(_mm512_srli_epi32(words, shift), _mm512_set1_epi32(mask));
}

/* A scale and 32 bytes, signed; 128 is added here. */
struct PackedQ8_0 {
    using Block = block_q8_0;
    static constexpr int BLOCKS = 2;           // in a slice
    static constexpr int BLOCK_RUNS = 1;       // in a block
    static constexpr int HALVES = 1;           // in a block
    static constexpr int WORDS = 8;            // in a block
    static constexpr int HALVES_BEGIN = 0;     // where they are in ggml's block
    static constexpr int WORDS_BEGIN = 2;      // where they are in ggml's block
    static constexpr int SCALES = 1;           // for a run
    static constexpr int OFFSET = 128;
    static constexpr bool HAS_MINIMUM = false;

    /* The integers of columns 4i to 4i+3 of a run: for each row four bytes, unsigned. */
    static __m512i integers(const Slice<PackedQ8_0> & slice, int run, int i) {
        return _mm512_xor_si512(slice.word(run * WORDS + i), _mm512_set1_epi8(-128));
    }

    /* The scale of part `part` of a run. */
    static __m512 scale(const Slice<PackedQ8_0> & slice, int run, int) { return slice.half(run); }
};

/* A scale and 32 times 4 bits: the left 16 columns in the low halves of bytes, the others in the high. */
struct PackedQ4_0 {
    using Block = block_q4_0;
    static constexpr int BLOCKS = 2, BLOCK_RUNS = 1, HALVES = 1, WORDS = 4;
    static constexpr int HALVES_BEGIN = 0, WORDS_BEGIN = 2;
    static constexpr int SCALES = 1, OFFSET = 8;
    static constexpr bool HAS_MINIMUM = false;

    static __m512i integers(const Slice<PackedQ4_0> & slice, int run, int i) {
        return bits(slice.word(run * WORDS + i % WORDS), i < WORDS ? 0 : 4, 0x0f);
    }

    static __m512 scale(const Slice<PackedQ4_0> & slice, int run, int) { return slice.half(run); }
};

/* 8 runs. Two scales: of the scales and of the minimums, which have 6 bits each and are in words 0 to 2.
 * Words 3 to 34 hold 4 bits for each column: of two neighbouring runs, one in the low halves. */
struct PackedQ4_K {
    using Block = block_q4_K;
    static constexpr int BLOCKS = 1, BLOCK_RUNS = 8, HALVES = 2, WORDS = 35;
    static constexpr int HALVES_BEGIN = 0, WORDS_BEGIN = 4;
    static constexpr int SCALES = 1, OFFSET = 0;
    static constexpr bool HAS_MINIMUM = true;

    static __m512i integers(const Slice<PackedQ4_K> & slice, int run, int i) {
        return bits(slice.word(3 + run / 2 * 8 + i), run % 2 * 4, 0x0f);
    }

    static __m512 scale(const Slice<PackedQ4_K> & slice, int run, int) {
        return _mm512_mul_ps(slice.half(0), sixBits(slice, run, 0, 0));
    }

    static __m512 minimum(const Slice<PackedQ4_K> & slice, int run) {
        return _mm512_mul_ps(slice.half(1), sixBits(slice, run, 1, 4));
    }

    /* Runs 0 to 3 have theirs in the low bits of a byte of word `word`; the top bits of these bytes belong
     * to runs 4 to 7, and go with 4 bits of a byte of word 2. */
    static __m512 sixBits(const Slice<PackedQ4_K> & slice, int run, int word, int shift) {
        const int byte = run % 4 * 8;
        if (run < 4) {
            return _mm512_cvtepi32_ps(field(slice.word(word), byte, 0x3f));
        }
        const __m512i low = field(slice.word(2), byte + shift, 0x0f);
        const __m512i high = field(slice.word(word), byte + 6, 0x03);
        return _mm512_cvtepi32_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 4)));
    }
};

/* 8 runs, with a scale for each half of a run: a signed byte in words 48 to 51, times the one half. The
 * lower 4 bits of a number are in words 0 to 31, the upper 2 bits in words 32 to 47. */
struct PackedQ6_K {
    using Block = block_q6_K;
    static constexpr int BLOCKS = 1, BLOCK_RUNS = 8, HALVES = 1, WORDS = 52;
    static constexpr int HALVES_BEGIN = 208, WORDS_BEGIN = 0;
    static constexpr int SCALES = 2, OFFSET = 32;
    static constexpr bool HAS_MINIMUM = false;

    static __m512i integers(const Slice<PackedQ6_K> & slice, int run, int i) {
        const int side = run / 4;
        const __m512i low = bits(slice.word(side * 16 + run % 2 * 8 + i), run % 4 / 2 * 4, 0x0f);
        const __m512i high = bits(slice.word(32 + side * 8 + i), run % 4 * 2, 0x03);
        return _mm512_or_si512(low, _mm512_slli_epi16(high, 4));
    }

    static __m512 scale(const Slice<PackedQ6_K> & slice, int run, int part) {
        const int index = run * SCALES + part;
        const __m512i bytes = _mm512_slli_epi32(slice.word(48 + index / 4), 24 - index % 4 * 8);
        return _mm512_mul_ps(slice.half(0), _mm512_cvtepi32_ps(_mm512_srai_epi32(bytes, 24)));
    }
};

/* Four words of each of 16 rows, which begin at `from` + offsets[row]: to[word][row]. */
inline void transposeFourWords(const char * from, const int64_t * offsets, uint32_t (*to)[LANES]) {
    const auto load = [&](int row) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(from + offsets[row]));
    };
    /* Quarter q of register j holds four words of row 4q + j. */
    __m512i rows[4];
    for (int j = 0; j < 4; j++) {
        rows[j] = _mm512_castsi128_si512(load(j));
        rows[j] = _mm512_inserti32x4(rows[j], load(4 + j), 1);
        rows[j] = _mm512_inserti32x4(rows[j], load(8 + j), 2);
        rows[j] = _mm512_inserti32x4(rows[j], load(12 + j), 3);
    }
    const __m512i low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
    const __m512i high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    _mm512_storeu_si512(to[0], _mm512_unpacklo_epi64(low01, low23));
    _mm512_storeu_si512(to[1], _mm512_unpackhi_epi64(low01, low23));
    _mm512_storeu_si512(to[2], _mm512_unpacklo_epi64(high01, high23));
    _mm512_storeu_si512(to[3], _mm512_unpackhi_epi64(high01, high23));
}

/* Packs 16 rows, which begin at `rows` + offsets[lane] and have numBlocks blocks each. */
template <class Format>
void packTile(const char * rows, const int64_t * offsets, int64_t numBlocks, Slice<Format> * slice) {
    static_assert(sizeof(*slice) == Format::BLOCKS * LANES * sizeof(typename Format::Block));
    for (int64_t i = 0; i < numBlocks; i++, rows += sizeof(typename Format::Block)) {
        const int block = i % Format::BLOCKS;
        for (int h = 0; h < Format::HALVES; h++) {
            for (int lane = 0; lane < LANES; lane++) {
                const char * from = rows + offsets[lane] + Format::HALVES_BEGIN + 2 * h;
                memcpy(&slice->halves[block * Format::HALVES + h][lane], from, 2);
            }
        }
        auto * words = slice->words + block * Format::WORDS;
        int w = 0;
        for (; w + 4 <= Format::WORDS; w += 4) {
            transposeFourWords(rows + Format::WORDS_BEGIN + 4 * w, offsets, words + w);
        }
        for (; w < Format::WORDS; w++) {
            for (int lane = 0; lane < LANES; lane++) {
                memcpy(&words[w][lane], rows + offsets[lane] + Format::WORDS_BEGIN + 4 * w, 4);
            }
        }
        slice += block == Format::BLOCKS - 1;
    }
}
