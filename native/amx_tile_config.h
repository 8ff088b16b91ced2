/*
 * Force-included before every C++ file of ggml's CPU backend when GCC compiles for x86.
 *
 * GCC 12 declares _tile_loadconfig's assembly as reading the first 8 bytes of the 64-byte
 * configuration. So the optimizer drops the stores that fill the rest, and the first quantized
 * matrix product dies with SIGILL on a CPU with AMX. The replacement names all 64 bytes.
 */
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && defined(__cplusplus) && defined(__AMX_TILE__)
#include <immintrin.h>

#undef _tile_loadconfig
#define _tile_loadconfig(config) \
    __asm__ volatile("ldtilecfg %0" ::"m"(*(const char(*)[64])(config)))
#endif
