/*
 * Attention of positions to the first rows of keys and values, for one head: what both operations that do so are
 * made of. The scores of one position, or of 16, fit into the processor's cache, so they are simply stored:
 * first all products with the keys, then the softmax, then the sum of the values.
 *
 * With few new positions, as in writing a text, what counts is to read keys and values as fast as memory
 * gives them: attendOne() takes one position, the numbers of a head side by side in registers.
 *
 * With many, as in reading a prompt, what counts is the arithmetic: attendTile() takes 16 positions at once,
 * one in each lane.
 *
 * Both add up in the same order, so a position gets the same bits from either, whatever else is computed with it:
 *
 * - a product with a key: the numbers of a head whose places agree modulo 16, one after another; then those 16
 *   sums as lane_sums.h says;
 * - the sum of the exponentials: likewise, the keys whose numbers agree modulo 16, one after another;
 * - the values: one key after another.
 */
#pragma once

#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

#include "lane_sums.h"
#include "vector_exp.h"

namespace {

constexpr int MAX_FEW = 4;         // positions that are too few for a tile
constexpr int KEYS_AT_ONCE = 16;   // that are widened, or values
constexpr int SCORES_AT_ONCE = 4;  // of those

/* Keys and values of one head of one text. */
struct Rows {
    const char * keys;
    size_t       keyStride;
    const char * values;
    size_t       valueStride;
};

/* A position: what asks, how many rows it sees, and where the answer goes. */
struct Position {
    const float * query;
    int64_t       count;
    float *       out;
};

/* 32 numbers of Q8_0: the bytes of ggml's block_q8_0. */
struct Q8Block {
    ggml_fp16_t scale;
    int8_t      numbers[32];
};

/* The numbers of a row from the 16th times `v` on. */
inline __m512 loadLanes(const ggml_fp16_t * row, int v) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(row + v * LANES)));
}

inline __m512 loadLanes(const float * row, int v) {
    return _mm512_loadu_ps(row + v * LANES);
}

inline __m512 loadLanes(const Q8Block * row, int v) {
    const Q8Block & block = row[v / 2];
    const auto * from = reinterpret_cast<const __m128i *>(block.numbers + v % 2 * LANES);
    const __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from)));
    return _mm512_mul_ps(numbers, _mm512_set1_ps(_cvtsh_ss(block.scale)));
}

/* The first `count` of 16 lanes, or all of them. */
inline __mmask16 firstLanes(int64_t count) {
    return 0xffff >> (LANES - std::min<int64_t>(LANES, count));
}

/* scores[k] = key k * query * scale (+ mask[k]), and the largest of them. */
template <class Number, int VECTORS>
float scoreKeys(const Rows & rows, const Position & position, float scale, const ggml_fp16_t * mask, float * scores) {
    const int64_t count = position.count;
    __m512 query[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        query[v] = _mm512_mul_ps(_mm512_loadu_ps(position.query + v * LANES), _mm512_set1_ps(scale));
    }
    __m512 largest = _mm512_set1_ps(-INFINITY);
    for (int64_t k = 0; k < count; k += LANES) {
        __m512 products[LANES];
        for (int i = 0; i < LANES; i++) {
            const char * row = rows.keys + std::min(k + i, count - 1) * rows.keyStride;
            const auto * key = reinterpret_cast<const Number *>(row);
            __m512 sum = _mm512_mul_ps(query[0], loadLanes(key, 0));
            for (int v = 1; v < VECTORS; v++) {
                sum = _mm512_fmadd_ps(query[v], loadLanes(key, v), sum);
            }
            products[ORDER[i]] = sum;
        }
        __m512 score = sumEach(products);
        const __mmask16 inside = firstLanes(count - k);
        if (mask != nullptr) {
            score = _mm512_add_ps(score, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(inside, mask + k)));
        }
        _mm512_storeu_ps(scores + k, score);
        largest = _mm512_mask_max_ps(largest, inside, largest, score);
    }
    return _mm512_reduce_max_ps(largest);
}

/* scores[k] = e^(scores[k] - largest), and the sum of them. */
inline float exponentiate(float * scores, int64_t count, float largest) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t k = 0; k < count; k += LANES) {
        const __m512 power = exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + k), _mm512_set1_ps(largest)));
        _mm512_storeu_ps(scores + k, power);
        sum = _mm512_mask_add_ps(sum, firstLanes(count - k), sum, power);
    }
    return sumOf(sum);
}

