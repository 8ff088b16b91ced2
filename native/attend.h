/*
 * Attention of positions to the first rows of keys and values, for one head: what both operations that do so are
 * made of. The scores of one position, or of LANES, fit into the processor's cache, so they are simply stored:
 * first all products with the keys, then the softmax, then the sum of the values.
 *
 * With few new positions, as in writing a text, what counts is to read keys and values as fast as memory
 * gives them: attendOne() takes one position, the numbers of a head side by side in registers.
 *
 * With many, as in reading a prompt, what counts is the arithmetic: attendTile() takes LANES positions at once,
 * one in each lane.
 *
 * Both add up in the same order, so a position gets the same bits from either, whatever else is computed with it:
 *
 * - a product with a key: the numbers of a head whose places agree modulo LANES, one after another; then those
 *   sums as lane_sums.h says;
 * - the sum of the exponentials: likewise, the keys whose numbers agree modulo LANES, one after another;
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
/* Of those as many as it takes for a product and a sum to begin whenever one can. */
#if defined(GPT2_HAS_AVX512) || defined(__ARM_NEON)
constexpr int SCORES_AT_ONCE = 4;
#else
constexpr int SCORES_AT_ONCE = 8;
#endif

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

/* The numbers of a row from number v * LANES on. */
inline F32 loadLanes(const ggml_fp16_t * row, int v) {
    return loadHalves(row + v * LANES);
}

inline F32 loadLanes(const float * row, int v) {
    return load(row + v * LANES);
}

inline F32 loadLanes(const Q8Block * row, int v) {
    constexpr int VECTORS = 32 / LANES;  // in a block
    const Q8Block & block = row[v / VECTORS];
    return multiply(loadBytes(block.numbers + v % VECTORS * LANES), broadcast(fromHalf(block.scale)));
}

/* scores[k] = key k * query * scale (+ mask[k]), and the largest of them. */
template <class Number, int VECTORS>
float scoreKeys(const Rows & rows, const Position & position, float scale, const ggml_fp16_t * mask, float * scores) {
    const int64_t count = position.count;
    F32 query[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        query[v] = multiply(load(position.query + v * LANES), broadcast(scale));
    }
    F32 largest = broadcast(-INFINITY);
    for (int64_t k = 0; k < count; k += LANES) {
        F32 products[LANES];
        for (int i = 0; i < LANES; i++) {
            const char * row = rows.keys + std::min(k + i, count - 1) * rows.keyStride;
            const auto * key = reinterpret_cast<const Number *>(row);
            F32 sum = multiply(query[0], loadLanes(key, 0));
            for (int v = 1; v < VECTORS; v++) {
                sum = multiplyAdd(query[v], loadLanes(key, v), sum);
            }
            products[ORDER[i]] = sum;
        }
        F32 score = sumEach(products);
        if (mask != nullptr) {
            score = add(score, loadHalves(mask + k, count - k));
        }
        store(scores + k, score);
        largest = select(firstLanes(count - k), larger(largest, score), largest);
    }
    return largestOf(largest);
}

/* scores[k] = e^(scores[k] - largest), and the sum of them. */
inline float exponentiate(float * scores, int64_t count, float largest) {
    F32 sum = zeros();
    for (int64_t k = 0; k < count; k += LANES) {
        const F32 power = exponential(subtract(load(scores + k), broadcast(largest)));
        store(scores + k, power);
        sum = select(firstLanes(count - k), add(sum, power), sum);
    }
    return sumOf(sum);
}

