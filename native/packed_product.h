/*
 * The arithmetic of products with packed matrices: LANES rows, a tile, times some columns, a group; and in which order
 * tiles and groups meet. What this computes, and why so: packed_matmul.cpp.
 *
 * A number of the result is added up in the same order, one run after another, in whatever group its column is.
 */
#pragma once

#include "byte_products.h"
#include "kernels.h"
#include "packed_formats.h"

#include <atomic>

namespace {

#define GPT2_INLINE __attribute__((always_inline)) inline

constexpr int GROUP_COLUMNS = 8;     // columns x that are multiplied at once
constexpr int TURN_BYTES = 1 << 18;  // of the matrix, that stay in the cache (L2) while columns pass by

/* A run of 32 numbers of a column x, each about scale * a whole number of 8 bits. */
template <class Format> struct XRun {
    using Number = typename ByteProducts<Format>::Number;

    float   scale;
    float   sum;        // of the numbers, for matrices with minimums
    int32_t starts[2];  // for the bytes that share a scale of the matrix each: ByteProducts::start()
    Number  numbers[RUN];
};

/* Rounds 32 numbers as ggml's quantize_row_q8_0 does, the scale to half precision included. */
template <class Format> void quantize(const float * x, XRun<Format> & run) {
    constexpr int VECTORS = RUN / LANES;
    using Products = ByteProducts<Format>;
    F32 magnitudes = magnitude(load(x));
    for (int v = 1; v < VECTORS; v++) {
        magnitudes = larger(magnitudes, magnitude(load(x + v * LANES)));
    }
    const float largest = largestOf(magnitudes);
    const F32 factor = broadcast(largest == 0 ? 0 : 127 / largest);
    I32 sums[2] = {broadcast(0), broadcast(0)};  // in lanes, of the left half and of the right
    for (int v = 0; v < VECTORS; v++) {
        const I32 integers = toIntegers(multiply(load(x + v * LANES), factor));
        sums[2 * v / VECTORS] = add(sums[2 * v / VECTORS], integers);
        Products::storeNumbers(run.numbers + v * LANES, integers);
    }
    run.scale = fromHalf(toHalf(largest / 127));
    const I32 all = add(sums[0], sums[1]);
    run.sum = run.scale * sumOf(all);
    run.starts[0] = Products::start(Format::SCALES == 1 ? all : sums[0]);
    run.starts[1] = Products::start(sums[1]);
}

/* What is asked for from memory while a tile is multiplied: so many cache lines with each run. (The CPU's own guess at
 * what comes next ends with every page of 4 KiB.) */
struct Ahead {
    const char * from;
    int64_t      lines;

