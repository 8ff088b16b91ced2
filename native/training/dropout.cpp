#include "dropout.h"

#include "operation.h"

#ifdef GPT2_HAS_KERNELS

namespace training {
namespace {

constexpr int PROBABILITY_AT = 0;
constexpr int STREAM_AT = 1;

void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const float * x = floats(y->src[0]);
    const Dropout dropout(static_cast<const int32_t *>(y->src[1]->data), intParameter(y, STREAM_AT),
                          floatParameter(y, PROBABILITY_AT));
    const Share share = shareOf(params, ggml_nelements(y));
    eachVector(share.begin, share.end, [&](int64_t i, auto mask) {
        store(floats(y) + i, mask, multiply(load(x + i, mask), dropout.factors(static_cast<uint32_t>(i))));
    });
}

constexpr Kernel KERNEL = {compute, noWork};

}  // namespace
}  // namespace training

ggml_tensor * gpt2_dropout(
    ggml_context * context, ggml_tensor * x, ggml_tensor * seed, float probability, uint32_t stream) {
    ggml_tensor * y = training::operation(
        context, training::KERNEL, {x->ne[0], x->ne[1], x->ne[2], x->ne[3]}, {x, seed});
    training::setParameter(y, training::PROBABILITY_AT, probability);
    training::setParameter(y, training::STREAM_AT, static_cast<int32_t>(stream));
    return y;
}

#endif
