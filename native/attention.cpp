/*
 * Attention of a few new positions to a long cache: what writing a text needs at every token.
 *
 * All keys and values of a head are read once, from front to back; what counts is to read them as fast as
 * memory gives them. The scores of one head fit into the cache, so they are simply stored: first all
 * products with the keys, then the softmax, then the sum of the values.
 *
 * For many new positions ggml's own kernel is used.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

#include "vector_exp.h"

namespace {

constexpr int LANES = 16;
constexpr int MAX_QUERIES = 4;

inline __m512 load(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
}

inline __m512 load(const float * from) {
    return _mm512_loadu_ps(from);
}

/* scores[k] = key k * query * scale + mask[k], and the largest of them. */
template <class Number, int VECTORS>
float scoreKeys(const char * keys, size_t keyStride, int64_t numKeys, const float * query, float scale,
                const ggml_fp16_t * mask, float * scores) {
    __m512 q[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        q[v] = _mm512_mul_ps(_mm512_loadu_ps(query + v * LANES), _mm512_set1_ps(scale));
    }
    for (int64_t k = 0; k < numKeys; k++) {
        const auto * key = reinterpret_cast<const Number *>(keys + k * keyStride);
        __m512 sum = _mm512_mul_ps(q[0], load(key));
        for (int v = 1; v < VECTORS; v++) {
            sum = _mm512_fmadd_ps(q[v], load(key + v * LANES), sum);
        }
        scores[k] = _mm512_reduce_add_ps(sum);
    }
    __m512 largest = _mm512_set1_ps(-INFINITY);
    for (int64_t k = 0; k < numKeys; k += LANES) {
        const __mmask16 inside = 0xffff >> (LANES - std::min<int64_t>(LANES, numKeys - k));
        const __m256i added = _mm256_maskz_loadu_epi16(inside, mask + k);
        const __m512 score = _mm512_add_ps(_mm512_loadu_ps(scores + k), _mm512_cvtph_ps(added));
        _mm512_mask_storeu_ps(scores + k, inside, score);
        largest = _mm512_mask_max_ps(largest, inside, largest, score);
    }
    return _mm512_reduce_max_ps(largest);
}

/* scores[k] = e^(scores[k] - largest), and the sum of them. */
float exponentiate(float * scores, int64_t count, float largest) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t k = 0; k < count; k += LANES) {
        const __mmask16 inside = 0xffff >> (LANES - std::min<int64_t>(LANES, count - k));
        const __m512 power = exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + k), _mm512_set1_ps(largest)));
        _mm512_mask_storeu_ps(scores + k, inside, power);
        sum = _mm512_mask_add_ps(sum, inside, sum, power);
    }
    return _mm512_reduce_add_ps(sum);
}

/* out = the sum of weights[k] * factor * value k. */
template <class Number, int VECTORS>
void mixValues(const char * values, size_t valueStride, int64_t numValues, const float * weights, float factor,
               float * out) {
    __m512 sums[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        sums[v] = _mm512_setzero_ps();
    }
    for (int64_t k = 0; k < numValues; k++) {
        const auto * value = reinterpret_cast<const Number *>(values + k * valueStride);
        const __m512 weight = _mm512_set1_ps(weights[k]);
        for (int v = 0; v < VECTORS; v++) {
            sums[v] = _mm512_fmadd_ps(weight, load(value + v * LANES), sums[v]);
        }
    }
    for (int v = 0; v < VECTORS; v++) {
        _mm512_storeu_ps(out + v * LANES, _mm512_mul_ps(sums[v], _mm512_set1_ps(factor)));
    }
}

/* How many keys there are before those that the mask leaves out to the end. */
int64_t countAllowed(const ggml_fp16_t * mask, int64_t numKeys) {
    constexpr ggml_fp16_t MINUS_INFINITY = 0xfc00;
    while (numKeys > 0 && mask[numKeys - 1] == MINUS_INFINITY) {
        numKeys--;
    }
    return numKeys;
}

int64_t scoresBytes(const ggml_tensor * y) {
    return (y->src[1]->ne[1] * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

template <class Number, int VECTORS> void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * query = y->src[0];
    const ggml_tensor * key = y->src[1];
    const ggml_tensor * value = y->src[2];
    const ggml_tensor * mask = y->src[3];
    const float scale = ggml_get_op_params_f32(y, 0);
    auto * scores = reinterpret_cast<float *>(alignedWork(params) + params->ith * scoresBytes(y));
    const int64_t numHeads = query->ne[2];
    startTurns(params);
    takeTurns(params, numHeads * query->ne[3], 1, [&](int64_t item, int64_t) {
        const int64_t head = item % numHeads, text = item / numHeads;
        const char * keys = static_cast<const char *>(key->data) + head * key->nb[2] + text * key->nb[3];
        const char * values = static_cast<const char *>(value->data) + head * value->nb[2] + text * value->nb[3];
        for (int64_t q = 0; q < query->ne[1]; q++) {
            const char * from = static_cast<const char *>(query->data) + q * query->nb[1] + head * query->nb[2] +
                                text * query->nb[3];
            const char * added = static_cast<const char *>(mask->data) + q * mask->nb[1] +
                                 text % mask->ne[3] * mask->nb[3];
            const auto * row = reinterpret_cast<const ggml_fp16_t *>(added);
            char * to = static_cast<char *>(y->data) + head * y->nb[1] + q * y->nb[2] + text * y->nb[3];
            const int64_t count = countAllowed(row, key->ne[1]);
            const float largest = scoreKeys<Number, VECTORS>(
                keys, key->nb[1], count, reinterpret_cast<const float *>(from), scale, row, scores);
            const float sum = exponentiate(scores, count, largest);
            mixValues<Number, VECTORS>(
                values, value->nb[1], count, scores, count == 0 ? 0 : 1 / sum, reinterpret_cast<float *>(to));
        }
    });
}

size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * scoresBytes(y);
}

template <class Number> const Kernel * kernelFor(int64_t headDim) {
    static constexpr Kernel KERNELS[] = {
        {compute<Number, 1>, workSize}, {compute<Number, 2>, workSize}, {compute<Number, 4>, workSize}};
    switch (headDim) {
        case LANES:
            return &KERNELS[0];
        case 2 * LANES:
            return &KERNELS[1];
        case 4 * LANES:
            return &KERNELS[2];
        default:
            return nullptr;
    }
}

}  // namespace

const Kernel * attentionKernel(const ggml_tensor * y) {
    const ggml_tensor * query = y->src[0];
    const ggml_tensor * key = y->src[1];
    const ggml_tensor * value = y->src[2];
    const ggml_tensor * mask = y->src[3];
    const bool fits = query->ne[1] <= MAX_QUERIES && mask != nullptr && mask->ne[2] == 1 && y->src[4] == nullptr &&
                      query->ne[2] == key->ne[2] && query->ne[3] == key->ne[3] && query->ne[3] == value->ne[3] &&
                      query->ne[2] == value->ne[2] && value->ne[0] == key->ne[0] && value->type == key->type &&
                      query->type == GGML_TYPE_F32 && query->nb[0] == sizeof(float) &&
                      key->nb[0] == ggml_type_size(key->type) && value->nb[0] == ggml_type_size(value->type) &&
                      ggml_get_op_params_f32(y, 1) == 0 && ggml_get_op_params_f32(y, 2) == 0;
    if (!fits) {
        return nullptr;
    }
    return key->type == GGML_TYPE_F16 ? kernelFor<ggml_fp16_t>(key->ne[0])
         : key->type == GGML_TYPE_F32 ? kernelFor<float>(key->ne[0])
                                      : nullptr;
}

#endif
