/**
 * `native/gpt2.h`: the few C functions of this package's own, in the same shared library as ggml.
 *
 * @module
 */

/** The number that `gpt2_abi_version()` must return: `GPT2_ABI_VERSION` in `native/gpt2.h`. */
export const abiVersion = 15;

/** The functions in use, in the order of the header. */
export const gpt2Symbols = {
  // int32_t gpt2_abi_version(void)
  gpt2_abi_version: {
    parameters: [],
    result: "i32",
  },
  // void * gpt2_abort_callback(void)
  gpt2_abort_callback: {
    parameters: [],
    result: "pointer",
  },
  // void gpt2_install_abort_handler(void)
  gpt2_install_abort_handler: {
    parameters: [],
    result: "void",
  },
  // void gpt2_silence_log(void)
  gpt2_silence_log: {
    parameters: [],
    result: "void",
  },
  // void gpt2_use_kernels(void)
  gpt2_use_kernels: {
    parameters: [],
    result: "void",
  },
  // bool gpt2_has_gelu_kernel(void)
  gpt2_has_gelu_kernel: {
    parameters: [],
    result: "bool",
  },
  // bool gpt2_has_ragged_attention(int64_t head_dim, int32_t type)
  gpt2_has_ragged_attention: {
    parameters: ["i64", "i32"],
    result: "bool",
  },
  // struct ggml_tensor * gpt2_ragged_attention(struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value, struct ggml_tensor * slots, struct ggml_tensor * counts, float scale)
  gpt2_ragged_attention: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "f32"],
    result: "pointer",
  },
  // bool gpt2_has_logits_summary(void)
  gpt2_has_logits_summary: {
    parameters: [],
    result: "bool",
  },
  // struct ggml_tensor * gpt2_summarize_logits(struct ggml_context * context, struct ggml_tensor * logits, int32_t vocab_size, int32_t count)
  gpt2_summarize_logits: {
    parameters: ["pointer", "pointer", "i32", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * gpt2_score_targets(struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets, int32_t vocab_size)
  gpt2_score_targets: {
    parameters: ["pointer", "pointer", "pointer", "i32"],
    result: "pointer",
  },
  // bool gpt2_compare_logits(const float * base, const float * other, int64_t rows, int64_t vocab_size, const int32_t * targets, double * out)
  gpt2_compare_logits: {
    parameters: ["buffer", "buffer", "i64", "i64", "buffer", "buffer"],
    result: "bool",
    nonblocking: true,
  },
  // void gpt2_use_huge_pages(void * start, size_t size)
  gpt2_use_huge_pages: {
    parameters: ["pointer", "usize"],
    result: "void",
  },
  // void gpt2_use_small_pages(void * start, size_t size)
  gpt2_use_small_pages: {
    parameters: ["pointer", "usize"],
    result: "void",
  },
  // void * gpt2_map_file(const char * path, uint64_t size, uint64_t device, uint64_t inode)
  gpt2_map_file: {
    parameters: ["buffer", "u64", "u64", "u64"],
    result: "pointer",
  },
  // void gpt2_unmap_file(void * start, size_t size)
  gpt2_unmap_file: {
    parameters: ["pointer", "usize"],
    result: "void",
  },
  // void gpt2_give_back_for_good(void * start, size_t size)
  gpt2_give_back_for_good: {
    parameters: ["pointer", "usize"],
    result: "void",
  },
  // void gpt2_dequantize_row(int32_t type, const void * data, float * out, int64_t count)
  gpt2_dequantize_row_async: {
    name: "gpt2_dequantize_row",
    parameters: ["i32", "buffer", "buffer", "i64"],
    result: "void",
    nonblocking: true,
  },
  // int64_t gpt2_find_non_finite(const uint16_t * words, int64_t count, int32_t stride, uint16_t exponent_mask)
  gpt2_find_non_finite: {
    parameters: ["buffer", "i64", "i32", "u16"],
    result: "i64",
  },
  // int64_t gpt2_find_non_finite(const uint16_t * words, int64_t count, int32_t stride, uint16_t exponent_mask)
  gpt2_find_non_finite_async: {
    name: "gpt2_find_non_finite",
    parameters: ["buffer", "i64", "i32", "u16"],
    result: "i64",
    nonblocking: true,
  },
  // int32_t gpt2_load_parts(const struct gpt2_part * parts, int32_t count, int32_t * next)
  gpt2_load_parts: {
    parameters: ["pointer", "i32", "pointer"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;
