/*
 * What choosing a token needs of its logits: the largest, and what all add up to. An operation that ggml does not
 * have, so to ggml it is a custom one. One thread computes a row, in one order, so that it gets the same bits
 * whatever rows are computed with it.
 */
#include "gpt2.h"
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-impl.h"
#include "logit_sums.h"

#include <cstring>
#include <functional>
#include <limits>

namespace {

constexpr uint32_t VOCAB_SIZE_AT = 8;  // among the parameters, behind those of a custom operation
static_assert(sizeof(ggml_custom_op_params) <= VOCAB_SIZE_AT * sizeof(int32_t));

/* Where a custom operation has the function that computes it. It is never called: kernels.cpp is asked first. */
void placeholder(ggml_tensor *, int, int, void *) {
    GGML_ABORT("logits are summarized by a kernel");
}

int64_t countOf(const ggml_tensor * y) {
    return y->ne[0] / 2 - 1;
}

/* Rows are looked through in chunks: there must be more of them than logits are wanted to tell which may be left out. */
int64_t chunkSize(int64_t size, int64_t count) {
    return size >= 8 * count * CHUNK ? CHUNK : LANES;
}

int64_t numChunks(int64_t size, int64_t chunkSize) {
    return (size + chunkSize - 1) / chunkSize;
}

struct Candidate {
    float logit;
    int32_t id;
};

bool isBetter(const Candidate & a, const Candidate & b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/* A thread's own memory. */
struct Work {
    float * maxima;     // of each chunk
    float * reordered;  // the same
    Candidate * candidates;

    static int64_t maximaBytes(int64_t size) {
        return (numChunks(size, LANES) * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }

    /* Those above a bound are in less than `count` chunks, and at most `count` that equal it are looked at. */
    static int64_t bytes(int64_t size, int64_t count) {
        return 2 * maximaBytes(size) + count * (CHUNK + 1) * sizeof(Candidate);
    }

    Work(char * memory, int64_t size)
        : maxima(reinterpret_cast<float *>(memory)),
          reordered(reinterpret_cast<float *>(memory + maximaBytes(size))),
          candidates(reinterpret_cast<Candidate *>(memory + 2 * maximaBytes(size))) {}
};

/* Finds the largest logit of each chunk. Returns whether all logits are finite. */
bool findMaxima(const float * logits, int64_t size, int64_t chunkSize, float * maxima) {
    Mask odd = {};
    for (int64_t chunk = 0; chunk < numChunks(size, chunkSize); chunk++) {
        F32 max = broadcast(-INFINITY);
        for (int64_t i = chunk * chunkSize; i < (chunk + 1) * chunkSize; i += LANES) {
            const Mask mask = firstLanes(size - i);
            const F32 x = loadLogits(logits + i, mask);
            odd |= notFinite(x, mask);
            max = larger(max, x);
        }
        maxima[chunk] = largestOf(max);
    }
    return bitsOf(odd) == 0;
}

/* Brings the `count` largest to the beginning of the candidates, in ascending order of their ids. */
void findLargest(const float * logits, int64_t size, int64_t chunkSize, int64_t count, const Work & work) {
    /* In so many chunks there is a logit of at least this much, so that the largest are not below it. */
    float bound = -INFINITY;
    const int64_t numMaxima = numChunks(size, chunkSize);
    if (numMaxima >= count) {
        float * end = std::copy(work.maxima, work.maxima + numMaxima, work.reordered);
        std::nth_element(work.reordered, work.reordered + count - 1, end, std::greater<float>());
        bound = work.reordered[count - 1];
    }
    Candidate * end = work.candidates;
    int64_t numEqual = 0;
    for (int64_t chunk = 0; chunk < numMaxima; chunk++) {
        if (work.maxima[chunk] < bound) {
            continue;
        }
        for (int64_t i = chunk * chunkSize; i < std::min((chunk + 1) * chunkSize, size); i += LANES) {
            const Mask mask = firstLanes(size - i);
            const F32 x = loadLogits(logits + i, mask);
            uint32_t found = bitsOf(isAtLeast(x, broadcast(bound)) & mask);
            for (; found != 0; found &= found - 1) {
                const int64_t id = i + __builtin_ctz(found);
                if (logits[id] > bound || numEqual++ < count) {
                    *end++ = {logits[id], static_cast<int32_t>(id)};
                }
            }
        }
    }
    Candidate * last = work.candidates + count;
    if (last < end) {
        std::nth_element(work.candidates, last, end, isBetter);
    }
    std::sort(work.candidates, last, [](const Candidate & a, const Candidate & b) { return a.id < b.id; });
}

void summarize(const float * logits, int64_t size, int64_t count, const Work & work, char * to) {
    double logarithm = std::numeric_limits<double>::quiet_NaN();
    const int64_t width = chunkSize(size, count);
    if (findMaxima(logits, size, width, work.maxima)) {
        const float max = *std::max_element(work.maxima, work.maxima + numChunks(size, width));
        logarithm = LogitAdder<false>(max).sumsOf(logits, size).logOfSum();
        findLargest(logits, size, width, count, work);
    } else {
        std::fill(work.candidates, work.candidates + count, Candidate{0, 0});
    }
    auto * ids = reinterpret_cast<int32_t *>(to);
    auto * largest = reinterpret_cast<float *>(to) + count;
    for (int64_t i = 0; i < count; i++) {
        ids[i] = work.candidates[i].id;
        largest[i] = work.candidates[i].logit;
    }
    memcpy(largest + count, &logarithm, sizeof(logarithm));
}

int64_t workBytesOfThread(const ggml_tensor * y) {
    const int64_t bytes = Work::bytes(ggml_get_op_params_i32(y, VOCAB_SIZE_AT), countOf(y));
    return (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * workBytesOfThread(y);
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const int64_t size = ggml_get_op_params_i32(y, VOCAB_SIZE_AT);
    const Work work(alignedWork(params) + params->ith * workBytesOfThread(y), size);
    startTurns(params);
    takeTurns(params, x->ne[1], 1, [&](int64_t row, int64_t) {
        const char * from = static_cast<const char *>(x->data) + row * x->nb[1];
        char * to = static_cast<char *>(y->data) + row * y->nb[1];
        summarize(reinterpret_cast<const float *>(from), size, countOf(y), work, to);
    });
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace

const Kernel * logitsSummaryKernel(const ggml_tensor * y) {
    ggml_custom_op_params params;
    memcpy(&params, y->op_params, sizeof(params));
    return params.fun == placeholder ? &KERNEL : nullptr;
}

bool gpt2_has_logits_summary(void) {
    return true;
}

ggml_tensor * gpt2_summarize_logits(ggml_context * context, ggml_tensor * logits, int32_t vocab_size, int32_t count) {
    ggml_tensor * y = ggml_custom_4d(
        context, GGML_TYPE_I32, 2 * count + 2, logits->ne[1], 1, 1, &logits, 1, placeholder, GGML_N_TASKS_MAX, nullptr);
    ggml_set_op_params_i32(y, VOCAB_SIZE_AT, vocab_size);
    return y;
}

#else

bool gpt2_has_logits_summary(void) {
    return false;
}

ggml_tensor * gpt2_summarize_logits(ggml_context *, ggml_tensor *, int32_t, int32_t) {
    return nullptr;
}

#endif
