/**
 * `ggml-cpu.h`: the CPU backend and its thread pool.
 *
 * @module
 */

export const ggmlCpuSymbols = {
  // struct ggml_threadpool * ggml_threadpool_new(struct ggml_threadpool_params * params)
  ggml_threadpool_new: {
    parameters: ["buffer"],
    result: "pointer",
  },
  // void ggml_threadpool_free(struct ggml_threadpool * threadpool)
  ggml_threadpool_free: {
    parameters: ["pointer"],
    result: "void",
  },
  // void ggml_threadpool_pause(struct ggml_threadpool * threadpool)
  ggml_threadpool_pause: {
    parameters: ["pointer"],
    result: "void",
  },
  // ggml_backend_t ggml_backend_cpu_init(void)
  ggml_backend_cpu_init: {
    parameters: [],
    result: "pointer",
  },
  // void ggml_backend_cpu_set_n_threads(ggml_backend_t backend_cpu, int n_threads)
  ggml_backend_cpu_set_n_threads: {
    parameters: ["pointer", "i32"],
    result: "void",
  },
  // void ggml_backend_cpu_set_threadpool(ggml_backend_t backend_cpu, ggml_threadpool_t threadpool)
  ggml_backend_cpu_set_threadpool: {
    parameters: ["pointer", "pointer"],
    result: "void",
  },
  // void ggml_backend_cpu_set_abort_callback(ggml_backend_t backend_cpu, ggml_abort_callback abort_callback, void * abort_callback_data)
  ggml_backend_cpu_set_abort_callback: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "void",
  },
} as const satisfies Deno.ForeignLibraryInterface;
