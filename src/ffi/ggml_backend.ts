/**
 * `ggml-backend.h`: devices, memory and execution.
 *
 * @module
 */

/** A prebuilt ggml has its backends in files of their own. */
export const ggmlBackendPrebuiltSymbols = {
  // ggml_backend_reg_t ggml_backend_load(const char * path)
  ggml_backend_load: {
    parameters: ["buffer"],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

export const ggmlBackendSymbols = {
  // const char * ggml_backend_buft_name(ggml_backend_buffer_type_t buft)
  ggml_backend_buft_name: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // void ggml_backend_buffer_free(ggml_backend_buffer_t buffer)
  ggml_backend_buffer_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // void * ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer)
  ggml_backend_buffer_get_base: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer)
  ggml_backend_buffer_get_size: {
    parameters: ["pointer"],
    result: "usize",
  },
  // void ggml_backend_buffer_clear(ggml_backend_buffer_t buffer, uint8_t value)
  ggml_backend_buffer_clear: {
    parameters: ["pointer", "u8"],
    result: "void",
  },
  // void ggml_backend_buffer_set_usage(ggml_backend_buffer_t buffer, enum ggml_backend_buffer_usage usage)
  ggml_backend_buffer_set_usage: {
    parameters: ["pointer", "i32"],
    result: "void",
  },
  // const char * ggml_backend_name(ggml_backend_t backend)
  ggml_backend_name: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // void ggml_backend_free(ggml_backend_t backend)
  ggml_backend_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // ggml_backend_buffer_type_t ggml_backend_get_default_buffer_type(ggml_backend_t backend)
  ggml_backend_get_default_buffer_type: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // void ggml_backend_tensor_set(struct ggml_tensor * tensor, const void * data, size_t offset, size_t size)
  ggml_backend_tensor_set: {
    parameters: ["pointer", "buffer", "usize", "usize"],
    result: "void",
  },
  // void ggml_backend_tensor_set(struct ggml_tensor * tensor, const void * data, size_t offset, size_t size)
  ggml_backend_tensor_set_async_call: {
    name: "ggml_backend_tensor_set",
    parameters: ["pointer", "buffer", "usize", "usize"],
    result: "void",
    nonblocking: true,
  },
  // void ggml_backend_tensor_get(const struct ggml_tensor * tensor, void * data, size_t offset, size_t size)
  ggml_backend_tensor_get: {
    parameters: ["pointer", "buffer", "usize", "usize"],
    result: "void",
  },
  // enum ggml_status ggml_backend_graph_compute(ggml_backend_t backend, struct ggml_cgraph * cgraph)
  ggml_backend_graph_compute: {
    parameters: ["pointer", "pointer"],
    result: "i32",
  },
  // enum ggml_status ggml_backend_graph_compute(ggml_backend_t backend, struct ggml_cgraph * cgraph)
  ggml_backend_graph_compute_async_call: {
    name: "ggml_backend_graph_compute",
    parameters: ["pointer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
  // bool ggml_backend_supports_op(ggml_backend_t backend, const struct ggml_tensor * op)
  ggml_backend_supports_op: {
    parameters: ["pointer", "pointer"],
    result: "bool",
  },
  // ggml_backend_dev_t ggml_backend_get_device(ggml_backend_t backend)
  ggml_backend_get_device: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // const char * ggml_backend_dev_name(ggml_backend_dev_t device)
  ggml_backend_dev_name: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // const char * ggml_backend_dev_description(ggml_backend_dev_t device)
  ggml_backend_dev_description: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // void ggml_backend_dev_memory(ggml_backend_dev_t device, size_t * free, size_t * total)
  ggml_backend_dev_memory: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "void",
  },
  // enum ggml_backend_dev_type ggml_backend_dev_type(ggml_backend_dev_t device)
  ggml_backend_dev_type: {
    parameters: ["pointer"],
    result: "i32",
  },
  // ggml_backend_reg_t ggml_backend_dev_backend_reg(ggml_backend_dev_t device)
  ggml_backend_dev_backend_reg: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // ggml_backend_t ggml_backend_dev_init(ggml_backend_dev_t device, const char * params)
  ggml_backend_dev_init: {
    parameters: ["pointer", "buffer"],
    result: "pointer",
  },
  // ggml_backend_t ggml_backend_dev_init(ggml_backend_dev_t device, const char * params)
  ggml_backend_dev_init_async_call: {
    name: "ggml_backend_dev_init",
    parameters: ["pointer", "buffer"],
    result: "pointer",
    nonblocking: true,
  },
  // bool ggml_backend_dev_supports_op(ggml_backend_dev_t device, const struct ggml_tensor * op)
  ggml_backend_dev_supports_op: {
    parameters: ["pointer", "pointer"],
    result: "bool",
  },
  // const char * ggml_backend_reg_name(ggml_backend_reg_t reg)
  ggml_backend_reg_name: {
    parameters: ["pointer"],
    result: "pointer",
  },
  // size_t ggml_backend_reg_dev_count(ggml_backend_reg_t reg)
  ggml_backend_reg_dev_count: {
    parameters: ["pointer"],
    result: "usize",
  },
  // ggml_backend_dev_t ggml_backend_reg_dev_get(ggml_backend_reg_t reg, size_t index)
  ggml_backend_reg_dev_get: {
    parameters: ["pointer", "usize"],
    result: "pointer",
  },
  // void * ggml_backend_reg_get_proc_address(ggml_backend_reg_t reg, const char * name)
  ggml_backend_reg_get_proc_address: {
    parameters: ["pointer", "buffer"],
    result: "pointer",
  },
  // ggml_backend_reg_t ggml_backend_reg_by_name(const char * name)
  ggml_backend_reg_by_name: {
    parameters: ["buffer"],
    result: "pointer",
  },
  // size_t ggml_backend_dev_count(void)
  ggml_backend_dev_count: {
    parameters: [],
    result: "usize",
  },
  // ggml_backend_dev_t ggml_backend_dev_get(size_t index)
  ggml_backend_dev_get: {
    parameters: ["usize"],
    result: "pointer",
  },
  // ggml_backend_dev_t ggml_backend_dev_by_type(enum ggml_backend_dev_type type)
  ggml_backend_dev_by_type: {
    parameters: ["i32"],
    result: "pointer",
  },
  // ggml_backend_sched_t ggml_backend_sched_new(ggml_backend_t * backends, ggml_backend_buffer_type_t * bufts, int n_backends, size_t graph_size, bool parallel, bool op_offload)
  ggml_backend_sched_new: {
    parameters: ["buffer", "pointer", "i32", "usize", "bool", "bool"],
    result: "pointer",
  },
  // void ggml_backend_sched_free(ggml_backend_sched_t sched)
  ggml_backend_sched_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // size_t ggml_backend_sched_get_buffer_size(ggml_backend_sched_t sched, ggml_backend_t backend)
  ggml_backend_sched_get_buffer_size: {
    parameters: ["pointer", "pointer"],
    result: "usize",
  },
  // bool ggml_backend_sched_alloc_graph(ggml_backend_sched_t sched, struct ggml_cgraph * graph)
  ggml_backend_sched_alloc_graph: {
    parameters: ["pointer", "pointer"],
    result: "bool",
  },
  // enum ggml_status ggml_backend_sched_graph_compute(ggml_backend_sched_t sched, struct ggml_cgraph * graph)
  ggml_backend_sched_graph_compute: {
    parameters: ["pointer", "pointer"],
    result: "i32",
  },
  // enum ggml_status ggml_backend_sched_graph_compute(ggml_backend_sched_t sched, struct ggml_cgraph * graph)
  ggml_backend_sched_graph_compute_async_call: {
    name: "ggml_backend_sched_graph_compute",
    parameters: ["pointer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
  // enum ggml_status ggml_backend_tensor_alloc(ggml_backend_buffer_t buffer, struct ggml_tensor * tensor, void * addr)
  ggml_backend_tensor_alloc: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "i32",
  },
  // ggml_backend_buffer_t ggml_backend_cpu_buffer_from_ptr(void * ptr, size_t size)
  ggml_backend_cpu_buffer_from_ptr: {
    parameters: ["pointer", "usize"],
    result: "pointer",
  },
  // ggml_backend_buffer_type_t ggml_backend_cpu_buffer_type(void)
  ggml_backend_cpu_buffer_type: {
    parameters: [],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;
