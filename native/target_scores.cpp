/*
 * How likely given tokens are by their logits. An operation that ggml does not have, so to ggml it is a custom one. One
 * thread computes a row, in one order, so that it gets the same bits whatever rows are computed with it.
 */
#include "gpt2.h"
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include "logit_sums.h"

#include <cstring>
#include <limits>

namespace {

constexpr uint32_t VOCAB_SIZE_AT = 8;  // among the parameters, behind those of a custom operation
static_assert(sizeof(ggml_custom_op_params) <= VOCAB_SIZE_AT * sizeof(int32_t));

/* Where a custom operation has the function that computes it. It is never called: kernels.cpp is asked first. */
void placeholder(ggml_tensor *, int, int, void *) {
    GGML_ABORT("targets are scored by a kernel");
}

/* What is told of a row. */
struct Score {
    float target;
    float max;
    int32_t rank;
    int32_t unused;
    double logOfSum;
    double entropy;
};
static_assert(sizeof(Score) == GPT2_SCORE_ELEMENTS * sizeof(int32_t));

/* How many tokens are likelier: their logits are larger, or as large and their ids lower. */
int32_t numLikelier(const float * logits, int64_t size, int64_t target) {
    const F32 own = broadcast(logits[target]);
    int64_t count = 0;
    for (int64_t i = 0; i < size; i += LANES) {
        const F32 x = loadLogits(logits + i, firstLanes(size - i));
        const Mask before = firstLanes(target - i);
        count += __builtin_popcount(bitsOf(isGreater(x, own) | (isEqual(x, own) & before)));
    }
    return static_cast<int32_t>(count);
}

Score scoreOf(const float * logits, int64_t size, int64_t target) {
    Score score = {};
    score.logOfSum = score.entropy = std::numeric_limits<double>::quiet_NaN();
    if (target < 0 || target >= size) {
        return score;
    }
    bool isFinite;
    const float max = largestLogit(logits, size, isFinite);
    if (!isFinite) {
        return score;
    }
    const LogitSums sums = LogitAdder<true>(max).sumsOf(logits, size);
    score.target = logits[target];
    score.max = max;
    score.rank = 1 + numLikelier(logits, size, target);
    score.logOfSum = sums.logOfSum();
    score.entropy = sums.entropy();
    return score;
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const auto * targets = static_cast<const int32_t *>(y->src[1]->data);
    const int64_t size = ggml_get_op_params_i32(y, VOCAB_SIZE_AT);
    startTurns(params);
    takeTurns(params, x->ne[1], 1, [&](int64_t row, int64_t) {
        const char * from = static_cast<const char *>(x->data) + row * x->nb[1];
        const Score score = scoreOf(reinterpret_cast<const float *>(from), size, targets[row]);
        memcpy(static_cast<char *>(y->data) + row * y->nb[1], &score, sizeof(score));
    });
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace

const Kernel * targetScoresKernel(const ggml_tensor * y) {
    ggml_custom_op_params params;
    memcpy(&params, y->op_params, sizeof(params));
    return params.fun == placeholder ? &KERNEL : nullptr;
}

ggml_tensor * gpt2_score_targets(
    ggml_context * context, ggml_tensor * logits, ggml_tensor * targets, int32_t vocab_size) {
    ggml_tensor * operands[] = {logits, targets};
    ggml_tensor * y = ggml_custom_4d(context, GGML_TYPE_I32, GPT2_SCORE_ELEMENTS, logits->ne[1], 1, 1, operands, 2,
                                     placeholder, GGML_N_TASKS_MAX, nullptr);
    ggml_set_op_params_i32(y, VOCAB_SIZE_AT, vocab_size);
    return y;
}

#else

ggml_tensor * gpt2_score_targets(ggml_context *, ggml_tensor *, ggml_tensor *, int32_t) {
    return nullptr;
}

#endif
