/**
 * Every C function in use, from all the headers together.
 *
 * @module
 */

import { ggmlPrebuiltSymbols, ggmlSymbols } from "./ggml.ts";
import { ggmlAllocSymbols } from "./ggml_alloc.ts";
import { ggmlBackendPrebuiltSymbols, ggmlBackendSymbols } from "./ggml_backend.ts";
import { ggmlCpuSymbols } from "./ggml_cpu.ts";
import { gpt2Symbols } from "./gpt2_native.ts";

/** The symbol tables in one, as `Deno.dlopen` takes it. */
export const symbols = {
  ...ggmlSymbols,
  ...ggmlAllocSymbols,
  ...ggmlBackendSymbols,
  ...ggmlCpuSymbols,
  ...gpt2Symbols,
} as const;

/** Functions that are needed of a prebuilt ggml alone. Each function takes 0.1 ms to look up, so they are not above. */
export const symbolsOfPrebuilt = { ...ggmlPrebuiltSymbols, ...ggmlBackendPrebuiltSymbols } as const;

/**
 * Functions that a start from a GGUF file on the CPU does not call. To bind a function takes 0.1 ms, so of these only the
 * addresses are looked up, and calls go through them: a call takes a microsecond more.
 */
export const rarelyCalled: readonly (keyof typeof symbols)[] = [
  "ggml_status_to_string",
  "ggml_version",
  "ggml_nelements",
  "ggml_nrows",
  "ggml_op_desc",
  "ggml_sqr",
  "ggml_sum_rows",
  "ggml_repeat_4d",
  "ggml_gelu_erf",
  "ggml_silu",
  "ggml_scale",
  "ggml_scale_bias",
  "ggml_cast",
  "ggml_cpy",
  "ggml_div",
  "ggml_flash_attn_ext",
  "ggml_cont",
  "ggml_soft_max_ext",
  "ggml_top_k",
  "ggml_graph_node",
  "ggml_graph_n_nodes",
  "ggml_graph_add_node",
  "ggml_quantize_chunk_async",
  "ggml_gallocr_get_buffer_size",
  "ggml_backend_tensor_set_async_call",
  "ggml_backend_dev_name",
  "ggml_backend_dev_description",
  "ggml_backend_dev_init",
  "ggml_backend_dev_init_async_call",
  "ggml_backend_dev_supports_op",
  "ggml_backend_reg_name",
  "ggml_backend_reg_dev_count",
  "ggml_backend_reg_dev_get",
  "ggml_backend_reg_by_name",
  "ggml_backend_dev_by_type",
  "ggml_backend_sched_new",
  "ggml_backend_sched_free",
  "ggml_backend_sched_get_buffer_size",
  "ggml_backend_sched_alloc_graph",
  "gpt2_dequantize_row_async",
  "gpt2_find_non_finite",
  "gpt2_find_non_finite_async",
];

/** The C functions of the native library, typed by the symbol tables. */
export type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];
