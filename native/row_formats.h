/*
 * How to read a row of a quantized matrix where it lies, for each of ggml's formats that can.
 *
 * A row is read in groups of CHUNKS times 64 columns. Of a chunk, `integers` are its 64 integers, unsigned,
 * in the order of the columns, one in each byte of a register; `scales` has in each 32-bit lane what the
 * four integers there are scaled by:
 *
 *      number = scale * (integer - OFFSET) - minimum
 *
 * `minimums` has the minimums of the group, one for each 32 columns.
 */
#pragma once

#include <immintrin.h>

#include <cstring>

#include "repack.h"

constexpr int CHUNK = 64;  // columns

inline __m256i load32Bytes(const void * bytes) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(bytes));
}

inline __m128i load16Bytes(const void * bytes) {
    return _mm_loadu_si128(static_cast<const __m128i *>(bytes));
}

inline __m512i bothHalves(__m256i low, __m256i high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Lanes 0 to 7 the one number, lanes 8 to 15 the other, from half precision. */
inline __m512 twoScales(ggml_half left, ggml_half right) {
    const __m128 both = _mm_cvtph_ps(_mm_insert_epi16(_mm_cvtsi32_si128(left), right, 1));
    const __m512i order = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_permutexvar_ps(order, _mm512_castps128_ps512(both));
}

/* Shifts the quarters of a register right by 0, 1, 2 and 3 times `step` bits. */
inline __m512i shiftQuarters(__m512i words, int a, int b, int c, int d) {
    const __m512i counts = _mm512_set_epi64(d, d, c, c, b, b, a, a);
    return _mm512_srlv_epi64(words, counts);
}

/* Two blocks of a scale and 32 signed bytes; 128 is added here. */
struct RowQ8_0 {
    using Block = block_q8_0;
    static constexpr int CHUNKS = 1, BLOCKS = 2;  // in a group
    static constexpr int SCALES = 1;              // for 32 columns
    static constexpr int OFFSET = 128;
    static constexpr bool HAS_MINIMUM = false;

    const Block * blocks;

    explicit RowQ8_0(const Block * blocks) : blocks(blocks) {}

    __m512i integers(int) const {
        const __m512i bytes = bothHalves(load32Bytes(blocks[0].qs), load32Bytes(blocks[1].qs));
        return _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
    }

    __m512 scales(int) const { return twoScales(blocks[0].d, blocks[1].d); }
};

/* Two blocks of a scale and 32 times 4 bits: the left 16 columns in the low halves of bytes. */
struct RowQ4_0 {
    using Block = block_q4_0;
    static constexpr int CHUNKS = 1, BLOCKS = 2, SCALES = 1, OFFSET = 8;
    static constexpr bool HAS_MINIMUM = false;

    const Block * blocks;

    explicit RowQ4_0(const Block * blocks) : blocks(blocks) {}

    __m512i integers(int) const {
        const __m256i left = _mm256_broadcastsi128_si256(load16Bytes(blocks[0].qs));
        const __m256i right = _mm256_broadcastsi128_si256(load16Bytes(blocks[1].qs));
        const __m512i shifted = shiftQuarters(bothHalves(left, right), 0, 4, 0, 4);
        return _mm512_and_si512(shifted, _mm512_set1_epi8(0x0f));
    }

    __m512 scales(int) const { return twoScales(blocks[0].d, blocks[1].d); }
};

/* 256 columns. Scales and minimums have 6 bits each, of which the first four bytes of either hold the
 * first four, and in their top bits a part of the others; ggml calls this unpacking make_qkx. */
struct RowQ4_K {
    using Block = block_q4_K;
    static constexpr int CHUNKS = 4, BLOCKS = 1, SCALES = 1, OFFSET = 0;
    static constexpr bool HAS_MINIMUM = true;

    const Block * block;
    __m512        sixBits;  // 8 scales, then 8 minimums

    explicit RowQ4_K(const Block * block) : block(block) {
        uint32_t packed[3];
        memcpy(packed, block->scales, sizeof(packed));
        const uint32_t scales = (packed[2] & 0x0f0f0f0f) | (packed[0] >> 6 & 0x03030303) << 4;
        const uint32_t minimums = (packed[2] >> 4 & 0x0f0f0f0f) | (packed[1] >> 6 & 0x03030303) << 4;
        const __m128i bytes = _mm_set_epi32(minimums, packed[1] & 0x3f3f3f3f, scales, packed[0] & 0x3f3f3f3f);
        ggml_half halves[2];  // the block's first members, whose names differ between C and C++
        memcpy(halves, block, sizeof(halves));
        sixBits = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)), twoScales(halves[0], halves[1]));
    }

    __m512i integers(int chunk) const {
        const __m512i both = _mm512_broadcast_i64x4(load32Bytes(block->qs + 32 * chunk));
        return _mm512_and_si512(shiftQuarters(both, 0, 0, 4, 4), _mm512_set1_epi8(0x0f));
    }

    __m512 scales(int chunk) const {
        const __m512i left = _mm512_set1_epi32(2 * chunk);
        const __m512i order = _mm512_mask_add_epi32(left, 0xff00, left, _mm512_set1_epi32(1));
        return _mm512_permutexvar_ps(order, sixBits);
    }

    __m256 minimums() const { return _mm512_extractf32x8_ps(sixBits, 1); }
};

/* 256 columns. A signed byte for each 16 of them times the one half is the scale. */
struct RowQ6_K {
    using Block = block_q6_K;
    static constexpr int CHUNKS = 4, BLOCKS = 1, SCALES = 2, OFFSET = 32;
    static constexpr bool HAS_MINIMUM = false;

    const Block * block;
    __m512        sixteen;  // scales

    explicit RowQ6_K(const Block * block) : block(block) {
        const __m512 bytes = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16Bytes(block->scales)));
        sixteen = _mm512_mul_ps(bytes, _mm512_set1_ps(_cvtsh_ss(block->d)));
    }

    __m512i integers(int chunk) const {
        const int side = chunk / 2, part = chunk % 2;
        const __m512i low = _mm512_srli_epi16(_mm512_loadu_si512(block->ql + 64 * side), 4 * part);
        const __m512i both = _mm512_broadcast_i64x4(load32Bytes(block->qh + 32 * side));
        const __m512i high = part == 0 ? shiftQuarters(both, 0, 0, 2, 2) : shiftQuarters(both, 4, 4, 6, 6);
        return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi8(0x0f)),
                               _mm512_slli_epi16(_mm512_and_si512(high, _mm512_set1_epi8(0x03)), 4));
    }

    __m512 scales(int chunk) const {
        const __m512i quarters = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
        return _mm512_permutexvar_ps(_mm512_add_epi32(quarters, _mm512_set1_epi32(4 * chunk)), sixteen);
    }
};

/* Half precision and bfloat16: 16 numbers. */
struct RowF16 {
    static __m512 numbers(const uint16_t * from) { return _mm512_cvtph_ps(load32Bytes(from)); }
};

struct RowBF16 {
    static __m512 numbers(const uint16_t * from) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load32Bytes(from)), 16));
    }
};
