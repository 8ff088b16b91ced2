/*
 * How two models differ in what they say of the same places. One thread computes a row, in one order.
 */
#include "gpt2.h"
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "logit_sums.h"

#include <limits>

namespace {

/* What is told of a row: GPT2_COMPARISON_ELEMENTS numbers. */
struct Comparison {
    double baseLogProbability;
    double logProbability;
    double divergence;
    double hasSameTop;
};
static_assert(sizeof(Comparison) == GPT2_COMPARISON_ELEMENTS * sizeof(double));

/* Where the first logit is that is as large as the largest. */
int64_t placeOf(float max, const float * logits, int64_t size) {
    const F32 wanted = broadcast(max);
    for (int64_t i = 0; i < size; i += LANES) {
        const Mask mask = firstLanes(size - i);
        const uint32_t found = bitsOf(isEqual(loadLogits(logits + i, mask), wanted) & mask);
        if (found != 0) {
            return i + __builtin_ctz(found);
        }
    }
    return size;
}

/* The logits of a row, and the two numbers that make log-probabilities of them. */
struct Row {
    const float * logits;
    float max;
    double logOfSum;

    double logProbability(int64_t i) const { return logits[i] - max - logOfSum; }
};

/* The sum of p (log p - log q). */
double divergenceOf(const Row & base, const Row & other, int64_t size) {
    const F32 max = broadcast(base.max);
    /* Close to each other where the models are: then few digits of the differences are lost. */
    const F32 shift = broadcast(static_cast<float>((other.max + other.logOfSum) - (base.max + base.logOfSum)));
    Sums weighted;
    for (int64_t i = 0; i < size; i += LANES) {
        const Mask mask = firstLanes(size - i);
        const F32 p = loadWhere(mask, base.logits + i);
        const F32 q = loadWhere(mask, other.logits + i);
        const F32 difference = add(subtract(p, q), shift);
        weighted.add(keepWhere(mask, multiply(exponential(subtract(p, max)), difference)));
    }
    return weighted.total() / std::exp(base.logOfSum);
}

Comparison compare(const float * base, const float * other, int64_t size, int64_t target) {
    constexpr double NONE = std::numeric_limits<double>::quiet_NaN();
    bool isBaseFinite;
    bool isOtherFinite;
    const float baseMax = largestLogit(base, size, isBaseFinite);
    const float otherMax = largestLogit(other, size, isOtherFinite);
    if (!isBaseFinite || !isOtherFinite || target < 0 || target >= size) {
        return {NONE, NONE, NONE, NONE};
    }
    const Row p = {base, baseMax, LogitAdder<false>(baseMax).sumsOf(base, size).logOfSum()};
    const Row q = {other, otherMax, LogitAdder<false>(otherMax).sumsOf(other, size).logOfSum()};
    return {
        p.logProbability(target),
        q.logProbability(target),
        divergenceOf(p, q, size),
        placeOf(baseMax, base, size) == placeOf(otherMax, other, size) ? 1.0 : 0.0,
    };
}

}  // namespace

bool gpt2_compare_logits(
    const float * base, const float * other, int64_t rows, int64_t vocab_size, const int32_t * targets, double * out) {
    for (int64_t row = 0; row < rows; row++) {
        const Comparison found = compare(base + row * vocab_size, other + row * vocab_size, vocab_size, targets[row]);
        double * to = out + row * GPT2_COMPARISON_ELEMENTS;
        to[0] = found.baseLogProbability;
        to[1] = found.logProbability;
        to[2] = found.divergence;
        to[3] = found.hasSameTop;
    }
    return true;
}

#else

bool gpt2_compare_logits(const float *, const float *, int64_t, int64_t, const int32_t *, double *) {
    return false;
}

#endif
