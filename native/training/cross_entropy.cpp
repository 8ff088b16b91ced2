/*
 * The loss of predictions, and its gradient, which takes the place of the logits: there may be 200 MB of them. One thread
 * computes a row, in one order.
 */
#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include "../logit_sums.h"

#include <limits>

namespace training {
namespace {

constexpr int VOCAB_SIZE_AT = 0;

bool counts(int32_t target, int64_t vocabSize) {
    return target >= 0 && target < vocabSize;
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * logits = y->src[0];
    const auto * targets = static_cast<const int32_t *>(y->src[1]->data);
    const int64_t size = intParameter(y, VOCAB_SIZE_AT);
    startTurns(params);
    takeTurns(params, logits->ne[1], 1, [&](int64_t row, int64_t) {
        const float * from = floats(logits) + row * logits->ne[0];
        float * to = floats(y) + row * 2;
        bool isFinite;
        const float max = largestLogit(from, size, isFinite);
        if (!isFinite) {
            to[0] = to[1] = std::numeric_limits<float>::quiet_NaN();
            return;
        }
        const double logSum = LogitAdder<false>(max).sumsOf(from, size).logOfSum() + max;
        to[0] = counts(targets[row], size) ? static_cast<float>(logSum - from[targets[row]]) : 0;
        to[1] = static_cast<float>(logSum);
    });
}

void computeGradient(const ggml_compute_params * params, ggml_tensor * y) {
    const auto * targets = static_cast<const int32_t *>(y->src[1]->data);
    const float * crossEntropies = floats(y->src[2]);
    const float factor = floats(y->src[3])[0];
    const int64_t size = intParameter(y, VOCAB_SIZE_AT), columns = y->ne[0];
    startTurns(params);
    takeTurns(params, y->ne[1], 1, [&](int64_t row, int64_t) {
        float * logits = floats(y) + row * columns;
        if (!counts(targets[row], size)) {
            std::fill_n(logits, columns, 0.0f);
            return;
        }
        const F32 logSum = broadcast(crossEntropies[row * 2 + 1]);
        eachVector(0, size, [&](int64_t i, auto mask) {
            const F32 probability = power(subtract(load(logits + i, mask), logSum));
            store(logits + i, mask, multiply(probability, broadcast(factor)));
        });
        std::fill(logits + size, logits + columns, 0.0f);
        logits[targets[row]] -= factor;
    });
}

constexpr Kernel KERNEL = {compute, noWork};
constexpr Kernel GRADIENT_KERNEL = {computeGradient, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_cross_entropy(
    ggml_context * context, ggml_tensor * logits, ggml_tensor * targets, int32_t vocab_size) {
    ggml_tensor * y = training::operation(context, training::KERNEL, {2, logits->ne[1]}, {logits, targets});
    training::setParameter(y, training::VOCAB_SIZE_AT, vocab_size);
    return y;
}

ggml_tensor * gpt2_cross_entropy_gradient(
    ggml_context * context, ggml_tensor * logits, ggml_tensor * targets, ggml_tensor * cross_entropies,
    ggml_tensor * factor, int32_t vocab_size) {
    ggml_tensor * y = training::operationInPlace(
        context, training::GRADIENT_KERNEL, {logits, targets, cross_entropies, factor});
    training::setParameter(y, training::VOCAB_SIZE_AT, vocab_size);
    return y;
}

#endif
