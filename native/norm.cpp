/*
 * The first half of layer normalization: rows with mean 0 and variance 1. ggml adds up one number after
 * another, in double precision; here there is a partial sum for each lane of a vector.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <cmath>

#include "lane_sums.h"

namespace {

void normalize(const float * x, float * y, int64_t count, float epsilon) {
    F32 sum = zeros();
    for (int64_t i = 0; i < count; i += LANES) {
        sum = add(sum, load(x + i));
    }
    const F32 mean = broadcast(sumOf(sum) / count);
    F32 squares = zeros();
    for (int64_t i = 0; i < count; i += LANES) {
        const F32 difference = subtract(load(x + i), mean);
        store(y + i, difference);
        squares = multiplyAdd(difference, difference, squares);
    }
    const F32 factor = broadcast(1 / std::sqrt(sumOf(squares) / count + epsilon));
    for (int64_t i = 0; i < count; i += LANES) {
        store(y + i, multiply(load(y + i), factor));
    }
}

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const float epsilon = ggml_get_op_params_f32(y, 0);
    for (int64_t row = params->ith; row < ggml_nrows(x); row += params->nth) {
        const char * from = static_cast<const char *>(x->data) + row * x->nb[1];
        char * to = static_cast<char *>(y->data) + row * y->nb[1];
        normalize(reinterpret_cast<const float *>(from), reinterpret_cast<float *>(to), x->ne[0], epsilon);
    }
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace

const Kernel * normKernel(const ggml_tensor * y) {
    const ggml_tensor * x = y->src[0];
    const bool fits = x->type == GGML_TYPE_F32 && x->ne[0] % LANES == 0 && ggml_is_contiguous(x) &&
                      ggml_is_contiguous(y);
    return fits ? &KERNEL : nullptr;
}

#endif
