/**
 * `native/training/gpt2_training.h`: operations of training, of which each adds one node to a graph.
 *
 * @module
 */

/** The functions in use, in the order of the header. */
export const gpt2TrainingSymbols = {
  // bool gpt2_has_training_kernels(void)
  gpt2_has_training_kernels: {
    parameters: [],
    result: "bool",
  },
  // bool gpt2_is_plain(const struct ggml_tensor * x)
  gpt2_is_plain: {
    parameters: ["pointer"],
    result: "bool",
  },
  // struct ggml_tensor * gpt2_strided_product(struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * x, bool rounds)
  gpt2_strided_product: {
    parameters: ["pointer", "pointer", "pointer", "bool"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_product_with_rows(struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * x, bool rounds)
  gpt2_product_with_rows: {
    parameters: ["pointer", "pointer", "pointer", "bool"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_causal_attention(struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value, struct ggml_tensor * seed, float scale, float probability, uint32_t stream, bool rounds)
  gpt2_causal_attention: {
    parameters: [
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "f32",
      "f32",
      "u32",
      "bool",
    ],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_causal_attention_gradients(struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value, struct ggml_tensor * output, struct ggml_tensor * log_sums, struct ggml_tensor * gradient, struct ggml_tensor * seed, float scale, float probability, uint32_t stream, bool rounds)
  gpt2_causal_attention_gradients: {
    parameters: [
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "f32",
      "f32",
      "u32",
      "bool",
    ],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_layer_norm_gradients(struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * weight, struct ggml_tensor * gradient, float epsilon)
  gpt2_layer_norm_gradients: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "f32"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_cross_entropy(struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets, int32_t vocab_size)
  gpt2_cross_entropy: {
    parameters: ["pointer", "pointer", "pointer", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_cross_entropy_gradient(struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets, struct ggml_tensor * cross_entropies, struct ggml_tensor * factor, int32_t vocab_size)
  gpt2_cross_entropy_gradient: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_gelu_gradient(struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * gradient, bool is_exact)
  gpt2_gelu_gradient: {
    parameters: ["pointer", "pointer", "pointer", "bool"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_sum_over_rows(struct ggml_context * context, struct ggml_tensor * x)
  gpt2_sum_over_rows: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_add_rows_at(struct ggml_context * context, struct ggml_tensor * table, struct ggml_tensor * ids, struct ggml_tensor * rows, int64_t num_rows)
  gpt2_add_rows_at: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "i64"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_sum_of_squares(struct ggml_context * context, struct ggml_tensor * x)
  gpt2_sum_of_squares: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_adam_w(struct ggml_context * context, struct ggml_tensor * weight, struct ggml_tensor * gradient, struct ggml_tensor * first_moment, struct ggml_tensor * second_moment, struct ggml_tensor * settings, struct ggml_tensor * squared_norm)
  gpt2_adam_w: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_dropout(struct ggml_context * context, struct ggml_tensor * x, struct ggml_tensor * seed, float probability, uint32_t stream)
  gpt2_dropout: {
    parameters: ["pointer", "pointer", "pointer", "f32", "u32"],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;
