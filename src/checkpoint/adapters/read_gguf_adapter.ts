/**
 * Reads adapters in llama.cpp's format.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import { type GgufFile, readGgufHeader } from "../../formats/gguf.ts";
import { metadataNumber, metadataString } from "../../formats/gguf_value.ts";
import { ADAPTER_TARGETS, type AdapterWeights } from "../../model/adapter_weights.ts";
import type { FoundTensor } from "../locate_weights.ts";
import { ggufName } from "../weight_layout.ts";
import { ADAPTER, pairUpdates, readUpdates, type UpdateSide } from "./stored_update.ts";

/** What the metadata of such a file says that it is. */
export const GGUF_ADAPTER_KEYS = {
  type: "general.type",
  architecture: "general.architecture",
  adapterType: "adapter.type",
  alpha: "adapter.lora.alpha",
} as const;

/**
 * Reads a GGUF file whose `general.type` is `adapter`.
 *
 * @throws {FileFormatError} if it is damaged, or holds something else
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export async function readGgufAdapter(path: string, signal?: AbortSignal): Promise<AdapterWeights> {
  using source = openRegularFile(path);
  const file = readGgufHeader(source);
  requireLora(path, file);
  const found = Array.from(file.tensors.values(), ({ name, shape, type, offset }): FoundTensor => ({
    storedName: name,
    shape,
    type,
    source,
    offset,
  }));
  const updates = pairUpdates(path, found, (tensor) => sideOf(path, tensor));
  const alpha = metadataNumber(file, GGUF_ADAPTER_KEYS.alpha) ?? 0;
  if (!Number.isFinite(alpha)) {
    throw formatError(ADAPTER, path, `${GGUF_ADAPTER_KEYS.alpha} must be a finite number`, alpha);
  }
  // As llama.cpp has it: 0 is none, and the product counts as it is.
  const weights = await readUpdates(path, updates, ({ down }) => alpha || down.shape[0], signal);
  return { isRankStabilized: false, weights };
}

function requireLora(path: string, file: GgufFile): void {
  const { type, architecture, adapterType } = GGUF_ADAPTER_KEYS;
  const expected = [[type, "adapter"], [architecture, "gpt2"], [adapterType, "lora"]];
  for (const [key, value] of expected) {
    const found = metadataString(file, key);
    if (found === value) continue;
    const isModel = key === type && file.metadata.has("gpt2.block_count");
    throw formatError(
      ADAPTER,
      path,
      isModel ? "it is a model" : `its ${key} must be ${value}`,
      found,
      "Pass a file that llama.cpp's convert_lora_to_gguf.py made of an adapter for a GPT-2.",
    );
  }
  const tokens = file.metadata.get("adapter.alora.invocation_tokens");
  if (tokens === undefined) return;
  throw formatError(
    ADAPTER,
    path,
    "it has a part that begins at certain tokens (aLoRA), which cannot be used here",
    tokens.value,
    "Train it without that.",
  );
}

function sideOf(path: string, { storedName }: FoundTensor): UpdateSide {
  const [, weight, half] = storedName.match(/^(.*)\.lora_([ab])$/) ?? [];
  const layer = Number(weight?.match(/\.(\d+)\./)?.[1]);
  const target = ADAPTER_TARGETS.find((part) =>
    ggufName({ layer, part, field: "weight" }) === weight
  );
  if (target === undefined) {
    throw formatError(
      ADAPTER,
      path,
      "it has a tensor that is none of a LoRA for the projections of GPT-2",
      storedName,
      "Train it for the projections in the blocks alone.",
    );
  }
  return { layer, target, side: half === "a" ? "down" : "up" };
}
