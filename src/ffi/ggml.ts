/**
 * `ggml.h`: tensors, operations and graphs. One entry for each function in use, in the order of the header.
 *
 * @module
 */

/** `struct ggml_init_params { size_t mem_size; void * mem_buffer; bool no_alloc; }`, passed by value. */
export const ggml_init_params = { struct: ["usize", "pointer", "bool"] } as const;

/** What stands in for `native/gpt2.h` is made from these. */
export const ggmlPrebuiltSymbols = {
  // void ggml_log_set(ggml_log_callback log_callback, void * user_data)
  ggml_log_set: {
    parameters: ["pointer", "pointer"],
    result: "void",
  },
  // const struct ggml_type_traits * ggml_get_type_traits(enum ggml_type type)
  ggml_get_type_traits: {
    parameters: ["i32"],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

export const ggmlSymbols = {
  // const char * ggml_status_to_string(enum ggml_status status)
  ggml_status_to_string: {
    parameters: ["i32"],
    result: "pointer",
  },
  // const char * ggml_version(void)
  ggml_version: {
    parameters: [],
    result: "pointer",
  },
  // int64_t ggml_nelements(const struct ggml_tensor * tensor)
  ggml_nelements: {
    parameters: ["pointer"],
    result: "i64",
  },
  // int64_t ggml_nrows(const struct ggml_tensor * tensor)
  ggml_nrows: {
    parameters: ["pointer"],
    result: "i64",
  },
  // const char * ggml_op_desc(const struct ggml_tensor * t)
  ggml_op_desc: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // size_t ggml_tensor_overhead(void)
  ggml_tensor_overhead: {
    parameters: [],
    result: "usize",
  },
  // struct ggml_context * ggml_init(struct ggml_init_params params)
  ggml_init: {
    parameters: [ggml_init_params],
    result: "pointer",
  },
  // void ggml_free(struct ggml_context * ctx)
  ggml_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // void * ggml_get_mem_buffer(const struct ggml_context * ctx)
  ggml_get_mem_buffer: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_new_tensor_4d(struct ggml_context * ctx, enum ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
  ggml_new_tensor_4d: {
    parameters: ["pointer", "i32", "i64", "i64", "i64", "i64"],
    result: "pointer",
  },
  // void * ggml_get_data(const struct ggml_tensor * tensor)
  ggml_get_data: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_set_name(struct ggml_tensor * tensor, const char * name)
  ggml_set_name: {
    parameters: ["pointer", "buffer"],
    result: "pointer",
  },
  // void ggml_set_input(struct ggml_tensor * tensor)
  ggml_set_input: {
    parameters: ["pointer"],
    result: "void",
  },
  // void ggml_set_output(struct ggml_tensor * tensor)
  ggml_set_output: {
    parameters: ["pointer"],
    result: "void",
  },
  // struct ggml_tensor * ggml_add(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_add: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_mul(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_mul: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_div(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_div: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_sqr(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_sqr: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_sqrt(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_sqrt: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_log(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_log: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_sum_rows(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_sum_rows: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_repeat_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
  ggml_repeat_4d: {
    parameters: ["pointer", "pointer", "i64", "i64", "i64", "i64"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_concat(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b, int dim)
  ggml_concat: {
    parameters: ["pointer", "pointer", "pointer", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_gelu(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_gelu: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_gelu_erf(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_gelu_erf: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_silu(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_silu: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_silu_back(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_silu_back: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_norm(struct ggml_context * ctx, struct ggml_tensor * a, float eps)
  ggml_norm: {
    parameters: ["pointer", "pointer", "f32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_mul_mat(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_mul_mat: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_scale(struct ggml_context * ctx, struct ggml_tensor * a, float s)
  ggml_scale: {
    parameters: ["pointer", "pointer", "f32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_scale_bias(struct ggml_context * ctx, struct ggml_tensor * a, float s, float b)
  ggml_scale_bias: {
    parameters: ["pointer", "pointer", "f32", "f32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_cpy(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_cpy: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_cast(struct ggml_context * ctx, struct ggml_tensor * a, enum ggml_type type)
  ggml_cast: {
    parameters: ["pointer", "pointer", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_cont(struct ggml_context * ctx, struct ggml_tensor * a)
  ggml_cont: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_reshape_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
  ggml_reshape_4d: {
    parameters: ["pointer", "pointer", "i64", "i64", "i64", "i64"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_view_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3, size_t nb1, size_t nb2, size_t nb3, size_t offset)
  ggml_view_4d: {
    parameters: [
      "pointer",
      "pointer",
      "i64",
      "i64",
      "i64",
      "i64",
      "usize",
      "usize",
      "usize",
      "usize",
    ],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_permute(struct ggml_context * ctx, struct ggml_tensor * a, int axis0, int axis1, int axis2, int axis3)
  ggml_permute: {
    parameters: ["pointer", "pointer", "i32", "i32", "i32", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_get_rows(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
  ggml_get_rows: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_get_rows_back(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b, struct ggml_tensor * c)
  ggml_get_rows_back: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_set_rows(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b, struct ggml_tensor * c)
  ggml_set_rows: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_soft_max_ext(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * mask, float scale, float max_bias)
  ggml_soft_max_ext: {
    parameters: ["pointer", "pointer", "pointer", "f32", "f32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_pad_ext(struct ggml_context * ctx, struct ggml_tensor * a, int lp0, int rp0, int lp1, int rp1, int lp2, int rp2, int lp3, int rp3)
  ggml_pad_ext: {
    parameters: ["pointer", "pointer", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_top_k(struct ggml_context * ctx, struct ggml_tensor * a, int k)
  ggml_top_k: {
    parameters: ["pointer", "pointer", "i32"],
    result: "pointer",
  },
  // struct ggml_tensor * ggml_flash_attn_ext(struct ggml_context * ctx, struct ggml_tensor * q, struct ggml_tensor * k, struct ggml_tensor * v, struct ggml_tensor * mask, float scale, float max_bias, float logit_softcap)
  ggml_flash_attn_ext: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "f32", "f32", "f32"],
    result: "pointer",
  },
  // void ggml_build_forward_expand(struct ggml_cgraph * cgraph, struct ggml_tensor * tensor)
  ggml_build_forward_expand: {
    parameters: ["pointer", "pointer"],
    result: "void",
  },
  // struct ggml_cgraph * ggml_new_graph_custom(struct ggml_context * ctx, size_t size, bool grads)
  ggml_new_graph_custom: {
    parameters: ["pointer", "usize", "bool"],
    result: "pointer",
  },
  // void ggml_graph_add_node(struct ggml_cgraph * cgraph, struct ggml_tensor * tensor)
  ggml_graph_add_node: {
    parameters: ["pointer", "pointer"],
    result: "void",
  },
  // size_t ggml_graph_overhead_custom(size_t size, bool grads)
  ggml_graph_overhead_custom: {
    parameters: ["usize", "bool"],
    result: "usize",
  },
  // size_t ggml_quantize_chunk(enum ggml_type type, const float * src, void * dst, int64_t start, int64_t nrows, int64_t n_per_row, const float * imatrix)
  ggml_quantize_chunk_async: {
    name: "ggml_quantize_chunk",
    parameters: ["i32", "buffer", "buffer", "i64", "i64", "i64", "buffer"],
    result: "usize",
    nonblocking: true,
  },
  // void ggml_threadpool_params_init(struct ggml_threadpool_params * p, int n_threads)
  ggml_threadpool_params_init: {
    parameters: ["buffer", "i32"],
    result: "void",
  },
} as const satisfies Deno.ForeignLibraryInterface;
