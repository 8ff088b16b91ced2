/*
 * Force-included before the file of ggml's CPU backend in which threads wait for each other, on x86 under POSIX.
 *
 * They spin: a step has hundreds of places at which all have to arrive, mostly within a microsecond. But where other
 * processes run too, the one that is waited for may not have a processor, and waiting in its place keeps it from getting
 * one, for as long as the system lets a thread run. So whoever has waited for some microseconds offers its processor.
 */
#pragma once

#include <immintrin.h>
#include <sched.h>

/* About 2 microseconds; to ask the system takes a fraction of one. */
#define GPT2_PAUSES_PER_YIELD 64

static inline void gpt2_yielding_pause(void) {
    static __thread unsigned num_pauses;
    __builtin_ia32_pause();
    if (++num_pauses % GPT2_PAUSES_PER_YIELD == 0) {
        sched_yield();
    }
}

#undef _mm_pause
#define _mm_pause gpt2_yielding_pause
