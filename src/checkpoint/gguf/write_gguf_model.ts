/**
 * Writes a model into a GGUF file.
 *
 * @module
 */
import type { WriteOptions } from "../../base/atomic_file.ts";
import type { GgufValue } from "../../formats/gguf_value.ts";
import { writeGguf } from "../../formats/gguf_writer.ts";
import { convertedSlabs } from "../row_converter.ts";
import { type FileType, fileTypes, storedType } from "../file_types.ts";
import { withFileType } from "./metadata.ts";
import { ggufName } from "../weight_names.ts";
import type { WeightType } from "../quantize.ts";
import type { StoredWeight, WeightSource } from "../weight_source.ts";

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
function fileTypeOf(source: WeightSource): FileType | undefined {
  return fileTypes.find((type) =>
    source.weights.values().every(({ spec, dtype }) =>
      dtype === storedType(type, spec, source.config, source)
    )
  );
}
