/*
 * The operations of training for a CPU that has no kernels for them: there are none. And what all CPUs have.
 */
#include "../kernels.h"
#include "gpt2_training.h"

bool gpt2_is_plain(const ggml_tensor * x) {
    const ggml_tensor * owner = x->view_src != nullptr ? x->view_src : x;
    return owner->buffer == nullptr || ggml_backend_buffer_is_host(owner->buffer);
}

#ifndef GPT2_HAS_KERNELS

const Kernel * trainingKernel(const ggml_tensor *) {
    return nullptr;
}

bool gpt2_has_training_kernels(void) {
    return false;
}

ggml_tensor * gpt2_strided_product(ggml_context *, ggml_tensor *, ggml_tensor *, bool) {
    return nullptr;
}

ggml_tensor * gpt2_product_with_rows(ggml_context *, ggml_tensor *, ggml_tensor *, bool) {
    return nullptr;
}

ggml_tensor * gpt2_causal_attention(
    ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, float, float, uint32_t, bool) {
    return nullptr;
}

ggml_tensor * gpt2_causal_attention_gradients(
    ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *,
    ggml_tensor *, float, float, uint32_t, bool) {
    return nullptr;
}

ggml_tensor * gpt2_layer_norm_gradients(ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, float) {
    return nullptr;
}

ggml_tensor * gpt2_cross_entropy(ggml_context *, ggml_tensor *, ggml_tensor *, int32_t) {
    return nullptr;
}

ggml_tensor * gpt2_cross_entropy_gradient(
    ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, int32_t) {
    return nullptr;
}

ggml_tensor * gpt2_gelu_gradient(ggml_context *, ggml_tensor *, ggml_tensor *, bool) {
    return nullptr;
}

ggml_tensor * gpt2_sum_over_rows(ggml_context *, ggml_tensor *) {
    return nullptr;
}

ggml_tensor * gpt2_add_rows_at(ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, int64_t) {
    return nullptr;
}

ggml_tensor * gpt2_sum_of_squares(ggml_context *, ggml_tensor *) {
    return nullptr;
}

ggml_tensor * gpt2_adam_w(
    ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *) {
    return nullptr;
}

ggml_tensor * gpt2_dropout(ggml_context *, ggml_tensor *, ggml_tensor *, float, uint32_t) {
    return nullptr;
}

#endif
