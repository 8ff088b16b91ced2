/**
 * What a weight is called here, in Hugging Face's checkpoints and in GGUF files.
 *
 * @module
 */
import type { ParameterSpec } from "../model/parameters.ts";

/** The name of one thing in the three worlds. */
interface Names {
  readonly ours: string;
  readonly huggingFace: string;
  readonly gguf: string;
}

/** Weights of the model itself, by their whole names. */
const MODEL_NAMES: readonly Names[] = [
  { ours: "tokenEmbedding", huggingFace: "transformer.wte.weight", gguf: "token_embd.weight" },
  {
    ours: "positionEmbedding",
    huggingFace: "transformer.wpe.weight",
    gguf: "position_embd.weight",
  },
  {
    ours: "finalNorm.weight",
    huggingFace: "transformer.ln_f.weight",
    gguf: "output_norm.weight",
  },
  { ours: "finalNorm.bias", huggingFace: "transformer.ln_f.bias", gguf: "output_norm.bias" },
  { ours: "vocabularyProjection", huggingFace: "lm_head.weight", gguf: "output.weight" },
];

/** Parts of a block, each with a weight and a bias. */
const BLOCK_NAMES: readonly Names[] = [
  { ours: "attentionNorm", huggingFace: "ln_1", gguf: "attn_norm" },
  { ours: "qkvProjection", huggingFace: "attn.c_attn", gguf: "attn_qkv" },
  { ours: "outputProjection", huggingFace: "attn.c_proj", gguf: "attn_output" },
  { ours: "mlpNorm", huggingFace: "ln_2", gguf: "ffn_norm" },
  { ours: "hiddenProjection", huggingFace: "mlp.c_fc", gguf: "ffn_up" },
  { ours: "mlpProjection", huggingFace: "mlp.c_proj", gguf: "ffn_down" },
];

/** The name of a weight in a checkpoint that transformers saved from `GPT2LMHeadModel`. */
export function huggingFaceName(name: string): string {
  const { layer, names, kind } = find(name);
  return layer === undefined
    ? names.huggingFace
    : `transformer.h.${layer}.${names.huggingFace}.${kind}`;
}

/** The name of a weight in a GGUF file. */
export function ggufName(name: string): string {
  const { layer, names, kind } = find(name);
  return layer === undefined ? names.gguf : `blk.${layer}.${names.gguf}.${kind}`;
}

/**
 * The name that `huggingFaceName()` gives, from any that is in use: checkpoints saved from `GPT2Model`, as OpenAI's own,
 * leave out `transformer.`. Nothing for the causal masks that old checkpoints hold.
 */
export function normalizeHuggingFaceName(name: string): string | undefined {
  const inner = name.replace(/^transformer\./, "");
  if (/^h\.\d+\.attn\.(masked_)?bias$/.test(inner)) return undefined;
  return inner === "lm_head.weight" ? inner : `transformer.${inner}`;
}

/** The heads that transformers and trl put on a GPT-2 beside, or in the place of, the projection onto the vocabulary. */
const OTHER_HEADS =
  /^(v_head|value_head|score|classifier|qa_outputs|multiple_choice_head|summary)\./;

/** Whether a tensor belongs to something that is not part of the language model: loading that, transformers leaves it out. */
export function belongsToOtherHead(name: string): boolean {
  return OTHER_HEADS.test(name);
}

/** Whether Hugging Face stores a weight as (in out): the projections inside of blocks are its `Conv1D`. */
export function isTransposedInHuggingFace(spec: ParameterSpec): boolean {
  return spec.shape.length === 2 && spec.name.startsWith("blocks.");
}

function find(name: string): { names: Names; layer?: string; kind?: string } {
  const whole = MODEL_NAMES.find(({ ours }) => ours === name);
  if (whole !== undefined) return { names: whole };
  const [, layer, part, kind] = /^blocks\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const names = BLOCK_NAMES.find(({ ours }) => ours === part);
  if (names === undefined) {
    throw new TypeError(`Cannot name a weight: GPT-2 has none of that name: received "${name}"`);
  }
  return { names, layer, kind };
}
