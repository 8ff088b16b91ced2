/*
 * What the logits of a row add up to, in the one order that all kernels have which need it: 16 sums of those whose
 * places agree modulo 16, of which the four of a chunk are added in single precision first, then these one after another
 * in double precision.
 */
#pragma once

#include "vector_exp.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

constexpr int LANES = 16;
constexpr int64_t CHUNK = 4 * LANES;

/* Which of 16 lanes are among the first `left`. */
inline __mmask16 lanesOf(int64_t left) {
    return left >= LANES ? 0xffff : left <= 0 ? 0 : 0xffff >> (LANES - left);
}

/* 16 logits; those behind the last are -Infinity. */
inline __m512 loadLogits(const float * logits, __mmask16 mask) {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY), mask, logits);
}

/* Which of them are no finite numbers. */
inline __mmask16 notFinite(__m512 x, __mmask16 mask) {
    constexpr int CLASSES = 0x01 | 0x08 | 0x10 | 0x80;  // quiet NaN, both infinities, signaling NaN
    return _mm512_mask_fpclass_ps_mask(mask, x, CLASSES);
}

/* The largest of all, and whether all are finite. */
inline float largestLogit(const float * logits, int64_t size, bool & isFinite) {
    __m512 max = _mm512_set1_ps(-INFINITY);
    __mmask16 odd = 0;
    for (int64_t i = 0; i < size; i += LANES) {
        const __mmask16 mask = lanesOf(size - i);
        const __m512 x = loadLogits(logits + i, mask);
        odd |= notFinite(x, mask);
        max = _mm512_max_ps(max, x);
    }
    isFinite = odd == 0;
    return _mm512_reduce_max_ps(max);
}

/* 16 sums in double precision. */
struct Sums {
    __m512d low = _mm512_setzero_pd();
    __m512d high = _mm512_setzero_pd();

    void add(__m512 x) {
        low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(x)));
        high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)));
    }

    double total() const {
        double parts[LANES];
        _mm512_storeu_pd(parts, low);
        _mm512_storeu_pd(parts + LANES / 2, high);
        double sum = 0;
        for (const double part : parts) {
            sum += part;
        }
        return sum;
    }
};

/* What e^(logit - max) of all logits of a row adds up to. */
struct LogitSums {
    double powers;
    double weighted;  // each times logit - max

    double logOfSum() const { return std::log(powers); }

    /* Of the probabilities, in nats. */
    double entropy() const { return logOfSum() - weighted / powers; }
};

/* The vectors of one turn, and their sums. */
template <bool IS_WEIGHTED>
class LogitAdder {
    __m512 max;
    Sums powers;
    Sums weighted;

    struct Pair {
        __m512 power;
        __m512 weighted;

        Pair operator+(const Pair & other) const {
            return {_mm512_add_ps(power, other.power),
                    IS_WEIGHTED ? _mm512_add_ps(weighted, other.weighted) : weighted};
        }
    };

    Pair pairOf(__m512 x) const {
        const __m512 distance = _mm512_sub_ps(x, max);
        const __m512 power = exponential(distance);
        if constexpr (!IS_WEIGHTED) {
            return {power, power};
        }
        /* What is behind the last logit is 0, and not 0 times -Infinity. */
        const __mmask16 counts = _mm512_cmp_ps_mask(power, _mm512_setzero_ps(), _CMP_GT_OQ);
        return {power, _mm512_maskz_mul_ps(counts, power, distance)};
    }

    void add(const Pair & pair) {
        powers.add(pair.power);
        if constexpr (IS_WEIGHTED) {
            weighted.add(pair.weighted);
        }
    }

public:
    explicit LogitAdder(float max) : max(_mm512_set1_ps(max)) {}

    LogitSums sumsOf(const float * logits, int64_t size) {
        int64_t i = 0;
        for (; i + CHUNK <= size; i += CHUNK) {
            const auto at = [&](int j) { return pairOf(_mm512_loadu_ps(logits + i + j * LANES)); };
            add((at(0) + at(1)) + (at(2) + at(3)));
        }
        for (; i < size; i += LANES) {
            add(pairOf(loadLogits(logits + i, lanesOf(size - i))));
        }
        return {powers.total(), weighted.total()};
    }
};
