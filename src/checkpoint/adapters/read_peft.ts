/**
 * Reads adapters that Hugging Face's PEFT saved.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError, quote, quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { isFile, namesIn } from "../../base/files.ts";
import { readSafetensorsHeader } from "../../formats/safetensors.ts";
import {
  adaptableWeights,
  ADAPTER_TARGETS,
  type AdapterWeights,
} from "../../model/adapter_weights.ts";
import type { GPT2Config } from "../../model/config.ts";
import type { FoundTensor } from "../locate_weights.ts";
import { huggingFaceName, normalizeHuggingFaceName } from "../weight_layout.ts";
import { readPeftConfig } from "./peft_config.ts";
import {
  ADAPTER,
  pairUpdates,
  readUpdates,
  type StoredUpdate,
  type UpdateSide,
} from "./stored_update.ts";

/** The names of PEFT's files. */
export const PEFT_CONFIG = "adapter_config.json";
export const PEFT_WEIGHTS = "adapter_model.safetensors";

/** What PEFT puts before the names of the modules that it wraps. */
export const PEFT_PREFIX = "base_model.model.";

const MAX_LISTED = 10;

/**
 * Reads a folder with `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @param config sizes of the model that it is for
 * @throws {FileFormatError} if it is damaged, holds another kind of adapter, or lacks tensors
 * @throws {Deno.errors.NotFound} if a file is missing
 */
export async function readPeftAdapter(
  folder: string,
  config: GPT2Config,
  signal?: AbortSignal,
): Promise<AdapterWeights> {
  requireFiles(folder);
  const peft = readPeftConfig(`${folder}/${PEFT_CONFIG}`);
  const path = `${folder}/${PEFT_WEIGHTS}`;
  using source = openRegularFile(path);
  const { tensors } = readSafetensorsHeader(source);
  const found = Array.from(tensors, ([storedName, { shape, dtype, offset }]): FoundTensor => ({
    storedName,
    shape,
    type: dtype.toLowerCase(),
    source,
    offset,
  }));
  const updates = pairUpdates(path, found, (tensor) => sideOf(path, tensor));
  for (const update of updates) {
    const expected = peft.rankOf(moduleOf(update));
    const [rank] = update.down.shape;
    if (rank === expected) continue;
    throw formatError(
      ADAPTER,
      path,
      `${PEFT_CONFIG} says that ${quote(update.down.storedName)} has rank ${expected}`,
      rank,
    );
  }
  const names = new Set(updates.map(moduleOf));
  const modules = adaptableWeights(config).map(moduleOf);
  const missing = peft.modulesAmong(modules)?.filter((module) => !names.has(module)) ?? [];
  if (missing.length > 0) {
    const listed = missing.slice(0, MAX_LISTED).map((name) => quote(name)).join(", ");
    const more = missing.length > MAX_LISTED ? ` and ${missing.length - MAX_LISTED} more` : "";
    throw formatError(
      ADAPTER,
      path,
      `it has nothing for ${listed}${more}, which ${PEFT_CONFIG} names`,
      `${found.length} tensors`,
      "Get the whole adapter, and use it with the model for which it was made.",
    );
  }
  const weights = await readUpdates(
    path,
    updates,
    (update) => peft.alphaOf(moduleOf(update)),
    signal,
  );
  return { isRankStabilized: peft.isRankStabilized, weights };
}

/** The name of a weight's module in transformers. */
export function moduleOf({ layer, target }: Pick<StoredUpdate, "layer" | "target">): string {
  return huggingFaceName({ layer, part: target });
}

function sideOf(path: string, { storedName }: FoundTensor): UpdateSide {
  const [, wrapped, half] = storedName.match(/^(.*)\.lora_([AB])\.weight$/) ?? [];
  if (half === undefined || !wrapped.startsWith(PEFT_PREFIX)) throw unknownTensor(path, storedName);
  const module = normalizeHuggingFaceName(wrapped.slice(PEFT_PREFIX.length));
  const layer = Number(module?.match(/\.(\d+)\./)?.[1]);
  const target = ADAPTER_TARGETS.find((target) => moduleOf({ layer, target }) === module);
  if (target === undefined) throw unknownTensor(path, storedName);
  return { layer, target, side: half === "A" ? "down" : "up" };
}

function unknownTensor(path: string, storedName: string): FileFormatError {
  const what = /lora_embedding_|\.(wte|wpe|lm_head)\./.test(storedName)
    ? "it changes embeddings or the vocabulary projection, which cannot be done here"
    : /lora_magnitude_vector/.test(storedName)
    ? "it splits weights into length and direction (DoRA), which cannot be used here"
    : "it has a tensor that is none of a LoRA for the projections of GPT-2";
  const targets = ADAPTER_TARGETS.map((target) =>
    moduleOf({ layer: 0, target }).replace(/^.*\.0\./, "")
  );
  return formatError(
    ADAPTER,
    path,
    what,
    storedName,
    `Train it with target_modules among ${targets.join(", ")}.`,
  );
}

function requireFiles(folder: string): void {
  const names = namesIn(folder).sort();
  if (isFile(`${folder}/${PEFT_WEIGHTS}`) && isFile(`${folder}/${PEFT_CONFIG}`)) return;
  if (names.includes("adapter_model.bin") && !names.includes(PEFT_WEIGHTS)) {
    throw new FileFormatError(
      `Cannot read ${quotePath(folder)}: its weights are not safetensors: received ` +
        `"adapter_model.bin". Save it again: in Python, with a current PEFT, save_pretrained(folder).`,
      { path: folder },
    );
  }
  const missing = names.includes(PEFT_CONFIG) ? PEFT_WEIGHTS : PEFT_CONFIG;
  throw new Deno.errors.NotFound(
    `Cannot open ${
      quotePath(folder)
    } as an adapter: it has no ${missing}: received a folder with ` +
      `${names.length === 1 ? "1 entry" : `${names.length} entries`}. ` +
      "Pass a folder that PEFT's save_pretrained() wrote, or a .gguf file.",
  );
}
