/*
 * The kernels of this package's own, in C++, and how they meet ggml: kernels.cpp.
 */
#pragma once

#include "ggml-backend.h"
#include "ggml-cpu-impl.h"
#include "ggml.h"
#include "vector.h"

#include <algorithm>
#include <cstdint>

/* Computes one kind of operation. */
struct Kernel {
    /* Called by every thread at the same time. */
    void (*compute)(const ggml_compute_params * params, ggml_tensor * y);
    /* The bytes of `params->wdata` that this takes. */
    size_t (*workSize)(const ggml_tensor * y, int numThreads);
};

constexpr int CACHE_LINE = 64;

/* What computes this operation; NULL if ggml does. */
const Kernel * packedMatmulKernel(const ggml_tensor * y);
const Kernel * floatMatmulKernel(const ggml_tensor * y);
const Kernel * attentionKernel(const ggml_tensor * y);
const Kernel * raggedAttentionKernel(const ggml_tensor * y);
const Kernel * logitsSummaryKernel(const ggml_tensor * y);
const Kernel * targetScoresKernel(const ggml_tensor * y);
const Kernel * geluKernel(const ggml_tensor * y);
const Kernel * normKernel(const ggml_tensor * y);
const Kernel * trainingKernel(const ggml_tensor * y);

/* For a kernel that takes no work memory. */
inline size_t noWork(const ggml_tensor *, int) {
    return 0;
}

/* The kind of memory from which packedMatmulKernel() multiplies. */
ggml_backend_buffer_type_t packedMemory();

/* Packs rows `begin` to `end`, multiples of 16, of a matrix of which `rows` holds the first numRows; the
 * others become zeros. Returns false for a tensor in other memory. */
bool packRows(const ggml_tensor * matrix, const char * rows, int64_t numRows, int64_t begin, int64_t end);

/* The first address in the work memory that begins a cache line; that wastes less than CACHE_LINE bytes. */
inline char * alignedWork(const ggml_compute_params * params) {
    const auto address = reinterpret_cast<uintptr_t>(params->wdata);
    return reinterpret_cast<char *>((address + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

/* Lets the threads wait for each other, before they take turns. */
inline void startTurns(const ggml_compute_params * params) {
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, 0);
    }
    ggml_barrier(params->threadpool);
}

/* Calls `work(begin, end)` until all of `count` are done. Threads take turns, so that one that the system
 * holds up leaves its work to the others. */
template <class Work>
void takeTurns(const ggml_compute_params * params, int64_t count, int64_t perTurn, Work work) {
    for (;;) {
        const int64_t begin = ggml_threadpool_chunk_add(params->threadpool, 1) * perTurn;
        if (begin >= count) {
            return;
        }
        work(begin, std::min(begin + perTurn, count));
    }
}
