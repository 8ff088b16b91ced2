/**
 * The `adapter_config.json` of Hugging Face's PEFT.
 *
 * @module
 */
import { formatError } from "../../base/describe.ts";
import type { FileFormatError } from "../../base/errors.ts";
import { type JsonObject, type JsonValue, readJsonFile } from "../../base/strict_json.ts";
import { MAX_SETTINGS_BYTES } from "../settings.ts";
import { ADAPTER } from "./stored_update.ts";

/** What it says, as far as it changes what is computed. */
export interface PeftConfig {
  /** See `AdapterWeights.isRankStabilized`. */
  readonly isRankStabilized: boolean;
  /** The rank that a module should have. */
  rankOf(module: string): number;
  /** The alpha of a module. */
  alphaOf(module: string): number;
  /** The modules that an adapter should have a part for, out of all; nothing where a regular expression says which. */
  modulesAmong(all: readonly string[]): readonly string[] | undefined;
}

/** What PEFT can do with a GPT-2 and this package cannot, by key: what it is, and whether a value asks for it. */
const REFUSED: readonly [key: string, what: string, asksFor: (value: JsonValue) => boolean][] = [
  [
    "use_dora",
    "weights that are split into length and direction (DoRA)",
    (value) => value === true,
  ],
  ["bias", "biases that were trained", (value) => value !== "none"],
  ["lora_bias", "biases beside its matrices", (value) => value === true],
  ["modules_to_save", "whole modules beside its matrices", isFilled],
  ["trainable_token_indices", "tokens whose embeddings were trained", isFilled],
  ["layer_replication", "blocks that are used several times", isFilled],
  ["target_parameters", "parameters that are not those of linear modules", isFilled],
  ["alora_invocation_tokens", "a part that begins at certain tokens (aLoRA)", isFilled],
  ["use_qalora", "groups of inputs (QA-LoRA)", (value) => value === true],
  ["use_bdlora", "matrices of blocks (BD-LoRA)", isFilled],
  [
    "init_lora_weights",
    "a base model whose weights were changed when its training began",
    (value) => typeof value === "string" && /^(pissa|olora|corda|loftq|lora_ga)/.test(value),
  ],
];

function isFilled(value: JsonValue): boolean {
  if (value instanceof Map) return value.size > 0;
  return Array.isArray(value) ? value.length > 0 : value !== false;
}

/**
 * Reads an `adapter_config.json`. Keys that change only how the adapter was trained are ignored.
 *
 * @throws {FileFormatError} if it is not the configuration of an adapter that this package can compute
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function readPeftConfig(path: string): PeftConfig {
  const json = readJsonFile(path, { maxBytes: MAX_SETTINGS_BYTES });
  if (!(json instanceof Map)) throw error(path, "it must hold a JSON object", json);
  const get = (key: string): JsonValue => json.get(key) ?? null;
  const type = get("peft_type");
  if (type !== "LORA") {
    throw error(path, "peft_type must be LORA", type, "Of PEFT's adapters only LoRA can be used.");
  }
  for (const [key, what, asksFor] of REFUSED) {
    const value = get(key);
    if (value === null || !asksFor(value)) continue;
    const received = value instanceof Map ? "an object" : value;
    throw error(
      path,
      `it has ${what}, which cannot be used here (${key})`,
      received,
      "Train it without that.",
    );
  }
  const rank = numberOf(path, "r", get("r") ?? 8);
  const alpha = numberOf(path, "lora_alpha", get("lora_alpha") ?? 8);
  const ranks = patternsOf(path, "rank_pattern", get("rank_pattern"));
  const alphas = patternsOf(path, "alpha_pattern", get("alpha_pattern"));
  return {
    isRankStabilized: get("use_rslora") === true,
    rankOf: (module) => valueOf(ranks, module) ?? rank,
    alphaOf: (module) => valueOf(alphas, module) ?? alpha,
    modulesAmong: (all) => modulesOf(json, all),
  };
}

function error(path: string, what: string, received: unknown, advice?: string): FileFormatError {
  const config = "Use the unchanged adapter_config.json that PEFT's save_pretrained() wrote.";
  return formatError(ADAPTER, path, what, received, advice ?? config);
}

function numberOf(path: string, key: string, value: JsonValue): number {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  if (!isNumber) throw error(path, `${key} must be a number`, value);
  return value;
}

/** Values of certain modules. Their keys are regular expressions; those that are names with dots are understood. */
function patternsOf(path: string, key: string, value: JsonValue): [key: string, number][] {
  if (value === null) return [];
  if (!(value instanceof Map)) throw error(path, `${key} must be an object`, value);
  return Array.from(value, ([pattern, each]) => {
    if (!/^\^?[\w.]+$/.test(pattern)) {
      throw error(
        path,
        `${key} has a regular expression, which is not carried out`,
        pattern,
        "Write the names of the modules there instead.",
      );
    }
    return [pattern, numberOf(path, `${key} of ${pattern}`, each)];
  });
}

/** As PEFT has it: a key means modules of which it is the end, or, after `^`, the whole name; the first counts. */
function valueOf(patterns: readonly [key: string, number][], module: string): number | undefined {
  return patterns.find(([key]) =>
    key.startsWith("^") ? module === key.slice(1) : isEnd(module, key)
  )?.[1];
}

function isEnd(module: string, end: string): boolean {
  return module === end || module.endsWith(`.${end}`);
}

function modulesOf(json: JsonObject, all: readonly string[]): readonly string[] | undefined {
  const targets = json.get("target_modules") ?? null;
  const excluded = json.get("exclude_modules") ?? null;
  if (excluded !== null && !Array.isArray(excluded)) return undefined;
  const isNamed = (names: readonly JsonValue[], module: string) =>
    names.some((name) => typeof name === "string" && isEnd(module, name));
  const isTarget = targets === "all-linear"
    ? () => true
    : Array.isArray(targets)
    ? (module: string) => isNamed(targets, module)
    : undefined;
  if (isTarget === undefined) return undefined;
  const layers = json.get("layers_to_transform") ?? null;
  const isLayer = layers === null
    ? () => true
    : (module: string) => [layers].flat().includes(Number(module.match(/\.(\d+)\./)?.[1]));
  return all.filter((module) =>
    isTarget(module) && isLayer(module) && !isNamed(excluded ?? [], module)
  );
}
