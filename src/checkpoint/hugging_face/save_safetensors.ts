/**
 * Saves models as folders that Hugging Face transformers loads.
 *
 * @module
 */
import { StorageError } from "../../base/errors.ts";
import { writeFileAtomically, type WriteOptions } from "../../base/atomic_file.ts";
import { quotePath } from "../../base/describe.ts";
import { SAFETENSORS_FILE_NAME } from "../../formats/safetensors_index.ts";
import { writeSafetensors } from "../../formats/safetensors_writer.ts";
import type { Model } from "../../model/model.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { readConverted } from "../row_converter.ts";
import { settingsTexts } from "./settings_texts.ts";
import { ModelWeights } from "../model_weights.ts";
import { descriptionOf } from "../origin.ts";
import { huggingFaceName, isTransposedInHuggingFace } from "../weight_names.ts";
import { transposeRows } from "../transpose.ts";
import { byteLengthOf, rowsOf, type StoredWeight } from "../weight_source.ts";

/**
 * Writes a folder with `model.safetensors` in F32, `config.json` and, where there is a tokenizer, its files. Files that are
 * there are replaced, each of them at once; `config.json` comes last.
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
  await createFolder(folder);
  const tensors = [...weights.weights.values()].map((weight) => ({
    name: huggingFaceName(weight.spec),
    dtype: "F32" as const,
    shape: isTransposedInHuggingFace(weight.spec)
      ? weight.spec.shape.toReversed()
      : weight.spec.shape,
    produce: () => readForHuggingFace(weights, weight, options.signal),
  }));
  const metadata = new Map([["format", "pt"]]);
  await writeSafetensors(`${folder}/${SAFETENSORS_FILE_NAME}`, tensors, metadata, options);
  for (const [name, text] of settingsTexts(weights, tokenizer, descriptionOf(model).settings)) {
    const bytes = new TextEncoder().encode(text);
    await writeFileAtomically(`${folder}/${name}`, bytes.length, [bytes], {
      signal: options.signal,
    });
  }
}

/** The bytes of a weight in F32, in the layout that Hugging Face has for it. */
async function readForHuggingFace(
  weights: ModelWeights,
  { spec }: StoredWeight,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLengthOf(spec, "f32"));
  await readConverted(weights, spec.name, "f32", bytes, signal);
  if (!isTransposedInHuggingFace(spec)) return bytes;
  const transposed = new Uint32Array(bytes.length / 4);
  transposeRows(new Uint32Array(bytes.buffer), rowsOf(spec).width, 0, transposed);
  return new Uint8Array(transposed.buffer);
}

async function createFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
    throw new StorageError(
      `Cannot create the folder ${quotePath(folder)}: the system refused: received ` +
        `${error.message}. Choose another place.`,
      { cause: error },
    );
  }
}
