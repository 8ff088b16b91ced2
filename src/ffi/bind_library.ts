/**
 * The functions of a native library, whether it is one file or several.
 *
 * @module
 */
import { loadModule } from "./backend_module.ts";
import { gpt2Fallback } from "./gpt2_fallback.ts";
import { cString } from "./memory.ts";
import { keepLoaded } from "./system_library.ts";
import { type Library, oftenCalled, symbols, symbolsOfOurs, symbolsOfPrebuilt } from "./symbols.ts";

/** ggml's own functions, of which each file of a prebuilt ggml has some. */
function ggmlSymbols(): Record<string, Deno.ForeignFunction> {
  const isGgmls = ([name]: [string, unknown]) => !(name in symbolsOfOurs);
  const entries = Object.entries({ ...symbols, ...symbolsOfPrebuilt }).filter(isGgmls);
  return Object.fromEntries(entries);
}

/** Those functions, typed. */
type Ggml =
  & Omit<Library, keyof typeof symbolsOfOurs>
  & Deno.DynamicLibrary<typeof symbolsOfPrebuilt>["symbols"];

/** Functions of a prebuilt ggml whose addresses are wanted. */
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
 * Opens a native library.
 *
 * @param paths one file that was built here; or the files of a prebuilt ggml: `ggml-base`, `ggml`, and the variant of
 *   `ggml-cpu` to be used, each after those that it needs. A process takes one variant: the first. Modules for GPUs may
 *   follow.
 * @throws {Error} if a function is missing, or the variant is made for another CPU
 */
export function bindLibrary(paths: readonly string[]): Library {
  // Those that are built for Linux here see to that themselves.
  if (paths.length > 1 || Deno.build.os !== "linux") paths.slice(0, 3).forEach(keepLoaded);
  if (paths.length === 1) return collectFunctions(paths, symbols) as unknown as Library;
  const [base, main, variant, ...modules] = paths;
  const ggml = collectFunctions([base, main, variant], ggmlSymbols()) as unknown as Ggml;
  const { ggml_is_empty, ggml_time_us } = Deno.dlopen(base, addresses).symbols;
  const fallback = gpt2Fallback({ ggml, isEmpty: ggml_is_empty, nothing: ggml_time_us });
  // Silent from the start: loading a backend is reported as well.
  fallback.gpt2_silence_log();
  if (scoreVariant(variant) <= 0) {
    throw new Error("it is made for a CPU with instructions that this one lacks");
  }
  ggml.ggml_backend_load(cString(variant));
  const library = { ...ggml, ...fallback };
  for (const path of modules) loadModule(library, path);
  return library;
}

/** Each function from the first file that has it. */
function collectFunctions(
  paths: readonly string[],
  definitions: Readonly<Record<string, Deno.ForeignFunction>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  let missing = Object.entries(definitions);
  for (const path of paths) {
    const addresses = Deno.dlopen(path, Object.fromEntries(missing.map(addressOf))).symbols;
    const here = missing.filter(([name]) => addresses[name] !== null);
    missing = missing.filter(([name]) => addresses[name] === null);
    const direct = here.filter(([name, { nonblocking }]) => nonblocking || oftenCalled.has(name));
    Object.assign(found, Deno.dlopen(path, Object.fromEntries(direct)).symbols);
    for (const [name, definition] of here) {
      if (name in found) continue;
      const address = addresses[name] as Deno.PointerObject<Deno.ForeignFunction>;
      const pointer = new Deno.UnsafeFnPointer(address, definition);
      found[name] = pointer.call.bind(pointer);
    }
  }
  if (missing.length > 0) throw new Error(`Failed to register symbol ${missing[0][0]}`);
  return found;
}

/** How to look up the address of a function that a library may have. */
function addressOf(
  [name, definition]: [string, Deno.ForeignFunction],
): [string, Deno.ForeignStatic] {
  return [name, { name: definition.name ?? name, type: "pointer", optional: true }];
}
