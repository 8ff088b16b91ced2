/*
 * Operations of training that ggml does not have, or has for one thread only. To ggml they are custom operations, and only
 * its CPU backend computes them. They are made in native/training/, and checked in src/tensor/training/: nothing
 * here looks at shapes.
 *
 * Shapes are in ggml's order of axes, innermost first. Numbers are F32 and lie side by side unless it is said otherwise.
 * Each returns NULL where there are no kernels.
 */
#pragma once

#include "../gpt2.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ggml_context;
struct ggml_tensor;

/* Whether there are kernels for all that follows. */
GPT2_API bool gpt2_has_training_kernels(void);

/* Whether the elements of a tensor lie in plain memory, row by row, where kernels can read them. */
GPT2_API bool gpt2_is_plain(const struct ggml_tensor * x);

/* y[r, c, ...] = the sum over i of weight[i, r, ...] * x[i, c, ...]: (inner, rows, ...) and (inner, cols, ...) with any
 * strides; outer axes of the weight are those of x, or 1. With `rounds` both are rounded to BF16 first. */
GPT2_API struct ggml_tensor * gpt2_strided_product(
    struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * x, bool rounds);

/* y[i, c] = the sum over r of weight[i, r] * x[r, c]: (inner, rows) of any type of real numbers, and (rows, cols). */
GPT2_API struct ggml_tensor * gpt2_product_with_rows(
    struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * x, bool rounds);

/* Attention of each position to itself and those before, without the others.
 *   query, key, value (head_dim, seq, heads, batch), of which only rows have to lie side by side;
 *   seed (2) I32 or NULL: of the hash (dropout.h) that drops weights with `probability`;
 *   rounds: whether what is multiplied is rounded to BF16 first.
 * The result is one row: the output (head_dim, heads, seq, batch), and behind it the logarithms of the sums of e^score,
 * (seq, heads, batch). */
GPT2_API struct ggml_tensor * gpt2_causal_attention(
    struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value,
    struct ggml_tensor * seed, float scale, float probability, uint32_t stream, bool rounds);

/* The gradients of query, key and value, from that of the output: (head_dim, 3 * heads, seq, batch). `output` and
 * `gradient` are (head_dim, seq, heads, batch), of which only rows have to lie side by side. */
GPT2_API struct ggml_tensor * gpt2_causal_attention_gradients(
    struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value,
    struct ggml_tensor * output, struct ggml_tensor * log_sums, struct ggml_tensor * gradient, struct ggml_tensor * seed,
    float scale, float probability, uint32_t stream, bool rounds);

/* Of a layer normalization of x (embed, rows): one row, the gradient of x, and behind it those of weight and bias. */
GPT2_API struct ggml_tensor * gpt2_layer_norm_gradients(
    struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * weight, struct ggml_tensor * gradient,
    float epsilon);

/* The loss in nats, 0 without a target, and the logarithm of the sum of e^logit: (2, rows), of logits (columns, rows) and
 * targets (rows) I32. Without a target is what is not below vocab_size, or negative. */
GPT2_API struct ggml_tensor * gpt2_cross_entropy(
    struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets, int32_t vocab_size);

/* Makes of the logits the gradient of the sum of the losses times factor (1), in place. */
GPT2_API struct ggml_tensor * gpt2_cross_entropy_gradient(
    struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets,
    struct ggml_tensor * cross_entropies, struct ggml_tensor * factor, int32_t vocab_size);

/* gradient * the derivative of GELU at x: exact, or in its tanh approximation. */
GPT2_API struct ggml_tensor * gpt2_gelu_gradient(
    struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * gradient, bool is_exact);

/* The sum of all rows of x (columns, rows, ...), of which only rows have to lie side by side: (columns). */
GPT2_API struct ggml_tensor * gpt2_sum_over_rows(struct ggml_context * context, struct ggml_tensor * x);

/* Adds rows (width, count) to those of a table (width, num_rows) that ids (count) I32 name: of zeros, or in place of `table`
 * if it is not NULL. */
GPT2_API struct ggml_tensor * gpt2_add_rows_at(
    struct ggml_context * context, struct ggml_tensor * table, struct ggml_tensor * ids, struct ggml_tensor * rows,
    int64_t num_rows);

/* The sum of x * x: (1). */
GPT2_API struct ggml_tensor * gpt2_sum_of_squares(struct ggml_context * context, struct ggml_tensor * x);

/* A step of AdamW, in place of weight and both moments. Settings (8) and squared_norm (1): src/tensor/training/adam_w.ts. */
GPT2_API struct ggml_tensor * gpt2_adam_w(
    struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * gradient,
    struct ggml_tensor * first_moment, struct ggml_tensor * second_moment, struct ggml_tensor * settings,
    struct ggml_tensor * squared_norm);

/* x, some of it 0 and the rest divided by 1 - probability, as the hash (dropout.h) of seed (2) I32, stream and place says. */
GPT2_API struct ggml_tensor * gpt2_dropout(
    struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * seed, float probability, uint32_t stream);

#ifdef __cplusplus
}
#endif
