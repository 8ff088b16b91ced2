/*
 * Included before everything else to try the kernels for AVX-VNNI on a CPU that has only the same instruction of AVX-512.
 */
#pragma once

#include <immintrin.h>

#define __AVXVNNI__ 1
#define _mm256_dpbusd_avx_epi32 _mm256_dpbusd_epi32
