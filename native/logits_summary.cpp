/*
 * What choosing a token needs of its logits: the largest, and what all add up to. An operation that ggml does not
 * have, so to ggml it is a custom one. One thread computes a row, in one order, so that it gets the same bits
 * whatever rows are computed with it.
 */
#include "gpt2.h"
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-impl.h"
#include "vector_exp.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace {

constexpr int LANES = 16;
constexpr int64_t CHUNK = 4 * LANES;
constexpr uint32_t VOCAB_SIZE_AT = 8;  // among the parameters, behind those of a custom operation
static_assert(sizeof(ggml_custom_op_params) <= VOCAB_SIZE_AT * sizeof(int32_t));

/* Where a custom operation has the function that computes it. It is never called: kernels.cpp is asked first. */
void placeholder(ggml_tensor *, int, int, void *) {
    GGML_ABORT("logits are summarized by a kernel");
}

int64_t countOf(const ggml_tensor * y) {
    return y->ne[0] / 2 - 1;
}

int64_t numChunks(int64_t size) {
    return (size + CHUNK - 1) / CHUNK;
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
        return (numChunks(size) * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
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

/* Which of 16 lanes are among the first `left`. */
__mmask16 lanes(int64_t left) {
    return left >= LANES ? 0xffff : left <= 0 ? 0 : 0xffff >> (LANES - left);
}

/* 16 logits; those behind the last are -Infinity. */
__m512 load(const float * logits, __mmask16 mask) {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY), mask, logits);
}

/* Finds the largest logit of each chunk. Returns whether all logits are finite. */
bool findMaxima(const float * logits, int64_t size, float * maxima) {
    constexpr int NOT_FINITE = 0x01 | 0x08 | 0x10 | 0x80;  // quiet NaN, both infinities, signaling NaN
    __mmask16 notFinite = 0;
    for (int64_t chunk = 0; chunk < numChunks(size); chunk++) {
        __m512 max = _mm512_set1_ps(-INFINITY);
        for (int64_t i = chunk * CHUNK; i < (chunk + 1) * CHUNK; i += LANES) {
            const __mmask16 mask = lanes(size - i);
            const __m512 x = load(logits + i, mask);
            notFinite |= _mm512_mask_fpclass_ps_mask(mask, x, NOT_FINITE);
            max = _mm512_max_ps(max, x);
        }
        maxima[chunk] = _mm512_reduce_max_ps(max);
    }
    return notFinite == 0;
}

/* 16 sums in double precision. */
struct Sums {
    __m512d low = _mm512_setzero_pd();
    __m512d high = _mm512_setzero_pd();

    void add(__m512 x) {
        low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(x)));
        high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)));
    }

    double total() const {
        double parts[LANES];
        _mm512_storeu_pd(parts, low);
        _mm512_storeu_pd(parts + LANES / 2, high);
        double sum = 0;
        for (const double part : parts) {
            sum += part;
        }
        return sum;
    }
};

/* The logarithm of the sum of e^(logit - max): 16 sums of those whose places agree modulo 16, of which the four of
 * a chunk are added in single precision first, then these one after another. */
double logOfSum(const float * logits, int64_t size, float max) {
    const auto power = [max](__m512 x) { return exponential(_mm512_sub_ps(x, _mm512_set1_ps(max))); };
    Sums sums;
    int64_t i = 0;
    for (; i + CHUNK <= size; i += CHUNK) {
        __m512 four[CHUNK / LANES];
        for (int64_t j = 0; j < CHUNK / LANES; j++) {
            four[j] = power(_mm512_loadu_ps(logits + i + j * LANES));
        }
        sums.add(_mm512_add_ps(_mm512_add_ps(four[0], four[1]), _mm512_add_ps(four[2], four[3])));
    }
    for (; i < size; i += LANES) {
        sums.add(power(load(logits + i, lanes(size - i))));
    }
    return std::log(sums.total());
}

/* Brings the `count` largest to the beginning of the candidates, in ascending order of their ids. */
void findLargest(const float * logits, int64_t size, int64_t count, const Work & work) {
    /* In so many chunks there is a logit of at least this much, so that the largest are not below it. */
    float bound = -INFINITY;
    if (numChunks(size) >= count) {
        float * end = std::copy(work.maxima, work.maxima + numChunks(size), work.reordered);
        std::nth_element(work.reordered, work.reordered + count - 1, end, std::greater<float>());
        bound = work.reordered[count - 1];
    }
    Candidate * end = work.candidates;
    int64_t numEqual = 0;
    for (int64_t chunk = 0; chunk < numChunks(size); chunk++) {
        if (work.maxima[chunk] < bound) {
            continue;
        }
        for (int64_t i = chunk * CHUNK; i < std::min((chunk + 1) * CHUNK, size); i++) {
            if (logits[i] > bound || (logits[i] == bound && numEqual++ < count)) {
                *end++ = {logits[i], static_cast<int32_t>(i)};
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
    if (findMaxima(logits, size, work.maxima)) {
        logarithm = logOfSum(logits, size, *std::max_element(work.maxima, work.maxima + numChunks(size)));
        findLargest(logits, size, count, work);
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
