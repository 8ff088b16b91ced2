/*
 * Sums of the lanes of a vector, in the one order that all kernels have which add up the same numbers in different ways:
 * lanes at a distance of half the vector first, then those sums at a distance of a quarter, and so on to neighbours.
 */
#pragma once

#include "vector.h"

#ifdef GPT2_HAS_KERNELS

#ifdef __ARM_NEON

inline float sumOf(F32 x) {
    const float32x4_t four = vaddq_f32(x.low, x.high);
    return vaddv_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)));
}

inline Four sumFour(const F32 (&x)[4]) {
    const auto four = [&](int i) { return vreinterpretq_f64_f32(vaddq_f32(x[i].low, x[i].high)); };
    const auto two = [&](int i) {
        const float64x2_t a = four(i), b = four(i + 1);
        return vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(a, b)), vreinterpretq_f32_f64(vzip2q_f64(a, b)));
    };
    return vpaddq_f32(two(0), two(2));
}

constexpr int ORDER[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

inline F32 sumEach(F32 (&x)[LANES]) {
    return {sumFour({x[0], x[1], x[2], x[3]}), sumFour({x[4], x[5], x[6], x[7]})};
}

#else

inline float sumOf(__m256 x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline Four sumFour(const __m256 (&x)[4]) {
    __m256 four[2];  // of x[0] and x[2]; of x[1] and x[3]
    for (int i = 0; i < 2; i++) {
        const __m256 low = _mm256_permute2f128_ps(x[i], x[i + 2], 0x20);
        const __m256 high = _mm256_permute2f128_ps(x[i], x[i + 2], 0x31);
        four[i] = _mm256_add_ps(low, high);
    }
    const __m256 two = _mm256_add_ps(
        _mm256_shuffle_ps(four[0], four[1], 0x44), _mm256_shuffle_ps(four[0], four[1], 0xee));
    const __m128 left = _mm256_castps256_ps128(two), right = _mm256_extractf128_ps(two, 1);
    return _mm_add_ps(_mm_shuffle_ps(left, right, 0x88), _mm_shuffle_ps(left, right, 0xdd));
}

#ifdef GPT2_HAS_AVX512

/* Of one vector. */
inline float sumOf(__m512 x) {
    return sumOf(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)));
}

/* Of four vectors. */
inline Four sumFour(const __m512 (&x)[4]) {
    __m256 eight[4];
    for (int i = 0; i < 4; i++) {
        eight[i] = _mm256_add_ps(_mm512_castps512_ps256(x[i]), _mm512_extractf32x8_ps(x[i], 1));
    }
    return sumFour(eight);
}

/* Of LANES vectors: lane i of the result is that of `x[ORDER[i]]`. Each step takes two vectors, so that there are half
 * as many afterwards. */
constexpr int ORDER[LANES] = {0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15};

inline F32 sumEach(F32 (&x)[LANES]) {
    for (int i = 0; i < 8; i++) {
        x[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x[i], x[i + 8], 0x44), _mm512_shuffle_f32x4(x[i], x[i + 8], 0xee));
    }
    for (int i = 0; i < 4; i++) {
        x[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd));
    }
    for (int i = 0; i < 2; i++) {
        x[i] = _mm512_add_ps(_mm512_shuffle_ps(x[i], x[i + 2], 0x44), _mm512_shuffle_ps(x[i], x[i + 2], 0xee));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(x[0], x[1], 0x88), _mm512_shuffle_ps(x[0], x[1], 0xdd));
}

#else

constexpr int ORDER[LANES] = {0, 2, 1, 3, 4, 6, 5, 7};

inline F32 sumEach(F32 (&x)[LANES]) {
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_add_ps(_mm256_permute2f128_ps(x[i], x[i + 4], 0x20), _mm256_permute2f128_ps(x[i], x[i + 4], 0x31));
    }
    for (int i = 0; i < 2; i++) {
        x[i] = _mm256_add_ps(_mm256_shuffle_ps(x[i], x[i + 2], 0x44), _mm256_shuffle_ps(x[i], x[i + 2], 0xee));
    }
    return _mm256_add_ps(_mm256_shuffle_ps(x[0], x[1], 0x88), _mm256_shuffle_ps(x[0], x[1], 0xdd));
}

#endif

#endif

#endif
