/*
 * Attention to a cache of keys and values. The scores of one position, or of 16, fit into the processor's
 * cache, so they are simply stored: first all products with the keys, then the softmax, then the sum of the
 * values.
 *
 * With few new positions, as in writing a text, what counts is to read keys and values as fast as memory
 * gives them: one position after another, the numbers of a head side by side in registers.
 *
 * With many, as in reading a prompt, what counts is the arithmetic: 16 positions at once, one in each lane,
 * so that nothing is added up across lanes. That takes masks which let each position see all keys up to a
 * last one, as causal masks do.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

#include "vector_exp.h"

namespace {

constexpr int LANES = 16;
constexpr int MAX_FEW = 4;     // positions that are too few for a tile
constexpr int KEYS_AT_ONCE = 8;
constexpr ggml_fp16_t MINUS_INFINITY = 0xfc00;

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
    while (numKeys > 0 && mask[numKeys - 1] == MINUS_INFINITY) {
        numKeys--;
    }
    return numKeys;
}

/* Whether the first `count` keys are all let through as they are. */
bool isPlain(const ggml_fp16_t * mask, int64_t count) {
    constexpr int STEP = 2 * LANES;
    __m512i found = _mm512_setzero_si512();
    int64_t k = 0;
    for (; k + STEP <= count; k += STEP) {
        found = _mm512_or_si512(found, _mm512_loadu_si512(mask + k));
    }
    const __mmask32 rest = (1u << (count - k)) - 1;
    found = _mm512_or_si512(found, _mm512_maskz_loadu_epi16(rest, mask + k));
    return _mm512_test_epi32_mask(found, found) == 0;
}

/* 16 positions of one head, or fewer. Lane i of everything belongs to position i. */
template <int VECTORS> struct Tile {
    static constexpr int HEAD_DIM = VECTORS * LANES;

    float   queries[HEAD_DIM][LANES];
    float   keys[KEYS_AT_ONCE][HEAD_DIM];  // and values
    float   out[HEAD_DIM][LANES];
    int32_t counts[LANES];  // how many keys each position sees
    float   scores[][LANES];  // of each key

    static int64_t bytes(int64_t numKeys) {
        const int64_t rounded = (numKeys + KEYS_AT_ONCE - 1) / KEYS_AT_ONCE * KEYS_AT_ONCE;
        return (sizeof(Tile) + rounded * LANES * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }
};

/* KEYS_AT_ONCE rows as F32; those behind the last one are zeros. */
template <class Number, int VECTORS>
void widen(const char * rows, size_t stride, int64_t first, int64_t numRows, Tile<VECTORS> & tile) {
    for (int i = 0; i < KEYS_AT_ONCE; i++) {
        const auto * row = reinterpret_cast<const Number *>(rows + (first + i) * stride);
        for (int v = 0; v < VECTORS; v++) {
            const __m512 numbers = first + i < numRows ? load(row + v * LANES) : _mm512_setzero_ps();
            _mm512_storeu_ps(tile.keys[i] + v * LANES, numbers);
        }
    }
}

/* Scores of all keys that any position sees, and the largest of each position. */
template <class Number, int VECTORS>
__m512 scoreTile(const char * keys, size_t keyStride, int64_t numKeys, Tile<VECTORS> & tile) {
    const __m512i counts = _mm512_loadu_si512(tile.counts);
    __m512 largest = _mm512_set1_ps(-INFINITY);
    for (int64_t k = 0; k < numKeys; k += KEYS_AT_ONCE) {
        widen<Number>(keys, keyStride, k, numKeys, tile);
        __m512 sums[KEYS_AT_ONCE];
        for (int i = 0; i < KEYS_AT_ONCE; i++) {
            sums[i] = _mm512_setzero_ps();
        }
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            const __m512 query = _mm512_loadu_ps(tile.queries[d]);
            for (int i = 0; i < KEYS_AT_ONCE; i++) {
                sums[i] = _mm512_fmadd_ps(query, _mm512_set1_ps(tile.keys[i][d]), sums[i]);
            }
        }
        for (int i = 0; i < KEYS_AT_ONCE; i++) {
            const __mmask16 isSeen = _mm512_cmplt_epi32_mask(_mm512_set1_epi32(k + i), counts);
            const __m512 score = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), isSeen, sums[i]);
            _mm512_storeu_ps(tile.scores[k + i], score);
            largest = _mm512_max_ps(largest, score);
        }
    }
    return largest;
}

/* The mean of the values, weighted by e^(score - largest), into `out`. */
template <class Number, int VECTORS>
void mixTile(const char * values, size_t valueStride, int64_t numValues, __m512 largest, Tile<VECTORS> & tile) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t k = 0; k < numValues; k++) {
        const __m512 weight = exponential(_mm512_sub_ps(_mm512_loadu_ps(tile.scores[k]), largest));
        _mm512_storeu_ps(tile.scores[k], weight);
        sum = _mm512_add_ps(sum, weight);
    }
    std::fill_n(&tile.out[0][0], tile.HEAD_DIM * LANES, 0.0f);
    for (int64_t k = 0; k < numValues; k += KEYS_AT_ONCE) {
        widen<Number>(values, valueStride, k, numValues, tile);
        const int64_t count = std::min<int64_t>(KEYS_AT_ONCE, numValues - k);
        for (int d = 0; d < tile.HEAD_DIM; d += LANES) {
            __m512 sums[LANES];
            for (int i = 0; i < LANES; i++) {
                sums[i] = _mm512_loadu_ps(tile.out[d + i]);
            }
            for (int64_t j = 0; j < count; j++) {
                const __m512 weight = _mm512_loadu_ps(tile.scores[k + j]);
                for (int i = 0; i < LANES; i++) {
                    sums[i] = _mm512_fmadd_ps(weight, _mm512_set1_ps(tile.keys[j][d + i]), sums[i]);
                }
            }
            for (int i = 0; i < LANES; i++) {
                _mm512_storeu_ps(tile.out[d + i], sums[i]);
            }
        }
    }
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1), sum);
    for (int d = 0; d < tile.HEAD_DIM; d++) {
        _mm512_storeu_ps(tile.out[d], _mm512_mul_ps(_mm512_loadu_ps(tile.out[d]), factor));
    }
}

