/**
 * Converts checkpoints to GGUF files.
 *
 * @module
 */
import { requireReplaceable, type WriteProgress } from "../base/atomic_file.ts";
import { quotePath } from "../base/describe.ts";
import { exists, isTaken } from "../base/files.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { GgufValue } from "../formats/gguf_value.ts";
import type { FileType } from "./file_types.ts";
import { ggufMetadata } from "./gguf/metadata.ts";
import { openCheckpoint } from "./open_checkpoint.ts";
import { writeGgufModel } from "./gguf/save_gguf.ts";
import type { WeightSource } from "./weight_source.ts";

/** Options of {@linkcode convertCheckpoint}. */
export interface ConvertOptions {
  /** The type of the file. Default: `"q8_0"`. */
  type?: FileType;
  /** What to call the model, for people. Default: as the GGUF file does, or as the folder is called. */
  name?: string;
  /** Whether a file that is there already may be replaced. Default: false. */
  overwrite?: boolean;
  /** Called as the file grows. */
  onProgress?: (progress: WriteProgress) => void;
  /** Called with what the user should know about the source, a sentence each time. */
  onNotice?: (text: string) => void;
  /** Stops the conversion with an `AbortError`; nothing is left behind. */
  signal?: AbortSignal;
}

/**
 * Converts a Hugging Face folder or a GGUF file to a GGUF file, which llama.cpp loads too. Weights are read, converted on
 * all processors, and written a few rows at a time. A GGUF file keeps its metadata. Converting a file that is quantized
 * already is possible, and adds the error of the new type to that of the old. A model without GPT-2's tokenizer becomes a
 * file without one, as with `saveGguf()`: llama.cpp refuses that. Whoever calls this has opened the native
 * library, and told its user what that took.
 *
 * @param sourcePath the folder or file to read
 * @param targetPath the file to write: complete, or not at all
 * @param options see {@linkcode ConvertOptions}
 * @throws {FileFormatError} if the source is damaged, or holds an infinity or NaN
 * @throws {Deno.errors.NotFound} if the source is missing
 * @throws {Deno.errors.AlreadyExists} if the target is there already, and may not be replaced or is the source itself
 * @throws {RangeError} if a value is too large for the type
 * @throws {StorageError} if the target cannot be written, such as a folder
 * @throws {NativeLibraryError} if the native library is not open
 */
export async function convertCheckpoint(
  sourcePath: string,
  targetPath: string,
  options: ConvertOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  using checkpoint = await openCheckpoint(sourcePath);
  await convertOpenCheckpoint(checkpoint, targetPath, options);
}

/**
 * Does what {@linkcode convertCheckpoint} does, from a checkpoint that is open already.
 *
 * @param weights those to be written, if they are not the checkpoint's own
 * @returns the metadata that the file has, but for its type
 */
export async function convertOpenCheckpoint(
  checkpoint: Checkpoint,
  targetPath: string,
  options: ConvertOptions = {},
  weights: WeightSource = checkpoint,
): Promise<ReadonlyMap<string, GgufValue>> {
  const { type = "q8_0", name, overwrite = false, onProgress, onNotice, signal } = options;
  requireTarget(checkpoint.path, targetPath, overwrite);
  for (const text of checkpoint.notices) onNotice?.(text);
  const metadata = new Map(checkpoint.gguf?.metadata ?? await metadataOf(checkpoint));
  if (name !== undefined) metadata.set("general.name", { type: "string", value: name });
  await writeGgufModel(targetPath, weights, metadata, type, { onProgress, signal });
  return metadata;
}

async function metadataOf(checkpoint: Checkpoint): Promise<ReturnType<typeof ggufMetadata>> {
  const { name, config, tied, settings } = checkpoint;
  const tokenizer = await checkpoint.readTokenizer();
  return ggufMetadata({ name, config, tokenizer, tied, settings });
}

/**
 * Requires that a file may be written.
 *
 * @throws {Deno.errors.AlreadyExists} if it is there already, and may not be replaced or is the source itself
 * @throws {StorageError} if it is something that cannot be replaced
 */
function requireTarget(sourcePath: string, targetPath: string, overwrite: boolean): void {
  if (!isTaken(targetPath)) return;
  if (exists(targetPath) && Deno.realPathSync(targetPath) === Deno.realPathSync(sourcePath)) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write ${quotePath(targetPath)}: it is the file to convert: received ` +
        `${quotePath(sourcePath)}. Choose another name.`,
    );
  }
  // Before overwriting is advised, which could not replace these.
  requireReplaceable(targetPath);
  if (!overwrite) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write ${quotePath(targetPath)}: it exists already: received a file of ` +
        `${
          Deno.lstatSync(targetPath).size
        } bytes. Set overwrite to replace it, or choose another name.`,
    );
  }
}