/* out = the sum of weights[k] * factor * value k. */
template <class Number, int VECTORS>
void mixValues(const Rows & rows, int64_t count, const float * weights, float factor, float * out) {
    F32 sums[VECTORS];
    GPT2_UNROLL
    for (int v = 0; v < VECTORS; v++) {
        sums[v] = zeros();
    }
    for (int64_t k = 0; k < count; k++) {
        const auto * value = reinterpret_cast<const Number *>(rows.values + k * rows.valueStride);
        const F32 weight = broadcast(weights[k]);
        GPT2_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            sums[v] = multiplyAdd(weight, loadLanes(value, v), sums[v]);
        }
    }
    GPT2_UNROLL
    for (int v = 0; v < VECTORS; v++) {
        store(out + v * LANES, multiply(sums[v], broadcast(factor)));
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

/* LANES positions, or fewer. Lane i of everything belongs to position i. */
template <int VECTORS> struct Tile {
    static constexpr int HEAD_DIM = VECTORS * LANES;

    float   queries[HEAD_DIM][LANES];
    /* Keys or values. With more room than they need, since numbers a multiple of 256 bytes apart cannot be loaded at once. */
    float   rows[KEYS_AT_ONCE][HEAD_DIM + LANES];
    float   out[HEAD_DIM][LANES];
    float   sums[LANES][LANES];  // of the exponentials
    int32_t counts[LANES];       // how many rows each position sees
    float   scores[][LANES];     // of each key

    static int64_t bytes(int64_t numKeys) {
        const int64_t rounded = (numKeys + KEYS_AT_ONCE - 1) / KEYS_AT_ONCE * KEYS_AT_ONCE;
        return (sizeof(Tile) + rounded * LANES * sizeof(float) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }

    Mask sees(int64_t row) const {
        return isGreater(load(static_cast<const void *>(counts)), broadcast(static_cast<int32_t>(row)));
    }
};

/* KEYS_AT_ONCE rows as F32; those behind the last one are zeros. */
template <class Number, int VECTORS>
void widen(const char * rows, size_t stride, int64_t first, int64_t numRows, Tile<VECTORS> & tile) {
    for (int i = 0; i < KEYS_AT_ONCE; i++) {
        const auto * row = reinterpret_cast<const Number *>(rows + (first + i) * stride);
        for (int v = 0; v < VECTORS; v++) {
            const F32 numbers = first + i < numRows ? loadLanes(row, v) : zeros();
            store(tile.rows[i] + v * LANES, numbers);
        }
    }
}

/* The products of the queries with SCORES_AT_ONCE keys, as far as they come from the places of a head that agree
 * with LANE modulo STEP. With LANE = 0 and STEP = 1 these are all, added up in the order of lane_sums.h. */
template <int VECTORS, int LANE, int STEP>
inline void sumLanes(const Tile<VECTORS> & tile, int firstKey, F32 (&sums)[SCORES_AT_ONCE]) {
    if constexpr (STEP < LANES) {
        F32 others[SCORES_AT_ONCE];
        sumLanes<VECTORS, LANE, 2 * STEP>(tile, firstKey, sums);
        sumLanes<VECTORS, LANE + STEP, 2 * STEP>(tile, firstKey, others);
        GPT2_UNROLL
        for (int i = 0; i < SCORES_AT_ONCE; i++) {
            sums[i] = add(sums[i], others[i]);
        }
    } else {
        for (int d = LANE; d < tile.HEAD_DIM; d += LANES) {
            const F32 query = load(tile.queries[d]);
            GPT2_UNROLL
            for (int i = 0; i < SCORES_AT_ONCE; i++) {
                const F32 number = broadcast(tile.rows[firstKey + i][d]);
                sums[i] = d == LANE ? multiply(query, number) : multiplyAdd(query, number, sums[i]);
            }
        }
    }
}

/* Scores of all keys that any position sees, and the largest of each position. */
template <class Number, int VECTORS>
F32 scoreTile(const Rows & rows, int64_t numKeys, Tile<VECTORS> & tile) {
    F32 largest = broadcast(-INFINITY);
    for (int64_t k = 0; k < numKeys; k += KEYS_AT_ONCE) {
        widen<Number>(rows.keys, rows.keyStride, k, numKeys, tile);
        for (int first = 0; first < KEYS_AT_ONCE; first += SCORES_AT_ONCE) {
            F32 sums[SCORES_AT_ONCE];
            sumLanes<VECTORS, 0, 1>(tile, first, sums);
            for (int i = 0; i < SCORES_AT_ONCE; i++) {
                const int64_t key = k + first + i;
                const F32 score = select(tile.sees(key), sums[i], broadcast(-INFINITY));
                store(tile.scores[key], score);
                largest = larger(largest, score);
            }
        }
    }
    return largest;
}

/* scores = e^(score - largest), and the sums of them. */
template <int VECTORS> F32 exponentiateTile(int64_t numKeys, F32 largest, Tile<VECTORS> & tile) {
    std::fill_n(&tile.sums[0][0], LANES * LANES, 0.0f);
    for (int64_t k = 0; k < numKeys; k++) {
        const F32 weight = exponential(subtract(load(tile.scores[k]), largest));
        store(tile.scores[k], weight);
        float * sum = tile.sums[k % LANES];
        store(sum, add(load(sum), weight));
    }
    for (int step = LANES / 2; step > 0; step /= 2) {
        for (int i = 0; i < step; i++) {
            const F32 other = load(tile.sums[i + step]);
            store(tile.sums[i], add(load(tile.sums[i]), other));
        }
    }
    return load(tile.sums[0]);
}

/* Adds `count` values, from number `first` on, weighted by the scores. If not all positions see ALL of them, those
 * that a position does not see are not touched for it: they may be anything. */
template <bool ALL, int VECTORS> void addValues(int64_t first, int64_t count, Tile<VECTORS> & tile) {
    for (int d = 0; d < tile.HEAD_DIM; d += LANES) {
        F32 sums[LANES];
        GPT2_UNROLL
        for (int i = 0; i < LANES; i++) {
            sums[i] = load(tile.out[d + i]);
        }
        for (int64_t j = 0; j < count; j++) {
            const F32 weight = load(tile.scores[first + j]);
            GPT2_UNROLL
            for (int i = 0; i < LANES; i++) {
                const F32 sum = multiplyAdd(weight, broadcast(tile.rows[j][d + i]), sums[i]);
                sums[i] = ALL ? sum : select(tile.sees(first + j), sum, sums[i]);
            }
        }
        GPT2_UNROLL
        for (int i = 0; i < LANES; i++) {
            store(tile.out[d + i], sums[i]);
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

/* Up to LANES positions of the same text, each of which sees at least one row. */
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
    const F32 largest = scoreTile<Number>(rows, longest, tile);
    const F32 sum = exponentiateTile(longest, largest, tile);
    mixTile<Number>(rows, longest, shortest, tile);
    const F32 factor = divide(broadcast(1.0f), sum);
    for (int d = 0; d < tile.HEAD_DIM; d++) {
        store(tile.out[d], multiply(load(tile.out[d]), factor));
    }
    for (int i = 0; i < count; i++) {
        for (int d = 0; d < tile.HEAD_DIM; d++) {
            positions[i].out[d] = tile.out[d][i];
        }
    }
}

/* How many vectors have 16 numbers. */
constexpr int VECTORS_OF_16 = 16 / LANES;

/* Of a list with a kernel for heads of 16, 32, 64 and 128 numbers, that for these; NULL if there is none. */
inline const Kernel * kernelOfWidth(const Kernel (&kernels)[4], int64_t headDim) {
    switch (headDim) {
        case 16:
            return &kernels[0];
        case 32:
            return &kernels[1];
        case 64:
            return &kernels[2];
        case 128:
            return &kernels[3];
        default:
            return nullptr;
    }
}

}  // namespace

#endif
