/**
 * A program that proves a native library: it opens it and multiplies small quantized matrices in every kind of memory
 * that the CPU backend offers, and on every GPU that modules named after the library find. It runs in a process of its own,
 * because what it looks for (an instruction the CPU does not have, a miscompiled kernel, a damaged file or driver) kills
 * the process.
 *
 *     deno run --allow-ffi probe.ts <library>
 *     deno run --allow-ffi probe.ts <ggml-base> <ggml> <variant of ggml-cpu> [<module for GPUs> ...]
 *
 * It writes one line of JSON, a {@linkcode Proof}, and exits with 0; any other end is a failure.
 *
 * @module
 */

import { takesModules } from "../../ffi/prebuilt/backend_module.ts";
import { bindLibrary } from "../../ffi/bind_library.ts";
import { createContext } from "../../ffi/context.ts";
import { extraBufferTypes } from "../../ffi/extra_buffer_types.ts";
import { readCString } from "../../ffi/memory.ts";
import type { Library } from "../../ffi/symbols.ts";
import { TIMEOUT_EXIT_CODE } from "../child_program.ts";
import {
  INPUTS,
  makeActivations,
  makeWeights,
  multiply,
  OUTPUTS,
  Q4_0,
  Q8_0,
  type Weights,
} from "./small_product.ts";

/** What a library that works says about itself. */
export interface Proof {
  /** `gpt2_abi_version()`. */
  abiVersion: number;
  /** ggml's version. */
  ggmlVersion: string;
  /** The kinds of memory, beside plain memory, in which products came out right, such as `AMX` and `CPU_REPACK`. */
  bufferTypes: string[];
  /** The GPUs on which products came out right, as ggml names them: `Vulkan0`. */
  gpus: string[];
}

const F32 = 0;
const CPU_DEVICE = 0;
/** Dedicated and integrated. */
const GPU_DEVICES = [1, 2];

/** Enough for a few tensors and a small graph. Like all else here a context lives as long as the process. */
const CONTEXT_BYTES = 65536n;

const NUM_THREADS = 2;
const TIMEOUT_MS = 60_000;

// All products are of small integers and powers of two, so that any order of summation gives the same number; what is
// left is a kernel's freedom to fold the blocks' scales in one by one.
const TOLERANCE = 1e-5;
/** A GPU may sum in half precision. */
const GPU_TOLERANCE = 1e-2;

/** What multiplies, and where. */
interface Place {
  device: Deno.PointerValue;
  backend: Deno.PointerValue;
  /** The kind of memory for the weights. */
  memory: Deno.PointerValue;
  /** The kind of memory for all else. */
  plainMemory: Deno.PointerValue;
  /** The types of weights that are tried, and for how many rows of activations. */
  types: number[];
  batches: number[];
  tolerance: number;
}

/** The CPU, with the weights in one of its kinds of memory. */
function cpuPlace(lib: Library, memory: Deno.PointerValue): Place {
  const device = lib.ggml_backend_dev_by_type(CPU_DEVICE);
  const backend = lib.ggml_backend_cpu_init();
  lib.ggml_backend_cpu_set_n_threads(backend, NUM_THREADS);
  return {
    device,
    backend,
    memory,
    plainMemory: lib.ggml_backend_cpu_buffer_type(),
    types: [Q8_0, Q4_0],
    batches: [1, 32],
    tolerance: TOLERANCE,
  };
}

/** A GPU. One product shows that its driver works: for each other one, it may compile programs for seconds. */
function gpuPlace(lib: Library, device: Deno.PointerValue): Place {
  const backend = lib.ggml_backend_dev_init(device, null);
  if (backend === null) {
    throw new Error(`it does not start: ${readCString(lib.ggml_backend_dev_description(device))}`);
  }
  const memory = lib.ggml_backend_get_default_buffer_type(backend);
  return {
    device,
    backend,
    memory,
    plainMemory: memory,
    types: [Q8_0],
    batches: [1],
    tolerance: GPU_TOLERANCE,
  };
}

/**
 * Multiplies on a backend.
 *
 * @returns the product, or undefined where such memory does not serve such weights
 */
