/*
 * Products of matrices in half precision or bfloat16 with one or two columns, as fast as the memory is. ggml
 * rounds the column to the type of the matrix first; here it stays as it is.
 *
 * With more columns ggml's own kernels are used.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <immintrin.h>

#include "ggml-backend.h"

namespace {

constexpr int STEP = 32;  // numbers
constexpr int MAX_COLUMNS = 2;

inline __m256i load16(const uint16_t * from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
}

struct Half {
    static __m512 numbers(const uint16_t * from) { return _mm512_cvtph_ps(load16(from)); }
};

struct BFloat {
    static __m512 numbers(const uint16_t * from) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load16(from)), 16));
    }
};

/* One row times N columns: y[n * yStride]. */
template <class Format, int N>
void multiplyRow(const uint16_t * row, const ggml_tensor * x, float * y, int64_t yStride) {
    const int64_t xStride = x->nb[1] / sizeof(float);
    const auto * columns = static_cast<const float *>(x->data);
    __m512 left[N], right[N];
    for (int n = 0; n < N; n++) {
        left[n] = right[n] = _mm512_setzero_ps();
    }
    for (int64_t i = 0; i < x->ne[0]; i += STEP) {
        const __m512 leftRow = Format::numbers(row + i), rightRow = Format::numbers(row + i + STEP / 2);
        for (int n = 0; n < N; n++) {
            const float * column = columns + n * xStride + i;
            left[n] = _mm512_fmadd_ps(leftRow, _mm512_loadu_ps(column), left[n]);
            right[n] = _mm512_fmadd_ps(rightRow, _mm512_loadu_ps(column + STEP / 2), right[n]);
        }
    }
    for (int n = 0; n < N; n++) {
        y[n * yStride] = _mm512_reduce_add_ps(_mm512_add_ps(left[n], right[n]));
    }
}

template <class Format> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    using Row = void (*)(const uint16_t *, const ggml_tensor *, float *, int64_t);
    static constexpr Row kernels[MAX_COLUMNS] = {multiplyRow<Format, 1>, multiplyRow<Format, 2>};
    const ggml_tensor * matrix = y->src[0];
    const int64_t numRows = matrix->ne[1];
    startTurns(params);
    takeTurns(params, numRows, numRows / (4 * params->nth) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const char * from = static_cast<const char *>(matrix->data) + row * matrix->nb[1];
            float * to = static_cast<float *>(y->data) + row;
            kernels[y->ne[1] - 1](reinterpret_cast<const uint16_t *>(from), y->src[1], to, y->ne[0]);
        }
    });
}

constexpr Kernel HALF = {multiply<Half>, noWork};
constexpr Kernel BFLOAT = {multiply<BFloat>, noWork};

}  // namespace

const Kernel * halfMatmulKernel(const ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const ggml_tensor * x = y->src[1];
    const bool fits = ggml_is_matrix(matrix) && ggml_is_matrix(x) && matrix->ne[0] % STEP == 0 &&
                      matrix->nb[0] == ggml_type_size(matrix->type) && x->type == GGML_TYPE_F32 &&
                      x->nb[0] == sizeof(float) && x->ne[1] <= MAX_COLUMNS &&
                      (matrix->buffer == nullptr || ggml_backend_buffer_is_host(matrix->buffer));
    return !fits                             ? nullptr
         : matrix->type == GGML_TYPE_F16  ? &HALF
         : matrix->type == GGML_TYPE_BF16 ? &BFLOAT
                                          : nullptr;
}

#endif
