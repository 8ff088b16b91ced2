/*
 * How a product is divided among threads.
 */
#pragma once

#include "product.h"

#ifdef GPT2_HAS_KERNELS

namespace training {

/* A part of a product that one thread computes: of matrix `batch`, these rows of `a` and of `b`. */
struct Unit {
    int64_t batch;
    int64_t rowBegin, rowEnd;
    int64_t begin, end;
};

class Units {
    int64_t batches, rows, numRows, grain;
    int64_t numGrains;
    int64_t rowParts = 1;
    int64_t chunks;

    /* More parts, until there are `wanted`, but none smaller than that. For each part of the rows of `a` all of `b` is
     * packed again, and for each chunk of `b` all of `a`: rather the one of which there is less. */
    void divide(int64_t wanted, int64_t smallestRows, int64_t smallestChunk) {
        while (count() < wanted) {
            const bool canRows = rows / (rowParts + 1) >= smallestRows;
            const bool canChunk = numGrains / (chunks + 1) * grain >= smallestChunk;
            if (!canRows && !canChunk) {
                return;
            }
            (canRows && (rows >= numRows || !canChunk) ? rowParts : chunks)++;
        }
    }

public:
    /* `rows` of a, `numRows` of b, of which `grain`, a multiple of LANES, stay together. */
    Units(int64_t batches, int64_t rows, int64_t numRows, int64_t grain, int numThreads)
        : batches(batches), rows(rows), numRows(numRows), grain(grain), numGrains((numRows + grain - 1) / grain) {
        const int64_t grainsAtMost = BLOCK_ROWS / grain;
        chunks = (numGrains + grainsAtMost - 1) / grainsAtMost;
        /* Where there is enough to do, threads that are held up leave work to the others; where there is little, each gets
         * some. */
        divide(2 * numThreads, 112, 192);
        divide(numThreads, 28, 32);
        /* Few parts are as many for each thread. */
        while (count() < 4 * numThreads && count() % numThreads != 0 && rows / (rowParts + 1) >= 28) {
            rowParts++;
        }
    }

    int64_t count() const { return batches * chunks * rowParts; }

    Unit operator[](int64_t i) const {
        const int64_t part = i % rowParts, chunk = i / rowParts % chunks;
        return {
            i / rowParts / chunks,
            rows * part / rowParts,
            rows * (part + 1) / rowParts,
            numGrains * chunk / chunks * grain,
            std::min(numGrains * (chunk + 1) / chunks * grain, numRows),
        };
    }
};

}  // namespace training

#endif