async function multiplyNatively(
  lib: Library,
  { device, backend, memory, plainMemory }: Place,
  weights: Weights,
  activations: Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer> | undefined> {
  const batch = activations.length / INPUTS;
  const weightContext = createContext(CONTEXT_BYTES, lib);
  const w = lib.ggml_new_tensor_4d(
    weightContext,
    weights.type,
    BigInt(INPUTS),
    BigInt(OUTPUTS),
    1n,
    1n,
  );
  lib.ggml_backend_alloc_ctx_tensors_from_buft(weightContext, memory);
  const context = createContext(CONTEXT_BYTES, lib);
  const x = lib.ggml_new_tensor_4d(context, F32, BigInt(INPUTS), BigInt(batch), 1n, 1n);
  const y = lib.ggml_mul_mat(context, w, x);
  // Before the weights are written: some kinds of memory crash on types they do not know.
  if (!lib.ggml_backend_dev_supports_op(device, y)) return undefined;
  lib.ggml_backend_tensor_set(w, weights.bytes, 0n, BigInt(weights.bytes.byteLength));
  const graph = lib.ggml_new_graph_custom(context, 16n, false);
  lib.ggml_build_forward_expand(graph, y);
  lib.ggml_backend_alloc_ctx_tensors_from_buft(context, plainMemory);
  lib.ggml_backend_tensor_set(x, activations, 0n, BigInt(activations.byteLength));
  // Off the main thread, so that the timer below can end the process if it never returns.
  const status = await lib.ggml_backend_graph_compute_async_call(backend, graph);
  if (status !== 0) throw new Error(`the computation ended with status ${status}`);
  const product = new Float32Array(batch * OUTPUTS);
  lib.ggml_backend_tensor_get(y, product, 0n, BigInt(product.byteLength));
  return product;
}

/** The index of the first number that is not the expected one, or -1. */
export function findDifference(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number = TOLERANCE,
): number {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  // Written so that NaN counts as a difference.
  return actual.findIndex((value, i) => !(Math.abs(value - expected[i]) <= tolerance * scale));
}

/** Throws if any product there is wrong; tells whether it serves quantized weights at all. */
async function checkPlace(lib: Library, place: Place): Promise<boolean> {
  let used = false;
  for (const type of place.types) {
    const weights = makeWeights(type);
    for (const batch of place.batches) {
      const activations = makeActivations(batch);
      const actual = await multiplyNatively(lib, place, weights, activations);
      if (actual === undefined) continue;
      used = true;
      const expected = multiply(weights.values, activations);
      const wrong = findDifference(actual, expected, place.tolerance);
      if (wrong !== -1) {
        const product = `${type === Q8_0 ? "Q8_0" : "Q4_0"} x F32, batch ${batch}`;
        const where = readCString(lib.ggml_backend_buft_name(place.memory));
        throw new Error(
          `a matrix product came out wrong (${product}, in ${where} memory, element ${wrong}): ` +
            `${actual[wrong]} instead of ${expected[wrong]}`,
        );
      }
    }
  }
  return used;
}

async function prove(paths: readonly string[]): Promise<Proof> {
  const lib = bindLibrary(paths);
  lib.gpt2_install_abort_handler();
  lib.gpt2_silence_log();
  lib.gpt2_use_kernels();
  const device = lib.ggml_backend_dev_by_type(CPU_DEVICE);
  if (device === null) throw new Error("it has no CPU backend");
  await checkPlace(lib, cpuPlace(lib, lib.ggml_backend_cpu_buffer_type()));
  const bufferTypes: string[] = [];
  for (const memory of extraBufferTypes(device, lib)) {
    if (!await checkPlace(lib, cpuPlace(lib, memory))) continue;
    bufferTypes.push(readCString(lib.ggml_backend_buft_name(memory)));
  }
  return {
    abiVersion: lib.gpt2_abi_version(),
    ggmlVersion: readCString(lib.ggml_version()),
    bufferTypes,
    gpus: takesModules(lib) ? await checkGpus(lib) : [],
  };
}

/** Throws if any product on a GPU is wrong; returns the names of the GPUs. */
async function checkGpus(lib: Library): Promise<string[]> {
  const names: string[] = [];
  const count = lib.ggml_backend_dev_count();
  for (let i = 0n; i < count; i++) {
    const device = lib.ggml_backend_dev_get(i);
    if (!GPU_DEVICES.includes(lib.ggml_backend_dev_type(device))) continue;
    await checkPlace(lib, gpuPlace(lib, device));
    names.push(readCString(lib.ggml_backend_dev_name(device)));
  }
  return names;
}

/** Ends the program: with a proof and 0, or with a reason on stderr and another exit code. */
function finish(result: Proof | Error, exitCode = 1): never {
  const ok = !(result instanceof Error);
  const line = new TextEncoder().encode((ok ? JSON.stringify(result) : result.message) + "\n");
  (ok ? Deno.stdout : Deno.stderr).writeSync(line);
  Deno.exit(ok ? 0 : exitCode);
}

/** Proves the library that `paths` are the files of, and ends the process. */
export async function runProbe(paths: readonly string[]): Promise<never> {
  setTimeout(() => {
    const seconds = TIMEOUT_MS / 1000;
    finish(new Error(`it did not finish a small computation in ${seconds} s`), TIMEOUT_EXIT_CODE);
  }, TIMEOUT_MS);
  try {
    finish(await prove(paths));
  } catch (error) {
    finish(error instanceof Error ? error : new Error(String(error)));
  }
}

if (import.meta.main) await runProbe(Deno.args);
