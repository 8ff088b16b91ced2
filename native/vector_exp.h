/*
 * The exponential function, LANES numbers at a time.
 */
#pragma once

#include "vector.h"

#ifdef GPT2_HAS_KERNELS

/* e^x within 2 units in the last place; 0 below -87. */
inline F32 exponential(F32 x) {
    /* x = n ln 2 + r with a whole n, so e^x = 2^n e^r. ln 2 comes in two parts, the first of which has so
     * few digits that n times it is exact. */
    const Mask counts = isAtLeast(x, broadcast(-87.0f));
    const F32 bounded = smaller(x, broadcast(88.5f));
    const F32 n = round(multiply(bounded, broadcast(1.44269504f)));
    F32 r = subtractProduct(bounded, n, broadcast(0.693359375f));
    r = subtractProduct(r, n, broadcast(-2.12194440e-4f));
    /* The Taylor series: |r| is at most 0.35, so the first term left out is below 1.3e-7. */
    F32 sum = broadcast(1.0f / 720);
    for (const float term : {1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) {
        sum = multiplyAdd(sum, r, broadcast(term));
    }
    return keepWhere(counts, scaleByPower(sum, n));
}

#endif
