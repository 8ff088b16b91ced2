/*
 * Force-included before the file of ggml's CPU backend in which threads wait for each other, on x86 under POSIX.
 *
 * They spin: a step has hundreds of places at which all have to arrive, mostly within a microsecond. But where other
 * processes run too, the one that is waited for may not have a processor, and waiting in its place keeps it from getting
 * one, for as long as the system lets a thread run. So whoever has waited for some microseconds offers its processor. For
 * the processor to come back before the others' turn of some milliseconds is over, a thread asks for short turns. And
 * where it comes back late all the same, the next waits sleep: what a thread does not use of its share of the processor
 * by waiting is left for computing.
 */
#pragma once

#include <immintrin.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* About 2 microseconds; to ask the system takes a fraction of one. */
#define GPT2_PAUSES_PER_OFFER 64

/* The shortest turn that Linux gives, in nanoseconds. */
#define GPT2_TURN_NS 100000

/* A processor that comes back later than this was wanted by others, who had more than the shortest turn. */
#define GPT2_LATE_NS 400000

/* So often a thread sleeps then instead of offering its processor, and for so long. */
#define GPT2_NAPS 64
#define GPT2_NAP_NS 20000

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

/* Linux lets a thread sleep 50 microseconds longer than it asked for, unless told not to. */
static inline void gpt2_ask_for_exact_naps(void) {
#ifdef __linux__
    const unsigned long slack_ns = 1;
    prctl(PR_SET_TIMERSLACK, slack_ns);
#endif
}

static inline int64_t gpt2_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void gpt2_offer_processor(unsigned * naps) {
    if (*naps > 0) {
        --*naps;
        const struct timespec nap = { 0, GPT2_NAP_NS };
        nanosleep(&nap, NULL);
        return;
    }
    const int64_t begin = gpt2_now_ns();
    sched_yield();
    if (gpt2_now_ns() - begin > GPT2_LATE_NS) {
        *naps = GPT2_NAPS;
    }
}

static inline void gpt2_yielding_pause(void) {
    static __thread unsigned num_pauses, naps;
    __builtin_ia32_pause();
    if (++num_pauses % GPT2_PAUSES_PER_OFFER != 0) {
        return;
    }
    if (num_pauses == GPT2_PAUSES_PER_OFFER) {
        gpt2_ask_for_short_turns();
        gpt2_ask_for_exact_naps();
    }
    gpt2_offer_processor(&naps);
}

#undef _mm_pause
#define _mm_pause gpt2_yielding_pause
