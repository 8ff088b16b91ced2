/*
 * The exponential function, 16 numbers at a time.
 */
#pragma once

#include <immintrin.h>

/* e^x within 2 units in the last place; 0 below -87. */
inline __m512 exponential(__m512 x) {
    /* x = n ln 2 + r with a whole n, so e^x = 2^n e^r. ln 2 comes in two parts, the first of which has so
     * few digits that n times it is exact. */
    const __mmask16 counts = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87), _CMP_GE_OQ);
    const __m512 bounded = _mm512_min_ps(x, _mm512_set1_ps(88.5f));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(bounded, _mm512_set1_ps(1.44269504f)),
                                          _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), bounded);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    /* The Taylor series: |r| is at most 0.35, so the first term left out is below 1.3e-7. */
    __m512 sum = _mm512_set1_ps(1.0f / 720);
    for (const float term : {1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) {
        sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(term));
    }
    return _mm512_maskz_scalef_ps(counts, sum, n);
}
