/*
 * Force-included before the file of ggml's CPU backend in which threads wait for each other, on x86 under POSIX.
 *
 * They spin: a step has hundreds of places at which all have to arrive, mostly within a microsecond. But where other
 * processes run too, the one that is waited for may not have a processor, and waiting in its place keeps it from getting
 * one, for as long as the system lets a thread run. So whoever has waited for some microseconds offers its processor. For
 * the processor to come back before the others' turn of some milliseconds is over, a thread asks for short turns.
 */
#pragma once

#include <immintrin.h>
#include <sched.h>

#ifdef __linux__
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* About 2 microseconds; to ask the system takes a fraction of one. */
#define GPT2_PAUSES_PER_YIELD 64

/* The shortest turn that Linux gives, in nanoseconds. */
#define GPT2_TURN_NS 100000

/*
 * Has Linux take turns of 0.1 ms on the processor that this thread wants, instead of about 3 ms: it gets as much of it as
 * before, but sooner. Linux before 6.12 does not, and one that forbids it is not asked again: nothing else depends on it.
 * See sched_setattr(2); libraries of C have the structure under its own name only since 2025.
 */
static inline void gpt2_ask_for_short_turns(void) {
#if defined(__linux__) && defined(SYS_sched_setattr)
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {0};
    const pid_t this_thread = 0;
    if (syscall(SYS_sched_getattr, this_thread, &attributes, sizeof attributes, 0) == 0 &&
        attributes.policy == SCHED_OTHER) {
        attributes.runtime = GPT2_TURN_NS;
        syscall(SYS_sched_setattr, this_thread, &attributes, 0);
    }
#endif
}

static inline void gpt2_yielding_pause(void) {
    static __thread unsigned num_pauses;
    __builtin_ia32_pause();
    if (++num_pauses % GPT2_PAUSES_PER_YIELD == 0) {
        if (num_pauses == GPT2_PAUSES_PER_YIELD) {
            gpt2_ask_for_short_turns();
        }
        sched_yield();
    }
}

#undef _mm_pause
#define _mm_pause gpt2_yielding_pause
