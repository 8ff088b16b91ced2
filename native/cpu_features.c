/* Compiled for any CPU of the architecture: this runs before it is known what the CPU can do. */
#include "cpu_features.h"

#include <stdbool.h>
#include <stddef.h>

#include "gpt2.h"

#if defined(GPT2_CPU_X86)

#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

/* eax, ebx, ecx, edx; zeros for a leaf that the CPU does not have. */
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]) {
#if defined(_MSC_VER)
    __cpuid((int *) registers, (int) (leaf & 0x80000000u));
    const bool exists = registers[0] >= leaf;
    __cpuidex((int *) registers, (int) leaf, (int) subleaf);
#else
    const bool exists =
        __get_cpuid_count(leaf, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]);
#endif
    if (!exists) {
        registers[0] = registers[1] = registers[2] = registers[3] = 0;
    }
}

/* Which registers the system saves when it switches threads (XCR0). */
static uint32_t saved_state(void) {
    const uint32_t osxsave = 1u << 27;
    uint32_t registers[4];
    cpuid(1, 0, registers);
    if ((registers[2] & osxsave) == 0) {
        return 0;
    }
#if defined(_MSC_VER)
    return (uint32_t) _xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#endif
}

static bool has_feature(const struct gpt2_cpu_feature * feature) {
    uint32_t registers[4];
    cpuid(feature->leaf, feature->subleaf, registers);
    return (registers[feature->word] >> feature->bit & 1) != 0 &&
           (saved_state() & feature->state) == feature->state;
}

static void describe_cpu(uint32_t words[6]) {
    uint32_t registers[4];
    cpuid(1, 0, registers);
    words[0] = registers[0]; /* family, model, stepping */
    words[1] = registers[2];
    cpuid(7, 0, registers);
    words[2] = registers[1];
    words[3] = registers[2];
    words[4] = registers[3];
    words[5] = saved_state();
}

#elif defined(GPT2_CPU_ARM_LINUX)

#include <sys/auxv.h>

static bool has_feature(const struct gpt2_cpu_feature * feature) {
    const unsigned long capabilities = getauxval(feature->word == 0 ? AT_HWCAP : AT_HWCAP2);
    return (capabilities >> feature->bit & 1) != 0;
}

static void describe_cpu(uint32_t words[6]) {
    const uint64_t first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    words[0] = (uint32_t) first;
    words[1] = (uint32_t) (first >> 32);
    words[2] = (uint32_t) second;
    words[3] = (uint32_t) (second >> 32);
    words[4] = words[5] = 0;
}

#else

/* Elsewhere the list of requirements is empty, and every CPU looks the same. */
static bool has_feature(const struct gpt2_cpu_feature * feature) {
    (void) feature;
    return true;
}

static void describe_cpu(uint32_t words[6]) {
    for (int i = 0; i < 6; i++) {
        words[i] = 0;
    }
}

#endif

const char * gpt2_missing_cpu_feature(void) {
    for (const struct gpt2_cpu_feature * feature = gpt2_required_cpu_features; feature->name != NULL;
         feature++) {
        if (!has_feature(feature)) {
            return feature->name;
        }
    }
    return NULL;
}

uint32_t gpt2_cpu_id(void) {
    uint32_t words[6];
    describe_cpu(words);
    uint32_t id = 2166136261u; /* FNV-1a, by words instead of bytes */
    for (int i = 0; i < 6; i++) {
        id = (id ^ words[i]) * 16777619u;
    }
    return id;
}
