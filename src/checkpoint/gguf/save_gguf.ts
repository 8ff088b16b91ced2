/**
 * Writes models into GGUF files: those in memory, and checkpoints that are converted.
 *
 * @module
 */
import type { WriteOptions } from "../../base/atomic_file.ts";
import { throughLinks } from "../../base/files.ts";
import type { Model } from "../../model/model.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { ggufMetadata, TOKENIZER_KEY, withFileType } from "./metadata.ts";
import { descriptionOf, ModelWeights } from "../model_weights.ts";
import type { GgufValue } from "../../formats/gguf_value.ts";
import { writeGguf } from "../../formats/gguf_writer.ts";
import { convertedSlabs } from "../row_converter.ts";
import { type FileType, fileTypes, storedType } from "../file_types.ts";
import { ggufName } from "../weight_layout.ts";
import type { WeightType } from "../quantize.ts";
import type { StoredWeight, WeightSource } from "../weight_source.ts";

/** Options of {@linkcode saveGguf}. */
export interface SaveGgufOptions extends WriteOptions {
  /** The type of the file. Default: each weight as it is in memory. */
  type?: FileType;
}

/**
 * Writes a model into a GGUF file, which llama.cpp loads too if there is a tokenizer. A file that is there is replaced. A
 * model from a GGUF file keeps all that its metadata says, as when the file is converted.
 *
 * @throws {RangeError} if a value is too large for the type
 * @throws {StorageError} if the file cannot be written; what was there before is as it was
 */
export async function saveGguf(
  model: Model,
  tokenizer: Tokenizer | undefined,
  path: string,
  options: SaveGgufOptions = {},
): Promise<void> {
  using weights = new ModelWeights(model);
  const { config, tied } = weights;
  const { name, settings, gguf = new Map() } = descriptionOf(model);
  // What is known is the same in both, or a default that the file leaves out.
  const metadata = new Map([
    ...ggufMetadata({ name, config, tokenizer, tied, settings }),
    ...gguf.entries().filter(([key]) => tokenizer !== undefined || key !== TOKENIZER_KEY),
  ]);
  await writeGgufModel(throughLinks(path), weights, metadata, options.type, options);
}

/**
 * Writes the weights of `source` with `metadata`, complete or not at all.
 *
 * @param type the type of the file; nothing to keep the type of each weight
 * @throws {FileFormatError} if a weight holds an infinity or NaN
 * @throws {RangeError} if a value is too large for the type
 * @throws {StorageError} if the file cannot be written
 */
export async function writeGgufModel(
  path: string,
  source: WeightSource,
  metadata: ReadonlyMap<string, GgufValue>,
  type: FileType | undefined,
  options: WriteOptions = {},
): Promise<void> {
  const typeOf = ({ spec, dtype }: StoredWeight): WeightType =>
    type === undefined ? dtype : storedType(type, spec, source.config, source);
  const tensors = [...source.weights.values()].map((weight) => ({
    name: ggufName(weight.spec),
    shape: weight.spec.shape,
    type: typeOf(weight),
    produce: () => convertedSlabs(source, weight.spec.name, typeOf(weight), options.signal),
  }));
  const content = { metadata: withFileType(metadata, type ?? fileTypeOf(source)), tensors };
  await writeGguf(path, content, options);
}

/** The type of a file that would hold every weight as `source` does, if there is one. */
export function fileTypeOf(source: WeightSource): FileType | undefined {
  return fileTypes.find((type) =>
    source.weights.values().every(({ spec, dtype }) =>
      dtype === storedType(type, spec, source.config, source)
    )
  );
}