/* One head of one text. */
struct Head {
    const char *  queries;
    size_t        queryStride;
    const char *  keys;
    size_t        keyStride;
    const char *  values;
    size_t        valueStride;
    const char *  mask;
    size_t        maskStride;
    char *        out;
    size_t        outStride;
    int64_t       numKeys;
    float         scale;

    Head(const ggml_tensor * y, int64_t head, int64_t text) {
        const ggml_tensor * query = y->src[0], * key = y->src[1], * value = y->src[2], * masks = y->src[3];
        queries = static_cast<const char *>(query->data) + head * query->nb[2] + text * query->nb[3];
        queryStride = query->nb[1];
        keys = static_cast<const char *>(key->data) + head * key->nb[2] + text * key->nb[3];
        keyStride = key->nb[1];
        values = static_cast<const char *>(value->data) + head * value->nb[2] + text * value->nb[3];
        valueStride = value->nb[1];
        mask = static_cast<const char *>(masks->data) + text % masks->ne[3] * masks->nb[3];
        maskStride = masks->nb[1];
        out = static_cast<char *>(y->data) + head * y->nb[1] + text * y->nb[3];
        outStride = y->nb[2];
        numKeys = key->ne[1];
        scale = ggml_get_op_params_f32(y, 0);
    }

    const float * query(int64_t i) const { return reinterpret_cast<const float *>(queries + i * queryStride); }

    const ggml_fp16_t * maskRow(int64_t i) const {
        return reinterpret_cast<const ggml_fp16_t *>(mask + i * maskStride);
    }

    float * outRow(int64_t i) const { return reinterpret_cast<float *>(out + i * outStride); }
};

/* Position `q`. */
template <class Number, int VECTORS> void attendOne(const Head & head, int64_t q, float * scores) {
    const ggml_fp16_t * mask = head.maskRow(q);
    const int64_t count = countAllowed(mask, head.numKeys);
    const float largest = scoreKeys<Number, VECTORS>(
        head.keys, head.keyStride, count, head.query(q), head.scale, mask, scores);
    const float sum = exponentiate(scores, count, largest);
    mixValues<Number, VECTORS>(
        head.values, head.valueStride, count, scores, count == 0 ? 0 : 1 / sum, head.outRow(q));
}

/* Positions `begin` to `end`, 16 at most. Returns false if the masks are not such that it can. */
template <class Number, int VECTORS>
bool attendTile(const Head & head, int64_t begin, int64_t end, Tile<VECTORS> & tile) {
    int64_t longest = 0;
    for (int i = 0; i < LANES; i++) {
        const int64_t q = std::min(begin + i, end - 1);
        const int64_t count = countAllowed(head.maskRow(q), head.numKeys);
        if (count == 0 || !isPlain(head.maskRow(q), count)) {
            return false;
        }
        tile.counts[i] = count;
        longest = std::max(longest, count);
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            tile.queries[d][i] = head.query(q)[d] * head.scale;
        }
    }
    const __m512 largest = scoreTile<Number>(head.keys, head.keyStride, longest, tile);
    mixTile<Number>(head.values, head.valueStride, longest, largest, tile);
    for (int64_t q = begin; q < end; q++) {
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            head.outRow(q)[d] = tile.out[d][q - begin];
        }
    }
    return true;
}

/* What a thread needs: the scores of one position, or a tile. */
template <int VECTORS> int64_t bytesPerThread(const ggml_tensor * y) {
    return Tile<VECTORS>::bytes(y->src[1]->ne[1]);
}

template <class Number, int VECTORS> void compute(const ggml_compute_params * params, ggml_tensor * y) {
    char * work = alignedWork(params) + params->ith * bytesPerThread<VECTORS>(y);
    const ggml_tensor * query = y->src[0];
    const int64_t numHeads = query->ne[2];
    const int64_t numQueries = query->ne[1];
    const int64_t perTurn = numQueries <= MAX_FEW ? numQueries : LANES;
    const int64_t turnsPerHead = (numQueries + perTurn - 1) / perTurn;
    startTurns(params);
    takeTurns(params, numHeads * query->ne[3] * turnsPerHead, 1, [&](int64_t turn, int64_t) {
        const int64_t item = turn / turnsPerHead;
        const Head head(y, item % numHeads, item / numHeads);
        const int64_t begin = turn % turnsPerHead * perTurn;
        const int64_t end = std::min(begin + perTurn, numQueries);
        auto & tile = *reinterpret_cast<Tile<VECTORS> *>(work);
        if (end - begin > MAX_FEW && attendTile<Number>(head, begin, end, tile)) {
            return;
        }
        for (int64_t q = begin; q < end; q++) {
            attendOne<Number, VECTORS>(head, q, reinterpret_cast<float *>(work));
        }
    });
}

template <int VECTORS> size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * bytesPerThread<VECTORS>(y);
}

template <class Number> const Kernel * kernelFor(int64_t headDim) {
    static constexpr Kernel KERNELS[] = {
        {compute<Number, 1>, workSize<1>}, {compute<Number, 2>, workSize<2>}, {compute<Number, 4>, workSize<4>}};
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
    const bool fits = mask != nullptr && mask->ne[2] == 1 && y->src[4] == nullptr &&
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
