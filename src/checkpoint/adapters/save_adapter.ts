/**
 * Saves adapters, for PEFT or for llama.cpp.
 *
 * @module
 */
import { writeFileAtomically, type WriteOptions } from "../../base/atomic_file.ts";
import { CreatedFolder } from "../../base/created_folder.ts";
import { throughLinks } from "../../base/files.ts";
import { removeIfAny } from "../../base/remove.ts";
import type { GgufValue } from "../../formats/gguf_value.ts";
import { writeGguf } from "../../formats/gguf_writer.ts";
import { writeSafetensors } from "../../formats/safetensors_writer.ts";
import {
  adaptableWeights,
  type AdaptedWeight,
  type AdapterWeights,
  checkAdapterWeights,
  updateScale,
} from "../../model/adapter_weights.ts";
import type { Adapter } from "../../model/adapter.ts";
import type { GPT2Config } from "../../model/config.ts";
import { type JsonRecord, toJsonText } from "../hugging_face/written_json.ts";
import { ggufName } from "../weight_layout.ts";
import { GGUF_ADAPTER_KEYS } from "./read_gguf_adapter.ts";
import { moduleOf, PEFT_CONFIG, PEFT_PREFIX, PEFT_WEIGHTS } from "./read_peft.ts";

/** Options of {@linkcode saveAdapter}. */
export interface SaveAdapterOptions extends WriteOptions {
  /** The model that it is for, as PEFT looks for it: a name of the hub, or the path of a folder. Default: it does not say. */
  baseModel?: string;
  /** Which revision of it on the hub, a branch, a tag or a commit, for PEFT to load. Default: the newest. */
  baseRevision?: string;
  /** The share of its inputs that was left out in training, for PEFT to go on with. Default: 0. */
  dropout?: number;
}

/**
 * Writes an adapter in F32: a file that llama.cpp loads where the path ends in `.gguf`, otherwise a folder that PEFT loads.
 *
 * @param config sizes of the model that it is for
 * @throws {TypeError} if it is no adapter, or one that has been disposed of
 * @throws {StorageError} if it cannot be written
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function saveAdapter(
  adapter: Adapter | AdapterWeights,
  config: GPT2Config,
  path: string,
  options: SaveAdapterOptions = {},
): Promise<void> {
  const weights = isInMemory(adapter) ? adapter.read() : adapter;
  checkAdapterWeights("save the adapter", weights);
  if (path.endsWith(".gguf")) await saveGgufAdapter(weights, path, options);
  else await savePeftAdapter(weights, config, path, options);
}

function isInMemory(adapter: Adapter | AdapterWeights): adapter is Adapter {
  return typeof adapter === "object" && adapter !== null && "read" in adapter;
}

async function savePeftAdapter(
  adapter: AdapterWeights,
  config: GPT2Config,
  folder: string,
  { baseModel, baseRevision, dropout, ...options }: SaveAdapterOptions,
): Promise<void> {
  using created = await CreatedFolder.at(folder);
  const tensors = adapter.weights.flatMap((weight) => {
    const [down, up] = matricesOf(weight);
    const name = `${PEFT_PREFIX}${moduleOf(weight)}`;
    return [
      { name: `${name}.lora_A.weight`, dtype: "F32" as const, ...down },
      { name: `${name}.lora_B.weight`, dtype: "F32" as const, ...up },
    ];
  });
  await writeSafetensors(`${folder}/${PEFT_WEIGHTS}`, tensors, new Map([["format", "pt"]]), {
    ...options,
    // Files of two adapters are never taken for one.
    beforeRename: () => removeIfAny(`${folder}/${PEFT_CONFIG}`),
  });
  const text = toJsonText(peftConfig(adapter, config, { baseModel, baseRevision, dropout }));
  const bytes = new TextEncoder().encode(text);
  await writeFileAtomically(`${folder}/${PEFT_CONFIG}`, bytes.length, [bytes]);
  created.keep();
}

function peftConfig(
  { isRankStabilized, weights }: AdapterWeights,
  config: GPT2Config,
  { baseModel, baseRevision, dropout = 0 }: Omit<SaveAdapterOptions, keyof WriteOptions>,
): JsonRecord {
  const [rank, ranks] = usualAndOthers(weights, ({ rank }) => rank);
  const [alpha, alphas] = usualAndOthers(weights, ({ alpha }) => alpha);
  return {
    base_model_name_or_path: baseModel ?? null,
    bias: "none",
    fan_in_fan_out: true,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    alpha_pattern: alphas,
    lora_dropout: dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: rank,
    rank_pattern: ranks,
    revision: baseRevision ?? null,
    target_modules: targetModules(weights, config),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: isRankStabilized,
  };
}

/** The most frequent number, and the others by the names of their modules. */
function usualAndOthers(
  weights: readonly AdaptedWeight[],
  numberOf: (weight: AdaptedWeight) => number,
): [usual: number, others: Record<string, number>] {
  const groups = [...Map.groupBy(weights, numberOf)].sort(([, a], [, b]) => b.length - a.length);
  const [[usual], ...others] = groups;
  const named = others.flatMap(([value, list]) => list.map((each) => [moduleOf(each), value]));
  return [usual, Object.fromEntries(named)];
}

/** The last parts of the names that all blocks have; the whole names if a block lacks one. */
function targetModules(weights: readonly AdaptedWeight[], config: GPT2Config): string[] {
  const targets = new Set(weights.map(({ target }) => target));
  const meant = adaptableWeights(config).filter(({ target }) => targets.has(target));
  if (meant.length !== weights.length) return weights.map(moduleOf);
  return Array.from(
    targets,
    (target) => moduleOf({ layer: 0, target }).split(".").slice(3).join("."),
  );
}

async function saveGgufAdapter(
  adapter: AdapterWeights,
  path: string,
  options: WriteOptions,
): Promise<void> {
  const { type, architecture, adapterType, alpha: alphaKey } = GGUF_ADAPTER_KEYS;
  const alpha = commonAlpha(adapter);
  const tensors = adapter.weights.flatMap((weight) => {
    // There is one alpha for all, by which each product is divided through its rank.
    const [down, up] = matricesOf(weight, updateScale(adapter, weight) * weight.rank / alpha);
    const name = ggufName({ layer: weight.layer, part: weight.target, field: "weight" });
    return [
      { name: `${name}.lora_a`, type: "f32" as const, ...down },
      { name: `${name}.lora_b`, type: "f32" as const, ...up },
    ];
  });
  const metadata = new Map<string, GgufValue>([
    [architecture, { type: "string", value: "gpt2" }],
    [type, { type: "string", value: "adapter" }],
    [adapterType, { type: "string", value: "lora" }],
    [alphaKey, { type: "f32", value: alpha }],
  ]);
  await writeGguf(throughLinks(path), { metadata, tensors }, options);
}

/** What llama.cpp is to multiply by, before it divides by the rank: never 0, which it takes for none. */
function commonAlpha(adapter: AdapterWeights): number {
  const factors = adapter.weights.map((each) => updateScale(adapter, each) * each.rank);
  return Math.fround(factors.find((factor) => factor !== 0) ?? 1);
}

/** Both matrices of a weight, `up` multiplied by a factor. */
function matricesOf({ rank, down, up }: AdaptedWeight, factor = 1) {
  const scaled = factor === 1 ? up : up.map((value) => value * factor);
  return [
    { shape: [rank, down.length / rank], produce: () => bytesOf(down) },
    { shape: [up.length / rank, rank], produce: () => bytesOf(scaled) },
  ] as const;
}

function bytesOf(values: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
