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

/** The C functions of the native library, typed by the symbol tables. */
export type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];
