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
    const __m512 wanted = _mm512_set1_ps(max);
    for (int64_t i = 0; i < size; i += LANES) {
        const __mmask16 found = _mm512_mask_cmp_ps_mask(
            lanesOf(size - i), loadLogits(logits + i, lanesOf(size - i)), wanted, _CMP_EQ_OQ);
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
    const __m512 max = _mm512_set1_ps(base.max);
    /* Close to each other where the models are: then few digits of the differences are lost. */
    const __m512 shift = _mm512_set1_ps(static_cast<float>((other.max + other.logOfSum) - (base.max + base.logOfSum)));
    Sums weighted;
    for (int64_t i = 0; i < size; i += LANES) {
        const __mmask16 mask = lanesOf(size - i);
        const __m512 p = _mm512_maskz_loadu_ps(mask, base.logits + i);
        const __m512 q = _mm512_maskz_loadu_ps(mask, other.logits + i);
        const __m512 difference = _mm512_add_ps(_mm512_sub_ps(p, q), shift);
        weighted.add(_mm512_maskz_mul_ps(mask, exponential(_mm512_sub_ps(p, max)), difference));
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
