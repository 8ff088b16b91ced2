/**
 * Every C function in use, from all the headers together.
 *
 * @module
 */

import { ggmlSymbols } from "./ggml.ts";
import { ggmlAllocSymbols } from "./ggml_alloc.ts";
import { ggmlBackendSymbols } from "./ggml_backend.ts";
import { ggmlCpuSymbols } from "./ggml_cpu.ts";
import { gpt2Symbols } from "./gpt2.ts";

/** The symbol tables in one, as `Deno.dlopen` takes it. */
export const symbols = {
  ...ggmlSymbols,
  ...ggmlAllocSymbols,
  ...ggmlBackendSymbols,
  ...ggmlCpuSymbols,
  ...gpt2Symbols,
} as const;

/** The C functions of the native library, typed by the symbol tables. */
export type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];
