/*
 * Vectors with AVX-512: see vector.h.
 */
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

constexpr int LANES = 16;

using F32 = __m512;
using F64 = __m512d;
using I32 = __m512i;
using Mask = __mmask16;
using Four = __m128;

/* Masks. */

/* The first `count` lanes: none if that is below 0, all if it is more than there are. */
inline Mask firstLanes(int64_t count) {
    return count >= LANES ? 0xffff : count <= 0 ? 0 : 0xffff >> (LANES - count);
}

/* Bit i is that of lane i. */
inline uint32_t bitsOf(Mask mask) {
    return mask;
}

/* Numbers in memory. */

/* Asks memory for what is needed soon, in the smallest cache (L1). */
inline void prefetch(const void * from) {
    _mm_prefetch(static_cast<const char *>(from), _MM_HINT_T0);
}

/* The same for what is needed later: it comes to the next cache (L2). */
inline void prefetchFar(const void * from) {
    _mm_prefetch(static_cast<const char *>(from), _MM_HINT_T1);
}

inline F32 load(const float * from) {
    return _mm512_loadu_ps(from);
}

/* Only lanes of the mask are read; the others are taken from `rest`. */
inline F32 loadWhere(Mask mask, const float * from, F32 rest) {
    return _mm512_mask_loadu_ps(rest, mask, from);
}

inline F32 loadWhere(Mask mask, const float * from) {
    return _mm512_maskz_loadu_ps(mask, from);
}

inline void store(float * to, F32 x) {
    _mm512_storeu_ps(to, x);
}

inline void store(float * to, Four x) {
    _mm_storeu_ps(to, x);
}

inline void storeWhere(Mask mask, float * to, F32 x) {
    _mm512_mask_storeu_ps(to, mask, x);
}

inline F32 loadHalves(const uint16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
}

/* The first `count` of them, or all; the other lanes are 0. */
inline F32 loadHalves(const uint16_t * from, int64_t count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(firstLanes(count), from));
}

inline float fromHalf(uint16_t x) {
    return _cvtsh_ss(x);
}

/* Rounded, of two as near to the even one. */
inline uint16_t toHalf(float x) {
    return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT);
}

inline F32 loadBFloats(const uint16_t * from) {
    const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16));
}

inline F32 loadBytes(const int8_t * from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from))));
}

/* Arithmetic. */

inline F32 zeros() {
    return _mm512_setzero_ps();
}

inline F32 broadcast(float x) {
    return _mm512_set1_ps(x);
}

inline F32 add(F32 a, F32 b) {
    return _mm512_add_ps(a, b);
}

inline F32 subtract(F32 a, F32 b) {
    return _mm512_sub_ps(a, b);
}

inline F32 multiply(F32 a, F32 b) {
    return _mm512_mul_ps(a, b);
}

inline F32 divide(F32 a, F32 b) {
    return _mm512_div_ps(a, b);
}

inline F32 squareRoot(F32 x) {
    return _mm512_sqrt_ps(x);
}

/* a b + c, rounded once. */
inline F32 multiplyAdd(F32 a, F32 b, F32 c) {
    return _mm512_fmadd_ps(a, b, c);
}

/* c - a b, rounded once. */
inline F32 subtractProduct(F32 c, F32 a, F32 b) {
    return _mm512_fnmadd_ps(a, b, c);
}

inline F32 smaller(F32 a, F32 b) {
    return _mm512_min_ps(a, b);
}

inline F32 larger(F32 a, F32 b) {
    return _mm512_max_ps(a, b);
}

inline F32 magnitude(F32 x) {
    return _mm512_abs_ps(x);
}

