/**
 * Saves models as folders that Hugging Face transformers loads.
 *
 * @module
 */
import { writeFileAtomically, type WriteOptions } from "../../base/atomic_file.ts";
import { removeIfAny } from "../../base/remove.ts";
import { SAFETENSORS_FILE_NAME } from "../../formats/safetensors_index.ts";
import { writeSafetensors } from "../../formats/safetensors_writer.ts";
import type { Model } from "../../model/model.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { convertedSlabs, readConverted } from "../row_converter.ts";
import { CreatedFolder } from "../../base/created_folder.ts";
import { removeFormerFiles } from "./former_files.ts";
import { settingsTexts } from "./settings_texts.ts";
import { descriptionOf, ModelWeights } from "../model_weights.ts";
import { huggingFaceName, isTransposedInHuggingFace, transposeRows } from "../weight_layout.ts";
import type { Settings } from "../settings.ts";
import { byteLengthOf, rowsOf, type StoredWeight, type WeightSource } from "../weight_source.ts";

const CONFIG = "config.json";

/**
 * Writes a folder with `model.safetensors` in F32, `config.json` and, where there is a tokenizer, its files.
 *
 * If there is a model in the folder, it is there until the new weights are on the disk. From then on, for as long as a few
 * small files take, the folder has no `config.json`, without which nobody loads it: files of two models are never taken for
 * one. What the former model had beside, and the new one has not, is removed.
 *
 * @throws {StorageError} if the folder cannot be written
 */
export async function saveSafetensors(
  model: Model,
  tokenizer: Tokenizer | undefined,
  folder: string,
  options: WriteOptions = {},
): Promise<void> {
  using weights = new ModelWeights(model);
  const { settings } = descriptionOf(model);
  await writeSafetensorsFolder(weights, { tokenizer, settings }, folder, options);
}

/**
 * Does the same with weights from anywhere.
 *
 * @param model what else is known of the model
 * @throws {StorageError} if the folder cannot be written
 */
export async function writeSafetensorsFolder(
  weights: WeightSource,
  { tokenizer, settings }: {
    readonly tokenizer: Tokenizer | undefined;
    readonly settings: Settings;
  },
  folder: string,
  options: WriteOptions = {},
): Promise<void> {
  using created = await CreatedFolder.at(folder);
  const tensors = [...weights.weights.values()].map((weight) => ({
    name: huggingFaceName(weight.spec),
    dtype: "F32" as const,
    shape: isTransposedInHuggingFace(weight.spec)
      ? weight.spec.shape.toReversed()
      : weight.spec.shape,
    produce: () => readForHuggingFace(weights, weight, options.signal),
  }));
  const texts = new Map(settingsTexts(weights, tokenizer, settings));
  const metadata = new Map([["format", "pt"]]);
  await writeSafetensors(`${folder}/${SAFETENSORS_FILE_NAME}`, tensors, metadata, {
    ...options,
    beforeRename: () => removeIfAny(`${folder}/${CONFIG}`),
  });
  // Whoever asks to stop now would be left with half a model.
  for (const [name, text] of texts) {
    if (name === CONFIG) await removeFormerFiles(folder, texts.keys());
    const bytes = new TextEncoder().encode(text);
    await writeFileAtomically(`${folder}/${name}`, bytes.length, [bytes]);
  }
  created.keep();
}

/** What is transposed in one step: some milliseconds' work. */
const STEP_ELEMENTS = 2 ** 18;

/** The bytes of a weight in F32, in the layout that Hugging Face has for it. A piece is overwritten by the next one. */
async function* readForHuggingFace(
  weights: WeightSource,
  { spec }: StoredWeight,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (!isTransposedInHuggingFace(spec)) {
    yield* convertedSlabs(weights, spec.name, "f32", signal);
    return;
  }
  const bytes = new Uint8Array(byteLengthOf(spec, "f32"));
  await readConverted(weights, spec.name, "f32", bytes, signal);
  const matrix = new Uint32Array(bytes.buffer);
  const { numRows, width } = rowsOf(spec);
  const step = Math.max(1, Math.floor(STEP_ELEMENTS / numRows));
  const piece = new Uint32Array(step * numRows);
  for (let column = 0; column < width; column += step) {
    const columns = piece.subarray(0, Math.min(step, width - column) * numRows);
    transposeRows(matrix, width, column, columns);
    yield new Uint8Array(columns.buffer, 0, columns.byteLength);
  }
}
