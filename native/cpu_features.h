/* What the code of ggml's CPU backend needs of the CPU, and how to ask the CPU for it. */
#pragma once

#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
#define GPT2_CPU_X86 1
#elif defined(__aarch64__) && defined(__linux__)
#define GPT2_CPU_ARM_LINUX 1
#endif

/* On x86, bit `bit` of register `word` (0 eax, 1 ebx, 2 ecx, 3 edx) of cpuid's leaf and subleaf, and
 * the `state` bits of XCR0, without which the system does not save the registers in question.
 * On ARM, bit `bit` of AT_HWCAP (`word` 0) or AT_HWCAP2 (`word` 1). */
struct gpt2_cpu_feature {
    const char * name;
    uint32_t     leaf, subleaf;
    uint32_t     word, bit;
    uint32_t     state;
};

/* Ends with a feature whose name is NULL. */
extern const struct gpt2_cpu_feature gpt2_required_cpu_features[];