/* out = the sum of weights[k] * factor * value k. */
template <class Number, int VECTORS>
void mixValues(const Rows & rows, int64_t count, const float * weights, float factor, float * out) {
    __m512 sums[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        sums[v] = _mm512_setzero_ps();
    }
    for (int64_t k = 0; k < count; k++) {
        const auto * value = reinterpret_cast<const Number *>(rows.values + k * rows.valueStride);
        const __m512 weight = _mm512_set1_ps(weights[k]);
        for (int v = 0; v < VECTORS; v++) {
            sums[v] = _mm512_fmadd_ps(weight, loadLanes(value, v), sums[v]);
        }
    }
    for (int v = 0; v < VECTORS; v++) {
        _mm512_storeu_ps(out + v * LANES, _mm512_mul_ps(sums[v], _mm512_set1_ps(factor)));
    }
}

/* One position. `mask`, if there is one, is added to the scores; `scores` has room for whole vectors. */
template <class Number, int VECTORS>
void attendOne(const Rows & rows, const Position & position, float scale, const ggml_fp16_t * mask, float * scores) {
    const int64_t count = position.count;
    const float largest = scoreKeys<Number, VECTORS>(rows, position, scale, mask, scores);
    const float sum = exponentiate(scores, count, largest);
    mixValues<Number, VECTORS>(rows, count, scores, count == 0 ? 0 : 1 / sum, position.out);
}

/* 16 positions, or fewer. Lane i of everything belongs to position i. */
template <int VECTORS> struct Tile {
    static constexpr int HEAD_DIM = VECTORS * LANES;

    float   queries[HEAD_DIM][LANES];
    float   rows[KEYS_AT_ONCE][HEAD_DIM];  // keys or values
    float   out[HEAD_DIM][LANES];
    float   sums[LANES][LANES];  // of the exponentials
    int32_t counts[LANES];       // how many rows each position sees
    float   scores[][LANES];     // of each key

    static int64_t bytes(int64_t numKeys) {
        const int64_t rounded = (numKeys + KEYS_AT_ONCE - 1) / KEYS_AT_ONCE * KEYS_AT_ONCE;
        return (sizeof(Tile) + rounded * LANES * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }

    __mmask16 sees(int64_t row) const {
        return _mm512_cmplt_epi32_mask(_mm512_set1_epi32(row), _mm512_loadu_si512(counts));
    }
};

/* KEYS_AT_ONCE rows as F32; those behind the last one are zeros. */
template <class Number, int VECTORS>
void widen(const char * rows, size_t stride, int64_t first, int64_t numRows, Tile<VECTORS> & tile) {
    for (int i = 0; i < KEYS_AT_ONCE; i++) {
        const auto * row = reinterpret_cast<const Number *>(rows + (first + i) * stride);
        for (int v = 0; v < VECTORS; v++) {
            const __m512 numbers = first + i < numRows ? loadLanes(row, v) : _mm512_setzero_ps();
            _mm512_storeu_ps(tile.rows[i] + v * LANES, numbers);
        }
    }
}

/* The products of the queries with SCORES_AT_ONCE keys, as far as they come from the places of a head that agree
 * with LANE modulo STEP. With LANE = 0 and STEP = 1 these are all, added up in the order of lane_sums.h. */
template <int VECTORS, int LANE, int STEP>
inline void sumLanes(const Tile<VECTORS> & tile, int firstKey, __m512 (&sums)[SCORES_AT_ONCE]) {
    if constexpr (STEP < LANES) {
        __m512 others[SCORES_AT_ONCE];
        sumLanes<VECTORS, LANE, 2 * STEP>(tile, firstKey, sums);
        sumLanes<VECTORS, LANE + STEP, 2 * STEP>(tile, firstKey, others);
        for (int i = 0; i < SCORES_AT_ONCE; i++) {
            sums[i] = _mm512_add_ps(sums[i], others[i]);
        }
    } else {
        for (int d = LANE; d < tile.HEAD_DIM; d += LANES) {
            const __m512 query = _mm512_loadu_ps(tile.queries[d]);
            for (int i = 0; i < SCORES_AT_ONCE; i++) {
                const __m512 number = _mm512_set1_ps(tile.rows[firstKey + i][d]);
                sums[i] = d == LANE ? _mm512_mul_ps(query, number) : _mm512_fmadd_ps(query, number, sums[i]);
            }
        }
    }
}

/* Scores of all keys that any position sees, and the largest of each position. */
template <class Number, int VECTORS>
__m512 scoreTile(const Rows & rows, int64_t numKeys, Tile<VECTORS> & tile) {
    __m512 largest = _mm512_set1_ps(-INFINITY);
    for (int64_t k = 0; k < numKeys; k += KEYS_AT_ONCE) {
        widen<Number>(rows.keys, rows.keyStride, k, numKeys, tile);
        for (int first = 0; first < KEYS_AT_ONCE; first += SCORES_AT_ONCE) {
            __m512 sums[SCORES_AT_ONCE];
            sumLanes<VECTORS, 0, 1>(tile, first, sums);
            for (int i = 0; i < SCORES_AT_ONCE; i++) {
                const int64_t key = k + first + i;
                const __m512 score = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), tile.sees(key), sums[i]);
                _mm512_storeu_ps(tile.scores[key], score);
                largest = _mm512_max_ps(largest, score);
            }
        }
    }
    return largest;
}

