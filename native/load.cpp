/*
 * Takes weights from a mapped file into use, on several threads: looks for numbers that are none, and packs
 * matrices for the kernels of this package's own.
 */
#include "gpt2.h"
#include "kernels.h"

#include <atomic>
#include <vector>

#ifndef GPT2_HAS_KERNELS
bool packRows(const ggml_tensor *, const char *, int64_t, int64_t, int64_t) {
    return false;
}
#endif

/* Writes a whole matrix in memory of ggml's own kinds, with rows of zeros behind those that there are. */
static void setRows(void * tensor, const char * rows, int64_t numRows) {
    auto * matrix = static_cast<ggml_tensor *>(tensor);
    if (numRows == matrix->ne[1]) {
        ggml_backend_tensor_set(matrix, rows, 0, ggml_nbytes(matrix));
        return;
    }
    std::vector<char> padded(ggml_nbytes(matrix));
    std::copy_n(rows, numRows * matrix->nb[1], padded.begin());
    ggml_backend_tensor_set(matrix, padded.data(), 0, padded.size());
}

static int32_t loadParts(const gpt2_part * parts, int32_t count, int32_t * next) {
    /* As if the number that TypeScript made were an atomic one: the threads take turns by it. */
    auto * turn = reinterpret_cast<std::atomic<int32_t> *>(next);
    for (;;) {
        const int32_t i = turn->fetch_add(1);
        if (i >= count) {
            return -1;
        }
        const gpt2_part & part = parts[i];
        if (gpt2_find_non_finite(part.words, part.count, part.stride, (uint16_t) part.exponent_mask) != -1) {
            return i;
        }
        if (part.tensor == nullptr) {
            continue;
        }
        const auto * matrix = static_cast<const ggml_tensor *>(part.tensor);
        const char * rows = static_cast<const char *>(part.rows);
        if (!packRows(matrix, rows, part.num_rows, part.begin, part.end)) {
            setRows(part.tensor, rows, part.num_rows);
        }
        const int64_t end = std::min(part.end, part.num_rows);
        gpt2_give_back(const_cast<char *>(rows) + part.begin * matrix->nb[1], (end - part.begin) * matrix->nb[1]);
    }
}

int32_t gpt2_load_parts(const struct gpt2_part * parts, int32_t count, int32_t * next) {
    try {
        return loadParts(parts, count, next);
    } catch (...) {
        /* An exception that leaves C++ ends the process. There is none but that memory is missing. */
        return GPT2_OUT_OF_MEMORY;
    }
}
