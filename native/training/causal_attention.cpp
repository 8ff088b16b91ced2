/*
 * Causal attention on the way forward. A thread takes some queries of one head.
 */
#include "causal_attention.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

namespace training {
namespace {

/* Makes of scores weights: e^(score * scale - largest), divided by their sum. Those behind the first `count` of `size`
 * become zeros. Returns the logarithm of the sum of e^(score * scale). */
float softmax(float * scores, int64_t count, int64_t size, float scale) {
    const F32 factor = broadcast(scale);
    F32 most = broadcast(-INFINITY);
    eachVector(0, count, [&](int64_t i, auto mask) {
        const F32 x = multiply(load(scores + i, mask), factor);
        store(scores + i, mask, x);
        most = selectIn(mask, larger(most, x), most);
    });
    const float largest = largestOf(most);
    F32 sums = zeros();
    eachVector(0, count, [&](int64_t i, auto mask) {
        const F32 x = power(subtract(load(scores + i, mask), broadcast(largest)));
        store(scores + i, mask, x);
        sums = selectIn(mask, add(sums, x), sums);
    });
    const float sum = sumOf(sums);
    const F32 share = broadcast(1 / sum);
    eachVector(0, count, [&](int64_t i, auto mask) {
        store(scores + i, mask, multiply(load(scores + i, mask), share));
    });
    std::fill(scores + count, scores + size, 0.0f);
    return largest + std::log(sum);
}

template <class Precision> void computeIn(const ggml_compute_params * params, ggml_tensor * y) {
    const Heads query = {y->src[0]}, key = {y->src[1]}, value = {y->src[2]};
    const int64_t seq = query.seq(), headDim = query.headDim(), heads = y->src[0]->ne[2];
    const int64_t stride = scoreStride(seq);
    const float scale = floatParameter(y, SCALE_AT);
    const Dropout dropout = dropoutOf(y, y->src[3]);
    float * logSums = floats(y) + ggml_nelements(y->src[0]);
    char * own = alignedWork(params) + params->ith * (PRODUCT_BYTES + QUERIES_AT_ONCE * stride * sizeof(float));
    auto * work = reinterpret_cast<float *>(own);
    auto * scores = reinterpret_cast<float *>(own + PRODUCT_BYTES);
    const int64_t blocks = (seq + QUERIES_AT_ONCE - 1) / QUERIES_AT_ONCE;
    startTurns(params);
    takeTurns(params, blocks * query.count(), 1, [&](int64_t i, int64_t) {
        /* The last block takes longest. */
        const int64_t head = i % query.count(), block = blocks - 1 - i / query.count();
        const int64_t first = block * QUERIES_AT_ONCE, end = std::min(first + QUERIES_AT_ONCE, seq);
        multiplyAll<Precision>(query[head].from(first, 0), end - first, key[head], end, headDim, {scores, stride}, false, work,
                    Triangle::ofScores(first));
        for (int64_t q = first; q < end; q++) {
            float * row = scores + (q - first) * stride;
            logSums[head * seq + q] = softmax(row, q + 1, end, scale);
            if (dropout.isOn()) {
                const auto place = static_cast<uint32_t>((head * seq + q) * seq);
                eachVector(0, q + 1, [&](int64_t k, auto mask) {
                    store(row + k, mask, multiply(load(row + k, mask), dropout.factors(place + k)));
                });
            }
        }
        const Target to = {
            floats(y) + ((head / heads * seq + first) * heads + head % heads) * headDim, heads * headDim};
        multiplyAll<Precision>({scores, stride, 1}, end - first, transposed(value[head]), headDim, end, to, false, work,
                    Triangle::ofWeights(first));
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, ROUNDS_AT) ? computeIn<Rounded>(params, y) : computeIn<Single>(params, y);
}

size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * (PRODUCT_BYTES + QUERIES_AT_ONCE * scoreStride(y->src[0]->ne[1]) * sizeof(float));
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_causal_attention(ggml_context * context, ggml_tensor * query, ggml_tensor * key, ggml_tensor * value,
                                    ggml_tensor * seed, float scale, float probability, uint32_t stream,
                                    bool rounds) {
    const int64_t size = ggml_nelements(query) + ggml_nelements(query) / query->ne[0];
    ggml_tensor * y = training::operation(context, training::KERNEL, {size}, {query, key, value, seed});
    training::setAttention(y, scale, probability, stream, rounds);
    return y;
}

#endif
