/*
 * Causal attention on the way back (Dao et al., 2022, arXiv:2205.14135, appendix B.4). Weights are computed again from the
 * scores and their logarithms of sums. A thread takes a whole head, since all queries add to the gradients of a key.
 */
#include "causal_attention.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

constexpr int64_t SCORES_AT = PRODUCT_BYTES;

int64_t scoreBytes(int64_t seq) {
    return QUERIES_AT_ONCE * scoreStride(seq) * sizeof(float);
}

int64_t bytesOfThread(int64_t seq) {
    return SCORES_AT + 2 * scoreBytes(seq);
}

float dot(const float * a, const float * b, int64_t count) {
    F32 sums = zeros();
    eachVector(0, count, [&](int64_t i, auto mask) {
        sums = multiplyAdd(load(a + i, mask), load(b + i, mask), sums);
    });
    return sumOf(sums);
}

/* One head: what is read of it, and where its gradients go. */
struct Head {
    Matrix        query, key, value, output, gradient;
    const float * logSums;
    Target        queryGradient, keyGradient, valueGradient;
    int64_t       seq, headDim;
    uint32_t      firstPlace;  // of its weights, to the hash of dropout
};

/* gradient += rows^T * others, of keys that queries before `first` have added to; of the others it becomes that. */
template <class Precision>
void addToKeys(const float * rows, int64_t stride, const Matrix & others, int64_t first, int64_t end, int64_t headDim,
               Target gradient, float * work) {
    const Matrix before = {rows, 1, stride};
    const Matrix columns = transposed(others.from(first, 0));
    multiplyAll<Precision>(before, first, columns, headDim, end - first, gradient, true, work);
    const Target fresh = {gradient.data + first * gradient.rowStride, gradient.rowStride};
    multiplyAll<Precision>(before.from(first, 0), end - first, columns, headDim, end - first, fresh, false, work,
                Triangle::ofWeightsOfKeys());
}

/* Of a row: makes of scores weights (times what dropout multiplies them with), and of gradients of weights gradients of
 * scores. `size` numbers are written; behind the first `count` they are zeros. */
void weigh(float * scores, float * gradients, int64_t count, int64_t size, float scale, float logSum, float inner,
           const Dropout & dropout, uint32_t place) {
    const F32 factor = broadcast(scale);
    eachVector(0, count, [&](int64_t k, auto mask) {
        const F32 score = multiplyAdd(load(scores + k, mask), factor, broadcast(-logSum));
        const F32 weight = power(score);
        F32 gradient = load(gradients + k, mask), dropped = weight;
        if (dropout.isOn()) {
            const F32 kept = dropout.factors(place + k);
            gradient = multiply(gradient, kept);
            dropped = multiply(weight, kept);
        }
        gradient = multiply(multiply(weight, factor), subtract(gradient, broadcast(inner)));
        store(scores + k, mask, dropped);
        store(gradients + k, mask, gradient);
    });
    std::fill(scores + count, scores + size, 0.0f);
    std::fill(gradients + count, gradients + size, 0.0f);
}

template <class Precision> void computeHead(const Head & head, float scale, const Dropout & dropout, char * own) {
    const int64_t seq = head.seq, headDim = head.headDim, stride = scoreStride(seq);
    auto * work = reinterpret_cast<float *>(own);
    auto * scores = reinterpret_cast<float *>(own + SCORES_AT);
    auto * gradients = reinterpret_cast<float *>(own + SCORES_AT + scoreBytes(seq));
    for (int64_t first = 0; first < seq; first += QUERIES_AT_ONCE) {
        const int64_t end = std::min(first + QUERIES_AT_ONCE, seq), rows = end - first;
        multiplyAll<Precision>(head.query.from(first, 0), rows, head.key, end, headDim, {scores, stride}, false, work,
                    Triangle::ofScores(first));
        multiplyAll<Precision>(head.gradient.from(first, 0), rows, head.value, end, headDim, {gradients, stride}, false,
                    work, Triangle::ofScores(first));
        for (int64_t q = first; q < end; q++) {
            const float inner = dot(head.gradient.at(q, 0), head.output.at(q, 0), headDim);
            const int64_t row = (q - first) * stride;
            weigh(scores + row, gradients + row, q + 1, end, scale, head.logSums[q], inner, dropout,
                  head.firstPlace + static_cast<uint32_t>(q * seq));
        }
        addToKeys<Precision>(scores, stride, head.gradient, first, end, headDim, head.valueGradient, work);
        addToKeys<Precision>(gradients, stride, head.query, first, end, headDim, head.keyGradient, work);
        const Target to = {head.queryGradient.data + first * head.queryGradient.rowStride, head.queryGradient.rowStride};
        multiplyAll<Precision>({gradients, stride, 1}, rows, transposed(head.key), headDim, end, to, false, work,
                    Triangle::ofWeights(first));
    }
}

template <class Precision> void computeIn(const ggml_compute_params * params, ggml_tensor * y) {
    const Heads query = {y->src[0]}, key = {y->src[1]}, value = {y->src[2]};
    const Heads output = {y->src[3]}, gradient = {y->src[5]};
    const int64_t seq = query.seq(), headDim = query.headDim(), heads = y->src[0]->ne[2];
    const Dropout dropout = dropoutOf(y, y->src[6]);
    char * own = alignedWork(params) + params->ith * bytesOfThread(seq);
    startTurns(params);
    takeTurns(params, query.count(), 1, [&](int64_t i, int64_t) {
        const auto target = [&](int64_t which) {
            const int64_t row = (i / heads * seq * 3 + which) * heads + i % heads;
            return Target{floats(y) + row * headDim, 3 * heads * headDim};
        };
        const Head head = {
            query[i], key[i], value[i], output[i], gradient[i], floats(y->src[4]) + i * seq, target(0), target(1),
            target(2), seq, headDim, static_cast<uint32_t>(i * seq * seq),
        };
        computeHead<Precision>(head, floatParameter(y, SCALE_AT), dropout, own);
    });
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    return intParameter(y, ROUNDS_AT) ? computeIn<Rounded>(params, y) : computeIn<Single>(params, y);
}

size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * bytesOfThread(y->src[0]->ne[1]);
}

constexpr Kernel KERNEL = {compute, workSize};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_causal_attention_gradients(
    ggml_context * context, ggml_tensor * query, ggml_tensor * key, ggml_tensor * value, ggml_tensor * output,
    ggml_tensor * log_sums, ggml_tensor * gradient, ggml_tensor * seed, float scale, float probability,
    uint32_t stream, bool rounds) {
    ggml_tensor * y = training::operation(
        context, training::KERNEL, {query->ne[0], 3 * query->ne[2], query->ne[1], query->ne[3]},
        {query, key, value, output, log_sums, gradient, seed});
    training::setAttention(y, scale, probability, stream, rounds);
    return y;
}

#endif
