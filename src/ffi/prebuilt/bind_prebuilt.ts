/**
 * The functions of a prebuilt ggml: each of its files has some, and those of this package's own are made up for.
 *
 * @module
 */
import { collectFunctions } from "../collect_functions.ts";
import { createContext } from "../context.ts";
import { cString } from "../memory.ts";
import { type Library, symbols, symbolsOfOurs, symbolsOfPrebuilt } from "../symbols.ts";
import { endWithoutDestructors, keepLoaded } from "../system_library.ts";
import { loadModule } from "./backend_module.ts";
import { gpt2Fallback } from "./gpt2_fallback.ts";

/** `GGML_TYPE_F32`, `GGML_BACKEND_DEVICE_TYPE_CPU`. */
const F32 = 0;
const CPU = 0;

/** More than the record of a tensor. */
const CONTEXT_BYTES = 4096n;

/** ggml's own functions. */
function ggmlSymbols(): Record<string, Deno.ForeignFunction> {
  const isGgmls = ([name]: [string, unknown]) => !(name in symbolsOfOurs);
  const entries = Object.entries({ ...symbols, ...symbolsOfPrebuilt }).filter(isGgmls);
  return Object.fromEntries(entries);
}

/** Those functions, typed. */
type Ggml =
  & Omit<Library, keyof typeof symbolsOfOurs>
  & Deno.DynamicLibrary<typeof symbolsOfPrebuilt>["symbols"];

/** Functions whose addresses are wanted. */
const addresses = {
  ggml_is_empty: { type: "pointer" },
  ggml_time_us: { type: "pointer" },
} as const;

/**
 * How well this CPU runs the variant of `ggml-cpu` at `path`, which is opened for that: 0 if not at all, more the better
 * it is made for this CPU, 1 if it is the only variant there is.
 */
export function scoreVariant(path: string): number {
  const { ggml_backend_score } = Deno.dlopen(path, {
    // int ggml_backend_score(void)
    ggml_backend_score: { parameters: [], result: "i32", optional: true },
  }).symbols;
  return ggml_backend_score === null ? 1 : ggml_backend_score();
}

/**
 * Opens a prebuilt ggml.
 *
 * @param paths `ggml-base`, `ggml`, and the variant of `ggml-cpu` to be used. A process takes one variant: the first. Modules
 *   for GPUs may follow.
 * @throws {Error} if a function is missing, or the variant is made for another CPU
 */
export function bindPrebuilt([base, main, variant, ...modules]: readonly string[]): Library {
  const parts = [base, main, variant];
  parts.forEach(keepLoaded);
  const ggml = collectFunctions(parts, ggmlSymbols()) as unknown as Ggml;
  const { ggml_is_empty, ggml_time_us } = Deno.dlopen(base, addresses).symbols;
  const fallback = gpt2Fallback({ ggml, isEmpty: ggml_is_empty, nothing: ggml_time_us });
  // Silent from the start: loading a backend is reported as well.
  fallback.gpt2_silence_log();
  if (scoreVariant(variant) <= 0) {
    throw new Error("it is made for a CPU with instructions that this one lacks");
  }
  ggml.ggml_backend_load(cString(variant));
  // A worker is not told when the process ends.
  if ("WorkerGlobalScope" in globalThis) keepLists(ggml);
  const library = { ...ggml, ...fallback };
  for (const path of modules) loadModule(library, path);
  return library;
}

/** Has what ggml makes when it computes for the first time outlive the end of the process, and threads that compute then. */
function keepLists(ggml: Ggml): void {
  const context = createContext(CONTEXT_BYTES, ggml);
  const tensor = ggml.ggml_new_tensor_4d(context, F32, 1n, 1n, 1n, 1n);
  // Asks each kind of memory, of which a list is made for that.
  ggml.ggml_backend_dev_supports_op(ggml.ggml_backend_dev_by_type(CPU), tensor);
  ggml.ggml_free(context);
  endWithoutDestructors();
}