    /* The lines that some bytes are in, or, with 0 bytes, as many as there are. Into the second cache (L2) if IS_FAR: it can
     * wait for more of them at a time. */
    template <int BYTES, bool IS_FAR> GPT2_INLINE void ask() {
        if constexpr (BYTES > 0) {
            for (int i = 0; i < BYTES; i += CACHE_LINE) {
                if constexpr (IS_FAR) {
                    prefetchFar(from + i);
                } else {
                    prefetch(from + i);
                }
            }
            from += BYTES;
        } else if (lines > 0) {
            /* Mostly it is one. A loop alone, left at once, made products with Q6_K and AVX2 a fourth slower. */
            prefetch(from);
            for (int64_t i = 1; i < lines; i++) {
                prefetch(from + i * CACHE_LINE);
            }
            from += lines * CACHE_LINE;
        }
    }
};

#ifdef GPT2_HAS_PAIR_PRODUCTS

/* The sums of products of LANES rows with N columns, as far as they have one scale: with two columns at a time, and with
 * the last of an odd number alone. */
template <class Format, int N>
inline void multiplyInPairs(const Slice<Format> & slice, int run, int part, const XRun<Format> * x, I32 (&sums)[N]) {
    constexpr int PART_WORDS = RUN / 4 / Format::SCALES;
    constexpr int PAIRS = N / 2;
    constexpr int LAST = N - 1;
    PairSums pairs[PAIRS + 1];
#pragma GCC unroll 4
    for (int p = 0; p < PAIRS; p++) {
        pairs[p] = beginPair(x[2 * p].starts[part], x[2 * p + 1].starts[part]);
    }
    if constexpr (N % 2 == 1) {
        sums[LAST] = broadcast(x[LAST].starts[part]);
    }
    for (int i = part * PART_WORDS; i < (part + 1) * PART_WORDS; i += 2) {
        const I32 words[2] = {Format::integers(slice, run, i), Format::integers(slice, run, i + 1)};
        if constexpr (PAIRS > 0) {
            const RowPairs rows = rowsOfWords(words[0], words[1]);
#pragma GCC unroll 4
            for (int p = 0; p < PAIRS; p++) {
                addPairProducts(pairs[p], rows, x[2 * p].numbers + 4 * i, x[2 * p + 1].numbers + 4 * i);
            }
        }
        if constexpr (N % 2 == 1) {
            sums[LAST] = addByteProducts(sums[LAST], words[0], broadcastWord(x[LAST].numbers + 4 * i));
            sums[LAST] = addByteProducts(sums[LAST], words[1], broadcastWord(x[LAST].numbers + 4 * i + 4));
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < PAIRS; p++) {
        endPair(pairs[p], sums[2 * p], sums[2 * p + 1]);
    }
}

#endif

/* Adds to the sums of LANES rows and N columns the products of a few words, the first of which is word `i` of a run. */
template <class Format, int N>
GPT2_INLINE void addWords(const Slice<Format> & slice, int run, int i, const XRun<Format> * x,
                          typename ByteProducts<Format>::Sum (&sums)[N]) {
    using Products = ByteProducts<Format>;
    typename Products::Left left[Products::WORDS];
#pragma GCC unroll 8
    for (int j = 0; j < Products::WORDS; j++) {
        left[j] = Products::left(Format::integers(slice, run, i + j));
    }
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
        Products::add(sums[n], left, x[n].numbers + 4 * i);
    }
}

/* Adds to the totals of LANES rows and N columns what one part of a run gives, which has one scale. The loops over columns are
 * unrolled early, since otherwise GCC writes `totals` to memory after every run. */
template <class Format, int N, bool UNROLLED>
GPT2_INLINE void multiplyPart(const Slice<Format> & slice, int run, int part, const XRun<Format> * x, F32 (&totals)[N]) {
    using Products = ByteProducts<Format>;
    typename Products::Sum sums[N];
#ifdef GPT2_HAS_PAIR_PRODUCTS
    multiplyInPairs<Format, N>(slice, run, part, x, sums);
#else
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
        sums[n] = Products::begin(x[n].starts[part]);
    }
    constexpr int PART_WORDS = RUN / 4 / Format::SCALES;
    if constexpr (UNROLLED || Products::IS_UNROLLED) {
#pragma GCC unroll 8
        for (int i = part * PART_WORDS; i < (part + 1) * PART_WORDS; i += Products::WORDS) {
            addWords<Format, N>(slice, run, i, x, sums);
        }
    } else {
        for (int i = part * PART_WORDS; i < (part + 1) * PART_WORDS; i += Products::WORDS) {
            addWords<Format, N>(slice, run, i, x, sums);
        }
    }
#endif
    const F32 scale = Format::scale(slice, run, part);
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
        const I32 sum = Products::end(sums[n]);
        totals[n] = multiplyAdd(multiply(toFloats(sum), broadcast(x[n].scale)), scale, totals[n]);
    }
}

/* Adds to the totals of LANES rows and N columns what one run gives. */
template <class Format, int N, bool UNROLLED>
GPT2_INLINE void multiplyRun(const Slice<Format> & slice, int run, const XRun<Format> * x, F32 (&totals)[N]) {
    if constexpr (UNROLLED) {
#pragma GCC unroll 2
        for (int part = 0; part < Format::SCALES; part++) {
            /* So that a part's numbers are not loaded before: there are not as many registers. */
            std::atomic_signal_fence(std::memory_order_seq_cst);
            multiplyPart<Format, N, true>(slice, run, part, x, totals);
        }
    } else {
        for (int part = 0; part < Format::SCALES; part++) {
            multiplyPart<Format, N, false>(slice, run, part, x, totals);
        }
    }
    if constexpr (Format::HAS_MINIMUM) {
        const F32 minimum = Format::minimum(slice, run);
#pragma GCC unroll 8
        for (int n = 0; n < N; n++) {
            totals[n] = subtractProduct(totals[n], minimum, broadcast(x[n].sum));
        }
    }
}

/* LANES rows times N columns: y[n * yStride + row]. `x` holds the first run of each column, then the second of each, and so
 * on: what is needed next lies side by side. ALONE says that there is no other group of columns: then as much is asked for
 * as is read.
 *
 * Blocks of many runs are UNROLLED, so that the compiler knows how far integers of each run are moved to be unpacked, and
 * often that they are not. With VNNI and one group they are not: a single column of Q6_K took twice as long then. */
template <class Format, int N, bool ALONE>
void multiplyTile(const Slice<Format> * slice, int64_t numSlices, const XRun<Format> * x, float * y, int64_t yStride,
                  Ahead ahead) {
    constexpr int RUNS = Slice<Format>::RUNS;
    constexpr bool UNROLLED = (!ALONE || ByteProducts<Format>::IS_UNROLLED) && RUNS > 2;
    constexpr int RUN_BYTES = sizeof(*slice) / RUNS;
    /* With runs of so much memory, and few columns, memory is what takes the time. Smaller runs got slower by it. */
    constexpr bool WAITS = N <= 2 && RUN_BYTES > 8 * CACHE_LINE;
    F32 totals[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
        totals[n] = zeros();
    }
    for (int64_t s = 0; s < numSlices; s++, slice++) {
        if constexpr (UNROLLED) {
#pragma GCC unroll 8
            for (int run = 0; run < RUNS; run++, x += N) {
                ahead.ask<ALONE ? RUN_BYTES : 0, WAITS>();
                multiplyRun<Format, N, true>(*slice, run, x, totals);
            }
        } else {
            for (int run = 0; run < RUNS; run++, x += N) {
                ahead.ask<ALONE ? RUN_BYTES : 0, WAITS>();
                multiplyRun<Format, N, false>(*slice, run, x, totals);
            }
        }
    }
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) {
        store(y + n * yStride, totals[n]);
    }
}

