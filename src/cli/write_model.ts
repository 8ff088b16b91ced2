/**
 * What `convert` and `quantize` have in common.
 *
 * @module
 */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { convertOpenCheckpoint, type ConvertOptions } from "../checkpoint/convert.ts";
import { llamaCppNotices } from "../checkpoint/gguf/llama_cpp_notices.ts";
import { sizeLabel } from "../checkpoint/gguf/metadata.ts";
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import type { FileType } from "../checkpoint/file_types.ts";
import type { GgufValue } from "../formats/gguf_value.ts";
import type { Io } from "./terminal/io.ts";
import { openLibraryShowing, showNotice } from "./native_library.ts";
import { ByteProgressBar } from "./terminal/byte_progress_bar.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { bytesText } from "./terminal/units.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** How to write a model. */
export interface WriteModelOptions {
  /** The type of the file. */
  readonly type: FileType;
  /** Whether a file that is there may be replaced. */
  readonly overwrite: boolean;
  /** Whether another program reads the result. */
  readonly json: boolean;
  /** Whether to say of weights which are quantized already that their errors stay. Default: yes. */
  readonly noticesStored?: boolean;
}

/** Writes an open checkpoint; the library is open too. Gives the metadata of what is a GGUF file. */
export type WriteCheckpoint = (
  checkpoint: Checkpoint,
  targetPath: string,
  options: ConvertOptions,
) => Promise<ReadonlyMap<string, GgufValue> | undefined>;

/**
 * Writes a checkpoint into a GGUF file; how far that is goes to stderr, the path of the file to stdout, or with `json` an
 * object with all there is to know.
 *
 * @param targetPath the file to write; by default one with the usual name, in the current folder
 * @param write writes it. Default: as it is, but for its type
 * @throws {UsageError} if the file is there and may not be replaced
 */
export async function writeModel(
  sourcePath: string,
  targetPath: string | undefined,
  { type, overwrite, json, noticesStored = true }: WriteModelOptions,
  { stdout, stderr, signal }: Io,
  write: WriteCheckpoint = convertOpenCheckpoint,
): Promise<void> {
  using checkpoint = await openCheckpoint(sourcePath);
  const path = targetPath ?? usualName(checkpoint, type);
  await openLibraryShowing({ stderr, signal });
  const start = performance.now();
  const bar = new ByteProgressBar(stderr, `Writing ${type}`);
  const notices: string[] = noticesStored ? storedNotices(checkpoint, type) : [];
  let numBytes = 0;
  try {
    const metadata = await write(checkpoint, path, {
      type,
      overwrite,
      signal,
      onNotice: (text) => notices.push(text),
      onProgress: ({ writtenBytes, totalBytes }) => {
        numBytes = totalBytes;
        bar.show(writtenBytes, totalBytes);
      },
    });
    if (metadata !== undefined) notices.push(...llamaCppNotices(metadata));
  } catch (error) {
    throw error instanceof Deno.errors.AlreadyExists ? asUsageError(error) : error;
  } finally {
    await bar.clear();
    for (const text of notices) await showNotice(stderr, { text });
  }
  const elapsedMs = performance.now() - start;
  await stderr.write(
    `Wrote ${bytesText(numBytes)} as ${type} in ${(elapsedMs / 1000).toFixed(1)} s.\n`,
  );
  const result = { path, type, numBytes, elapsedMs };
  await stdout.write(json ? jsonText(result) + "\n" : `${path}\n`);
}

/** Says of weights that are quantized already what another type makes of that: their errors stay. */
function storedNotices({ weights }: Checkpoint, type: FileType): string[] {
  const isExact = (name: string) => ["f32", "f16", "bf16"].includes(name);
  const before = weights.values().map(({ dtype }) => dtype).find((dtype) => !isExact(dtype));
  if (before === undefined || before === type) return [];
  const effect = isExact(type)
    ? `as ${type} they take more room, and are no more exact`
    : "and the errors of both types add up";
  return [
    `The weights are ${before} already${isExact(type) ? ":" : ","} ${effect}: ` +
    "take the model in f32 or f16 if you have it (docs/quantization.md).",
  ];
}

/** The name of a GGUF file by its usual pattern: `gpt2-124M-v1.0-Q8_0.gguf`. */
function usualName({ name, config, tied }: Checkpoint, type: FileType): string {
  const size = sizeLabel(config, tied);
  return `${name.replace(/[^\w.-]+/g, "-")}-${size}-v1.0-${type.toUpperCase()}.gguf`;
}

function asUsageError(error: Error): UsageError {
  return new UsageError(error.message.replace("Set overwrite", "Add --overwrite"), {
    cause: error,
  });
}
