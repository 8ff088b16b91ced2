/** A program that serves the processor with ggml's RPC server: `deno run -A serve_rpc.ts 127.0.0.1:50052`. */
import { openLibrarySync } from "../../src/native_library/native_library.ts";
import { cString } from "../../src/ffi/memory.ts";

const CPU = 0;
const NUM_THREADS = 1n;

const definition = {
  parameters: ["buffer", "pointer", "usize", "usize", "buffer"],
  result: "void",
} as const;

const ggml = openLibrarySync();
const registry = ggml.ggml_backend_reg_by_name(cString("RPC"));
const address = ggml.ggml_backend_reg_get_proc_address(
  registry,
  cString("ggml_backend_rpc_start_server"),
);
const devices = BigUint64Array.of(Deno.UnsafePointer.value(ggml.ggml_backend_dev_by_type(CPU)));
// It does not return.
new Deno.UnsafeFnPointer(address as Deno.PointerObject<typeof definition>, definition)
  .call(cString(Deno.args[0]), null, NUM_THREADS, 1n, devices);
