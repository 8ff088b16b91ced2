/** The reference values of Hugging Face transformers under `tests/fixtures/reference`, and the models they belong to. */
import { fileURLToPath } from "node:url";
import { openRegularFile } from "../../src/base/byte_source.ts";
import { readSafetensorsHeader } from "../../src/formats/safetensors.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

const folder = new URL("../fixtures/reference/", import.meta.url);

/** What `case.json` says. */
export interface ReferenceCase {
  readonly weight_scale: number;
  readonly bias_scale: number;
  readonly norm_weight_scale: number;
  readonly norm_bias_scale: number;
  readonly weight_samples: Record<string, number[]>;
  readonly loss: number;
  readonly greedy: { prompt: number[]; continuation: number[] };
}

/** The path of a case's folder; cases of other folders are named like `../training/tied`. */
export function referencePath(name: string): string {
  return fileURLToPath(new URL(name, folder));
}

/** The contents of `case.json`. */
export function readCase(name: string): ReferenceCase {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}/case.json`, folder)));
}

/** The tensors of `expected.safetensors`. */
export function readExpected(
  name: string,
): Map<string, { shape: readonly number[]; data: Float32Array | Int32Array }> {
  using source = openRegularFile(referencePath(`${name}/expected.safetensors`));
  const { tensors } = readSafetensorsHeader(source);
  return new Map([...tensors].map(([key, { dtype, shape, offset, byteLength }]) => {
    const bytes = source.read(offset, byteLength).slice().buffer;
    return [key, {
      shape,
      data: dtype === "I32" ? new Int32Array(bytes) : new Float32Array(bytes),
    }];
  }));
}

/** The sizes in a case's `config.json`. */
export function readConfig(name: string): GPT2Config {
  const json = JSON.parse(Deno.readTextFileSync(new URL(`${name}/config.json`, folder)));
  return new GPT2Config({
    vocabSize: json.vocab_size,
    contextLength: json.n_positions,
    embeddingDim: json.n_embd,
    numHeads: json.n_head,
    numLayers: json.n_layer,
    hiddenDim: json.n_inner ?? undefined,
    layerNormEpsilon: json.layer_norm_epsilon,
    activation: json.activation_function === "gelu" ? "gelu" : "gelu_tanh",
  });
}

/** Whether a case's vocabulary projection is its token embedding. */
function isTied(name: string): boolean {
  const json = JSON.parse(Deno.readTextFileSync(new URL(`${name}/config.json`, folder)));
  return json.tie_word_embeddings;
}

/** The model of a case whose weights are a function of their names; see `scripts/make_reference.py`. */
export function createReferenceModel(name: string, options: { threads?: number } = {}): Model {
  const config = readConfig(name);
  const scales = readCase(name);
  const backend = Backend.cpu({ threads: options.threads ?? 2 });
  const weights = new Weights(backend, config, () => "f32", { tied: isTied(name) });
  for (const { name, shape } of weights.specs) {
    const { huggingFaceName, isTransposed } = huggingFaceLayout(name);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = makeWeight(huggingFaceName, size, scales);
    const rows = isTransposed ? transpose(values, shape[1], shape[0]) : values;
    weights.write(name, new Uint8Array(rows.buffer));
  }
  return new Model(config, weights, backend);
}

/** The first `count` values of a weight. */
export function makeWeight(
  name: string,
  count: number,
  scales: ReferenceCase,
): Float32Array<ArrayBuffer> {
  const isNorm = name.includes(".ln_");
  const isBias = name.endsWith(".bias");
  const scale = scales[`${isNorm ? "norm_" : ""}${isBias ? "bias" : "weight"}_scale`];
  const offset = isNorm && !isBias ? 1 : 0;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const factor = Math.fround(scale);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (hash + Math.imul(i, 0x9e3779b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    const u = 2 * ((x >>> 8) / 2 ** 24) - 1;
    values[i] = offset + Math.fround(u * factor);
  }
  return values;
}

/** The state-dict name of a weight, and whether it is stored as (in out). */
function huggingFaceLayout(name: string): { huggingFaceName: string; isTransposed: boolean } {
  const parts: Record<string, string> = {
    tokenEmbedding: "wte.weight",
    positionEmbedding: "wpe.weight",
    finalNorm: "ln_f",
    blocks: "h",
    attentionNorm: "ln_1",
    qkvProjection: "attn.c_attn",
    outputProjection: "attn.c_proj",
    mlpNorm: "ln_2",
    hiddenProjection: "mlp.c_fc",
    mlpProjection: "mlp.c_proj",
  };
  const path = name.split(".").map((part) => parts[part] ?? part).join(".");
  if (name === "vocabularyProjection") {
    return { huggingFaceName: "lm_head.weight", isTransposed: false };
  }
  return {
    huggingFaceName: `transformer.${path}`,
    isTransposed: name.endsWith("Projection.weight"),
  };
}

function transpose(
  values: Float32Array,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column];
    }
  }
  return result;
}
