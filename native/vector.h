/*
 * Vectors of as many numbers as a register of this processor holds, and what the kernels do with them. An algorithm is
 * written once, with LANES numbers at a time; what the instruction set is, these files know:
 *
 *     vector_avx512.h   16 lanes, with AVX-512 (F, BW, DQ, VL) and VNNI
 *     vector_avx2.h      8 lanes, with AVX2, FMA and F16C; with AVX-VNNI if there is that, too
 *     vector_neon.h      8 lanes, on ARM with NEON; with the products of bytes of dotprod and of i8mm if there are those, too
 *
 * Each defines LANES and these types:
 *
 *     F32     numbers in single precision
 *     F64     half as many in double precision
 *     I32     whole numbers; or four bytes in each lane, of columns side by side
 *     Mask    yes or no for each lane
 *     Four    four numbers in single precision, however many lanes there are
 *
 * A sum over lanes comes out in the order that lane_sums.h describes. Between 16 lanes and 8, orders and therefore last bits
 * differ; within one library they do not.
 */
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)
#define GPT2_HAS_KERNELS
#define GPT2_HAS_AVX512
#include "vector_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define GPT2_HAS_KERNELS
#include "vector_avx2.h"
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define GPT2_HAS_KERNELS
#define GPT2_UNROLL _Pragma("GCC unroll 16")
#include "vector_neon.h"
#endif

/* Before a loop over an array of vectors. Where a vector is a structure, GCC keeps such an array in memory, and not in
 * registers, unless it unrolls the loop early. */
#ifndef GPT2_UNROLL
#define GPT2_UNROLL
#endif

/* The same numbers, in a register. Otherwise GCC may load them again for each operation with them, and loads are what takes
 * time then: a product and a sum of 512 bits begin in every cycle, and no more than one load does. */
template <class Vector> inline Vector held(Vector x) {
#if defined(__GNUC__) && defined(__x86_64__)
    __asm__("" : "+v"(x));
#endif
    return x;
}
