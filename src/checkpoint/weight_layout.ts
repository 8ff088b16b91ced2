/**
 * How files store the weights of GPT-2: what they call them, and which way round matrices are.
 *
 * @module
 */
import type { ParameterPart, ParameterPath, ParameterSpec } from "../model/parameters.ts";

/** What a part of the model is called elsewhere. */
interface Names {
  readonly huggingFace: string;
  readonly gguf: string;
}

/** Inside of a block the names go on from that of the block. What is followed by `.weight` or `.bias` has none here. */
const NAMES: Readonly<Record<ParameterPart, Names>> = {
  tokenEmbedding: { huggingFace: "transformer.wte.weight", gguf: "token_embd.weight" },
  positionEmbedding: { huggingFace: "transformer.wpe.weight", gguf: "position_embd.weight" },
  attentionNorm: { huggingFace: "ln_1", gguf: "attn_norm" },
  qkvProjection: { huggingFace: "attn.c_attn", gguf: "attn_qkv" },
  outputProjection: { huggingFace: "attn.c_proj", gguf: "attn_output" },
  mlpNorm: { huggingFace: "ln_2", gguf: "ffn_norm" },
  hiddenProjection: { huggingFace: "mlp.c_fc", gguf: "ffn_up" },
  mlpProjection: { huggingFace: "mlp.c_proj", gguf: "ffn_down" },
  finalNorm: { huggingFace: "transformer.ln_f", gguf: "output_norm" },
  vocabularyProjection: { huggingFace: "lm_head.weight", gguf: "output.weight" },
};

/** The name of a weight in a checkpoint that transformers saved from `GPT2LMHeadModel`. */
export function huggingFaceName(spec: ParameterPath): string {
  return path(spec, "transformer.h", NAMES[spec.part].huggingFace);
}

/** The name of a weight in a GGUF file. */
export function ggufName(spec: ParameterPath): string {
  return path(spec, "blk", NAMES[spec.part].gguf);
}

function path({ layer, field }: ParameterPath, blocks: string, name: string): string {
  const block = layer === undefined ? [] : [blocks, layer];
  return [...block, name, ...(field === undefined ? [] : [field])].join(".");
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
  return spec.shape.length === 2 && spec.layer !== undefined;
}

/** Rows that are read side by side: together they fill a cache line of the result. */
const BAND = 16;

/**
 * Fills `target` with rows of the transpose of `matrix`.
 *
 * @param matrix (rows columns)
 * @param columns of `matrix`
 * @param firstColumn of `matrix`, the first row of the result
 * @param target takes as many whole rows, each with as many elements as `matrix` has rows, as fit into it
 */
export function transposeRows<T extends Uint16Array | Uint32Array>(
  matrix: T,
  columns: number,
  firstColumn: number,
  target: T,
): void {
  const rows = matrix.length / columns;
  const numColumns = target.length / rows;
  for (let row = 0; row < rows; row += BAND) {
    const bandRows = Math.min(BAND, rows - row);
    for (let column = 0; column < numColumns; column++) {
      let from = row * columns + firstColumn + column;
      const start = column * rows + row;
      for (let to = start; to < start + bandRows; to++) {
        target[to] = matrix[from];
        from += columns;
      }
    }
  }
}