/* scores = e^(score - largest), and the sums of them. */
template <int VECTORS> __m512 exponentiateTile(int64_t numKeys, __m512 largest, Tile<VECTORS> & tile) {
    std::fill_n(&tile.sums[0][0], LANES * LANES, 0.0f);
    for (int64_t k = 0; k < numKeys; k++) {
        const __m512 weight = exponential(_mm512_sub_ps(_mm512_loadu_ps(tile.scores[k]), largest));
        _mm512_storeu_ps(tile.scores[k], weight);
        float * sum = tile.sums[k % LANES];
        _mm512_storeu_ps(sum, _mm512_add_ps(_mm512_loadu_ps(sum), weight));
    }
    for (int step = LANES / 2; step > 0; step /= 2) {
        for (int i = 0; i < step; i++) {
            const __m512 other = _mm512_loadu_ps(tile.sums[i + step]);
            _mm512_storeu_ps(tile.sums[i], _mm512_add_ps(_mm512_loadu_ps(tile.sums[i]), other));
        }
    }
    return _mm512_loadu_ps(tile.sums[0]);
}

/* Adds `count` values, from number `first` on, weighted by the scores. If not all positions see ALL of them, those
 * that a position does not see are not touched for it: they may be anything. */
template <bool ALL, int VECTORS> void addValues(int64_t first, int64_t count, Tile<VECTORS> & tile) {
    for (int d = 0; d < tile.HEAD_DIM; d += LANES) {
        __m512 sums[LANES];
        for (int i = 0; i < LANES; i++) {
            sums[i] = _mm512_loadu_ps(tile.out[d + i]);
        }
        for (int64_t j = 0; j < count; j++) {
            const __m512 weight = _mm512_loadu_ps(tile.scores[first + j]);
            const __mmask16 isSeen = ALL ? 0xffff : tile.sees(first + j);
            for (int i = 0; i < LANES; i++) {
                const __m512 number = _mm512_set1_ps(tile.rows[j][d + i]);
                sums[i] = ALL ? _mm512_fmadd_ps(weight, number, sums[i])
                              : _mm512_mask3_fmadd_ps(weight, number, sums[i], isSeen);
            }
        }
        for (int i = 0; i < LANES; i++) {
            _mm512_storeu_ps(tile.out[d + i], sums[i]);
        }
    }
}

/* out = the sum of the values, weighted by the scores. */
template <class Number, int VECTORS>
void mixTile(const Rows & rows, int64_t numValues, int64_t numSeenByAll, Tile<VECTORS> & tile) {
    std::fill_n(&tile.out[0][0], tile.HEAD_DIM * LANES, 0.0f);
    for (int64_t k = 0; k < numValues; k += KEYS_AT_ONCE) {
        widen<Number>(rows.values, rows.valueStride, k, numValues, tile);
        const int64_t count = std::min<int64_t>(KEYS_AT_ONCE, numValues - k);
        if (k + count <= numSeenByAll) {
            addValues<true>(k, count, tile);
        } else {
            addValues<false>(k, count, tile);
        }
    }
}

/* Up to 16 positions of the same text, each of which sees at least one row. */
template <class Number, int VECTORS>
void attendTile(const Rows & rows, const Position * positions, int count, float scale, Tile<VECTORS> & tile) {
    int64_t shortest = positions[0].count, longest = 0;
    for (int i = 0; i < LANES; i++) {
        const Position & position = positions[std::min(i, count - 1)];
        tile.counts[i] = position.count;
        shortest = std::min(shortest, position.count);
        longest = std::max(longest, position.count);
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            tile.queries[d][i] = position.query[d] * scale;
        }
    }
    const __m512 largest = scoreTile<Number>(rows, longest, tile);
    const __m512 sum = exponentiateTile(longest, largest, tile);
    mixTile<Number>(rows, longest, shortest, tile);
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1), sum);
    for (int d = 0; d < tile.HEAD_DIM; d++) {
        _mm512_storeu_ps(tile.out[d], _mm512_mul_ps(_mm512_loadu_ps(tile.out[d]), factor));
    }
    for (int i = 0; i < count; i++) {
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            positions[i].out[d] = tile.out[d][i];
        }
    }
}

/* Of a list with a kernel for heads of 16, 32, 64 and 128 numbers, that for these; NULL if there is none. */
inline const Kernel * kernelOfWidth(const Kernel (&kernels)[4], int64_t headDim) {
    switch (headDim) {
        case LANES:
            return &kernels[0];
        case 2 * LANES:
            return &kernels[1];
        case 4 * LANES:
            return &kernels[2];
        case 8 * LANES:
            return &kernels[3];
        default:
            return nullptr;
    }
}

}  // namespace

#endif
