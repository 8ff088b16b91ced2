/**
 * `ggml-alloc.h`: placing the tensors of a graph in as little memory as they need.
 *
 * @module
 */

export const ggmlAllocSymbols = {
  // ggml_gallocr_t ggml_gallocr_new(ggml_backend_buffer_type_t buft)
  ggml_gallocr_new: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // void ggml_gallocr_free(ggml_gallocr_t galloc)
  ggml_gallocr_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // bool ggml_gallocr_reserve(ggml_gallocr_t galloc, struct ggml_cgraph * graph)
  ggml_gallocr_reserve: {
    parameters: ["pointer", "pointer"],
    result: "bool",
  },
  // void ggml_gallocr_reserve_n_size(ggml_gallocr_t galloc, struct ggml_cgraph * graph, const int * node_buffer_ids, const int * leaf_buffer_ids, size_t * sizes)
  ggml_gallocr_reserve_n_size: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "buffer"],
    result: "void",
  },
  // bool ggml_gallocr_alloc_graph(ggml_gallocr_t galloc, struct ggml_cgraph * graph)
  ggml_gallocr_alloc_graph: {
    parameters: ["pointer", "pointer"],
    result: "bool",
  },
  // size_t ggml_gallocr_get_buffer_size(ggml_gallocr_t galloc, int buffer_id)
  ggml_gallocr_get_buffer_size: {
    parameters: ["pointer", "i32"],
    result: "usize",
  },
  // struct ggml_backend_buffer * ggml_backend_alloc_ctx_tensors_from_buft(struct ggml_context * ctx, ggml_backend_buffer_type_t buft)
  ggml_backend_alloc_ctx_tensors_from_buft: {
    parameters: ["pointer", "pointer"],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;
