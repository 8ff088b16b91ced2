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
import { gpt2TrainingSymbols } from "./gpt2_training.ts";

/** Functions of this package's own, which a prebuilt ggml does not have. */
export const symbolsOfOurs = { ...gpt2Symbols, ...gpt2TrainingSymbols } as const;

/** The symbol tables in one, as `Deno.dlopen` takes it. */
export const symbols = {
  ...ggmlSymbols,
  ...ggmlAllocSymbols,
  ...ggmlBackendSymbols,
  ...ggmlCpuSymbols,
  ...symbolsOfOurs,
} as const;

/** Functions that are needed of a prebuilt ggml alone. */
export const symbolsOfPrebuilt = { ...ggmlPrebuiltSymbols, ...ggmlBackendPrebuiltSymbols } as const;

/**
 * Functions that are called for each operation of a graph, each weight, or each token. Deno compiles a piece of code for
 * each function that is bound, which takes 0.09 ms: of all others only the addresses are looked up, and calls go through
 * them. Such a call takes 1.4 microseconds more.
 */
export const oftenCalled: ReadonlySet<string> = new Set<keyof typeof symbols>([
  "ggml_new_tensor_4d",
  "ggml_view_4d",
  "ggml_reshape_4d",
  "ggml_permute",
  "ggml_get_rows",
  "ggml_set_rows",
  "ggml_mul_mat",
  "ggml_add",
  "ggml_mul",
  "ggml_norm",
  "ggml_build_forward_expand",
  "ggml_backend_buft_name",
  "ggml_backend_tensor_set",
  "ggml_backend_tensor_get",
  "ggml_backend_graph_compute",
]);

/** The C functions of the native library, typed by the symbol tables. */
export type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];
