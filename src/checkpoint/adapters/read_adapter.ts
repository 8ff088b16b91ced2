/**
 * Reads adapters, whoever saved them.
 *
 * @module
 */
import { formatError } from "../../base/describe.ts";
import { folderOf, isFolder } from "../../base/files.ts";
import { adapterMisfit, type AdapterWeights } from "../../model/adapter_weights.ts";
import type { GPT2Config } from "../../model/config.ts";
import { resultOfRun } from "../run_result.ts";
import { ADAPTER } from "./stored_update.ts";

/**
 * Reads an adapter: a folder that PEFT saved, one of the files in it, a GGUF file of llama.cpp's, or the folder of a
 * training run, of which it is the best. The native library must be open.
 *
 * @param config sizes of the model that it is for
 * @throws {FileFormatError} if it is damaged, no adapter, one of another kind, or for a model of another size
 * @throws {Deno.errors.NotFound} if there is no such file or folder
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function readAdapter(
  path: string,
  config: GPT2Config,
  options: { readonly signal?: AbortSignal } = {},
): Promise<AdapterWeights> {
  const { signal } = options;
  signal?.throwIfAborted();
  path = resultOfRun(path);
  const adapter = await read(path, config, signal);
  const misfit = adapterMisfit(adapter, config);
  if (misfit === undefined) return adapter;
  const advice = "Use it with the model for which it was made.";
  throw formatError(ADAPTER, path, misfit.what, misfit.received, advice);
}

async function read(
  path: string,
  config: GPT2Config,
  signal: AbortSignal | undefined,
): Promise<AdapterWeights> {
  const isInFolder = /\.(safetensors|json)$/.test(path);
  if (isFolder(path) || isInFolder) {
    const { readPeftAdapter } = await import("./read_peft.ts");
    return await readPeftAdapter(isInFolder ? folderOf(path) : path, config, signal);
  }
  const { readGgufAdapter } = await import("./read_gguf_adapter.ts");
  return await readGgufAdapter(path, signal);
}
