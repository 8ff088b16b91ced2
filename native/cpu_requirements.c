/*
 * Compiled with the flags of ggml's CPU backend, so that the compiler's own macros say which
 * instruction sets it was free to use there. Data only: no code here may run before it is checked.
 * (AMX is not in the list: ggml itself asks the system for it, and does without.)
 */
#include "cpu_features.h"

#include <stddef.h>

enum { EAX, EBX, ECX, EDX };
enum { YMM = 0x6, ZMM = 0xe6 };

const struct gpt2_cpu_feature gpt2_required_cpu_features[] = {
#if defined(GPT2_CPU_X86)
#ifdef __SSE3__
    {"SSE3", 1, 0, ECX, 0, 0},
#endif
#ifdef __SSSE3__
    {"SSSE3", 1, 0, ECX, 9, 0},
#endif
#ifdef __SSE4_1__
    {"SSE4.1", 1, 0, ECX, 19, 0},
#endif
#ifdef __SSE4_2__
    {"SSE4.2", 1, 0, ECX, 20, 0},
#endif
#ifdef __MOVBE__
    {"MOVBE", 1, 0, ECX, 22, 0},
#endif
#ifdef __POPCNT__
    {"POPCNT", 1, 0, ECX, 23, 0},
#endif
#ifdef __LZCNT__
    {"LZCNT", 0x80000001, 0, ECX, 5, 0},
#endif
#ifdef __BMI__
    {"BMI1", 7, 0, EBX, 3, 0},
#endif
#ifdef __BMI2__
    {"BMI2", 7, 0, EBX, 8, 0},
#endif
#ifdef __ADX__
    {"ADX", 7, 0, EBX, 19, 0},
#endif
#ifdef __GFNI__
    {"GFNI", 7, 0, ECX, 8, 0},
#endif
#ifdef __AVX__
    {"AVX", 1, 0, ECX, 28, YMM},
#endif
#ifdef __F16C__
    {"F16C", 1, 0, ECX, 29, YMM},
#endif
#ifdef __FMA__
    {"FMA", 1, 0, ECX, 12, YMM},
#endif
#ifdef __AVX2__
    {"AVX2", 7, 0, EBX, 5, YMM},
#endif
#ifdef __AVXVNNI__
    {"AVX-VNNI", 7, 1, EAX, 4, YMM},
#endif
#ifdef __AVX512F__
    {"AVX-512F", 7, 0, EBX, 16, ZMM},
#endif
#ifdef __AVX512DQ__
    {"AVX-512DQ", 7, 0, EBX, 17, ZMM},
#endif
#ifdef __AVX512IFMA__
    {"AVX-512IFMA", 7, 0, EBX, 21, ZMM},
#endif
#ifdef __AVX512CD__
    {"AVX-512CD", 7, 0, EBX, 28, ZMM},
#endif
#ifdef __AVX512BW__
    {"AVX-512BW", 7, 0, EBX, 30, ZMM},
#endif
#ifdef __AVX512VL__
    {"AVX-512VL", 7, 0, EBX, 31, ZMM},
#endif
#ifdef __AVX512VBMI__
    {"AVX-512VBMI", 7, 0, ECX, 1, ZMM},
#endif
#ifdef __AVX512VBMI2__
    {"AVX-512VBMI2", 7, 0, ECX, 6, ZMM},
#endif
#ifdef __AVX512VNNI__
    {"AVX-512VNNI", 7, 0, ECX, 11, ZMM},
#endif
#ifdef __AVX512BITALG__
    {"AVX-512BITALG", 7, 0, ECX, 12, ZMM},
#endif
#ifdef __AVX512VPOPCNTDQ__
    {"AVX-512VPOPCNTDQ", 7, 0, ECX, 14, ZMM},
#endif
#ifdef __AVX512VP2INTERSECT__
    {"AVX-512VP2INTERSECT", 7, 0, EDX, 8, ZMM},
#endif
#ifdef __AVX512FP16__
    {"AVX-512FP16", 7, 0, EDX, 23, ZMM},
#endif
#ifdef __AVX512BF16__
    {"AVX-512BF16", 7, 1, EAX, 5, ZMM},
#endif
#elif defined(GPT2_CPU_ARM_LINUX)
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
    {"FP16", 0, 0, 0, 10, 0},
#endif
#ifdef __ARM_FEATURE_DOTPROD
    {"DOTPROD", 0, 0, 0, 20, 0},
#endif
#ifdef __ARM_FEATURE_SVE
    {"SVE", 0, 0, 0, 22, 0},
#endif
#ifdef __ARM_FEATURE_SVE2
    {"SVE2", 0, 0, 1, 1, 0},
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
    {"I8MM", 0, 0, 1, 13, 0},
#endif
#ifdef __ARM_FEATURE_BF16
    {"BF16", 0, 0, 1, 14, 0},
#endif
#ifdef __ARM_FEATURE_SME
    {"SME", 0, 0, 1, 23, 0},
#endif
#endif
    {NULL, 0, 0, 0, 0, 0},
};