/* Columns in groups that are multiplied at once. All have nearly the same size, since a small one takes longer for each
 * of its columns. */
struct Groups {
    int64_t numColumns;
    int64_t count = (numColumns + GROUP_COLUMNS - 1) / GROUP_COLUMNS;

    int64_t begin(int64_t group) const { return numColumns * group / count; }
    int64_t size(int64_t group) const { return begin(group + 1) - begin(group); }
};

/* Rounds the columns, group by group. Each thread writes to a part of its own. */
template <class Format>
void quantizeColumns(const ggml_compute_params * params, const ggml_tensor * x, const Groups & groups, XRun<Format> * runs) {
    const int64_t numRuns = x->ne[0] / RUN;
    const int64_t end = groups.count * numRuns * (params->ith + 1) / params->nth;
    for (int64_t i = groups.count * numRuns * params->ith / params->nth; i < end; i++) {
        const int64_t group = i / numRuns, run = i % numRuns;
        const int64_t begin = groups.begin(group), size = groups.size(group);
        for (int64_t n = 0; n < size; n++) {
            const char * column = static_cast<const char *>(x->data) + (begin + n) * x->nb[1];
            quantize<Format>(
                reinterpret_cast<const float *>(column) + run * RUN, runs[begin * numRuns + run * size + n]);
        }
    }
}

template <class Format> struct Product {
    const Slice<Format> * slices;
    int64_t               numSlices;  // of a tile
    int64_t               numTiles;
    const XRun<Format> *  runs;
    Groups                groups;
    float *               y;

    int64_t numRuns() const { return numSlices * Slice<Format>::RUNS; }
    int64_t tileBytes() const { return numSlices * sizeof(Slice<Format>); }
    const char * tileAt(int64_t tile) const { return reinterpret_cast<const char *>(slices + tile * numSlices); }

    template <bool ALONE> void multiply(int64_t tile, int64_t group, Ahead ahead) const {
        using Kernel = void (*)(const Slice<Format> *, int64_t, const XRun<Format> *, float *, int64_t, Ahead);
        static constexpr Kernel kernels[GROUP_COLUMNS] = {
            multiplyTile<Format, 1, ALONE>, multiplyTile<Format, 2, ALONE>, multiplyTile<Format, 3, ALONE>,
            multiplyTile<Format, 4, ALONE>, multiplyTile<Format, 5, ALONE>, multiplyTile<Format, 6, ALONE>,
            multiplyTile<Format, 7, ALONE>, multiplyTile<Format, 8, ALONE>,
        };
        const int64_t column = groups.begin(group);
        const int64_t yStride = numTiles * LANES;
        kernels[groups.size(group) - 1](
            slices + tile * numSlices, numSlices, runs + column * numRuns(), y + column * yStride + tile * LANES,
            yStride, ahead);
    }

    /* Tiles times the only group. What takes time is to wait for memory: it is asked for what lies a little further. */
    void multiplyAlone(int64_t begin, int64_t end) const {
        for (int64_t tile = begin; tile < end; tile++) {
            multiply<true>(tile, 0, {tileAt(tile) + sizeof(Slice<Format>) + 1024, 0});
        }
    }

    /* Tiles, which stay in the cache (L2), times one group after another. Meanwhile memory is asked for as many tiles
     * from `next` on, evenly, because it could not give a tile in the time of a product with one group; and for no more,
     * which would push out of the caches what is in use. */
    void multiplyGroups(int64_t begin, int64_t end, int64_t next) const {
        const int64_t bytes = std::max<int64_t>(std::min(end - begin, numTiles - next), 0) * tileBytes();
        const int64_t numProducts = groups.count * (end - begin);
        const int64_t lineOfEachRun = numRuns() * CACHE_LINE;
        const int64_t lines = (bytes + numProducts * lineOfEachRun - 1) / (numProducts * lineOfEachRun);
        int64_t asked = 0, product = 0;
        for (int64_t group = 0; group < groups.count; group++) {
            for (int64_t tile = begin; tile < end; tile++) {
                const bool isDue = asked < bytes * ++product / numProducts;
                multiply<false>(tile, group, {tileAt(next) + asked, isDue ? lines : 0});
                asked += isDue ? lines * lineOfEachRun : 0;
            }
        }
    }

    /* How many tiles a thread multiplies in one turn. A turn begins with a wait for memory: with few columns, for
     * which a tile takes little time, turns are long. */
    int64_t tilesPerTurn(int numThreads) const {
        return groups.count == 1
                   ? numTiles / (4 * numThreads) + 1
                   : std::clamp<int64_t>(TURN_BYTES / tileBytes(), 1, numTiles / (16 * numThreads) + 1);
    }
};

}  // namespace
