/**
 * The types that a whole file can have, and the type that each weight gets in such a file.
 *
 * @module
 */
import type { GPT2Config } from "../model/config.ts";
import type { ParameterOptions, ParameterSpec } from "../model/parameters.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import type { WeightType } from "./quantize.ts";

/** The type of a whole file, as a user names it. */
export type FileType =
  | "f32"
  | "f16"
  | "bf16"
  | "q8_0"
  | "q6_k"
  | "q5_k_m"
  | "q5_1"
  | "q5_0"
  | "q4_k_m"
  | "q4_1"
  | "q4_0";

const FILE_TYPES: Readonly<Record<FileType, { id: number; matrices: WeightType }>> = {
  f32: { id: 0, matrices: "f32" },
  f16: { id: 1, matrices: "f16" },
  bf16: { id: 32, matrices: "bf16" },
  q8_0: { id: 7, matrices: "q8_0" },
  q6_k: { id: 18, matrices: "q6_k" },
  q5_k_m: { id: 17, matrices: "q5_k" },
  q5_1: { id: 9, matrices: "q5_1" },
  q5_0: { id: 8, matrices: "q5_0" },
  q4_k_m: { id: 15, matrices: "q4_k" },
  q4_1: { id: 3, matrices: "q4_1" },
  q4_0: { id: 2, matrices: "q4_0" },
};

/** All types, from the most precise to the smallest. */
export const fileTypes: readonly FileType[] = Object.keys(FILE_TYPES) as FileType[];

/** Whether there is a type of this name. */
export function isFileType(name: string): name is FileType {
  return Object.hasOwn(FILE_TYPES, name);
}

/** The number that stands for a type in a GGUF file, under `general.file_type`. */
export function fileTypeId(type: FileType): number {
  return FILE_TYPES[type].id;
}

/** Instead of the types with blocks of 256, in rows that are not made of such blocks. */
const SMALL_BLOCK_TYPES: { [type in WeightType]?: WeightType } = {
  q4_k: "q5_0",
  q5_k: "q5_1",
  q6_k: "q8_0",
};

/**
 * The type of one weight in a file of type `fileType`: what llama.cpp's `llama-quantize` gives it.
 *
 * Vectors and the position embedding are small and stay F32. What multiplies into the logits is stored more precisely than
 * the rest, and so are, in the mixed types (`_m`), some layers' value and MLP projections, for which it matters most.
 */
export function storedType(
  fileType: FileType,
  spec: ParameterSpec,
  config: GPT2Config,
  { tied = true }: ParameterOptions = {},
): WeightType {
  const { matrices } = FILE_TYPES[fileType];
  if (spec.shape.length === 1 || spec.part === "positionEmbedding") return "f32";
  if (tensorTypeInfo(matrices).blockSize === 1) return matrices;
  const width = spec.shape[1];
  return typeForWidth(preferredType(fileType, matrices, spec, config, tied), width);
}

function preferredType(
  fileType: FileType,
  matrices: WeightType,
  { layer, part, shape }: ParameterSpec,
  { numLayers }: GPT2Config,
  tied: boolean,
): WeightType {
  if (part === (tied ? "tokenEmbedding" : "vocabularyProjection")) {
    const fits = shape[1] % tensorTypeInfo(matrices).blockSize === 0;
    return fits && matrices !== "q8_0" ? "q6_k" : "q8_0";
  }
  const isSensitive = part === "qkvProjection" || part === "mlpProjection";
  const getsMore = isSensitive && layer !== undefined && getsMoreBits(layer, numLayers);
  return getsMore && fileType.endsWith("_m") ? "q6_k" : matrices;
}

/** The first and the last eighth of the layers, and every third between them. */
function getsMoreBits(layer: number, numLayers: number): boolean {
  const first = Math.floor(numLayers / 8);
  const last = Math.floor(7 * numLayers / 8);
  return layer < first || layer >= last || (layer - first) % 3 === 2;
}

/** `type`, or the next one that rows of this width can be stored in. */
function typeForWidth(type: WeightType, width: number): WeightType {
  const fits = (candidate: WeightType) => width % tensorTypeInfo(candidate).blockSize === 0;
  if (fits(type)) return type;
  const smaller = SMALL_BLOCK_TYPES[type] ?? type;
  return fits(smaller) ? smaller : "f16";
}