/* To whole numbers, of two as near the even one. */
inline F32 round(F32 x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* x 2^n for whole n, where that is no denormal number. */
inline F32 scaleByPower(F32 x, F32 n) {
    return _mm512_scalef_ps(x, n);
}

/* x where the mask says so, and `otherwise` elsewhere. */
inline F32 select(Mask mask, F32 x, F32 otherwise) {
    return _mm512_mask_mov_ps(otherwise, mask, x);
}

/* The same with 0 elsewhere. */
inline F32 keepWhere(Mask mask, F32 x) {
    return _mm512_maskz_mov_ps(mask, x);
}

inline Mask isAtLeast(F32 a, F32 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}

inline Mask isGreater(F32 a, F32 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

inline Mask isEqual(F32 a, F32 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

/* Infinities, and what is no number. */
inline Mask isNotFinite(F32 x) {
    constexpr int CLASSES = 0x01 | 0x08 | 0x10 | 0x80;  // quiet NaN, both infinities, signaling NaN
    return _mm512_fpclass_ps_mask(x, CLASSES);
}

inline float largestOf(F32 x) {
    return _mm512_reduce_max_ps(x);
}

/* Double precision. */

inline F64 zeroDoubles() {
    return _mm512_setzero_pd();
}

inline F64 add(F64 a, F64 b) {
    return _mm512_add_pd(a, b);
}

inline F64 multiplyAdd(F64 a, F64 b, F64 c) {
    return _mm512_fmadd_pd(a, b, c);
}

inline void store(double * to, F64 x) {
    _mm512_storeu_pd(to, x);
}

/* The first half of the lanes. */
inline F64 lowDoubles(F32 x) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}

inline F64 highDoubles(F32 x) {
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
}

/* Whole numbers. */

inline I32 load(const void * from) {
    return _mm512_loadu_si512(from);
}

inline I32 broadcast(int32_t x) {
    return _mm512_set1_epi32(x);
}

/* The 32 bits at an address, in all lanes. */
inline I32 broadcastWord(const void * from) {
    int32_t word;
    memcpy(&word, from, sizeof(word));
    return broadcast(word);
}

inline I32 broadcastByte(char x) {
    return _mm512_set1_epi8(x);
}

inline I32 bitAnd(I32 a, I32 b) {
    return _mm512_and_si512(a, b);
}

inline I32 bitOr(I32 a, I32 b) {
    return _mm512_or_si512(a, b);
}

inline I32 bitXor(I32 a, I32 b) {
    return _mm512_xor_si512(a, b);
}

inline I32 add(I32 a, I32 b) {
    return _mm512_add_epi32(a, b);
}

/* The lower 32 bits of products. */
inline I32 multiply(I32 a, I32 b) {
    return _mm512_mullo_epi32(a, b);
}

/* 0, 1, 2, ... */
inline I32 laneNumbers() {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* The same bits. */
inline I32 bitsAsIntegers(F32 x) {
    return _mm512_castps_si512(x);
}

inline F32 bitsAsFloats(I32 x) {
    return _mm512_castsi512_ps(x);
}

/* Towards the lowest bit, in units of 16 or 32 bits. */
inline I32 shiftRight16(I32 x, int count) {
    return _mm512_srli_epi16(x, count);
}

inline I32 shiftRight32(I32 x, int count) {
    return _mm512_srli_epi32(x, count);
}

inline I32 shiftLeft16(I32 x, int count) {
    return _mm512_slli_epi16(x, count);
}

inline I32 shiftLeft32(I32 x, int count) {
    return _mm512_slli_epi32(x, count);
}

/* With copies of the sign. */
inline I32 shiftRightSigned32(I32 x, int count) {
    return _mm512_srai_epi32(x, count);
}

inline F32 toFloats(I32 x) {
    return _mm512_cvtepi32_ps(x);
}

/* Rounded, of two as near to the even one. */
inline I32 toIntegers(F32 x) {
    return _mm512_cvtps_epi32(x);
}

inline Mask isGreater(I32 a, I32 b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}

/* Of numbers without a sign. */
inline Mask isAtLeastUnsigned(I32 a, I32 b) {
    return _mm512_cmpge_epu32_mask(a, b);
}

inline int32_t sumOf(I32 x) {
    return _mm512_reduce_add_epi32(x);
}

/* Whole numbers from -128 to 127. */
inline void storeBytes(int8_t * to, I32 x) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm512_cvtepi32_epi8(x));
}

#define GPT2_HAS_BYTE_PRODUCTS
constexpr bool TAKES_SIGNED_BYTES = false;  // by addByteProducts(), as the first

/* Adds to each lane the four products of its bytes: unsigned ones times signed ones. */
inline I32 addByteProducts(I32 sum, I32 unsignedBytes, I32 signedBytes) {
    return _mm512_dpbusd_epi32(sum, unsignedBytes, signedBytes);
}

/* Four words of each of LANES rows, which begin at `from` + offsets[row]: to[word][row]. */
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

/* Rows become columns. */
inline void transpose(F32 (&x)[LANES]) {
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

/* transpose() of the numbers from `at` on of each of these rows. */
inline void loadTransposed(const float * const (&rows)[LANES], int64_t at, F32 (&x)[LANES]) {
    for (int i = 0; i < LANES; i++) {
        x[i] = load(rows[i] + at);
    }
    transpose(x);
}
