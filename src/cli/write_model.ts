/**
 * What `convert` and `quantize` have in common.
 *
 * @module
 */
import { convertCheckpoint } from "../checkpoint/convert.ts";
import type { FileType } from "../checkpoint/file_types.ts";
import { isTaken } from "../base/files.ts";
import { quotePath } from "../base/describe.ts";
import type { Io } from "./terminal/io.ts";
import { openLibraryShowing, showNotice } from "./native_library.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { bytesText } from "./terminal/units.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** How to write a model. */
export interface WriteModelOptions {
  /** The type of the file. */
  readonly type: FileType;
  /** Whether a file that is there may be replaced. */
  readonly overwrite: boolean;
}

/**
 * Writes a checkpoint into a GGUF file; how far that is goes to stderr, the path of the file to stdout.
 *
 * @throws {UsageError} if the file is there and may not be replaced
 */
export async function writeModel(
  sourcePath: string,
  targetPath: string,
  { type, overwrite }: WriteModelOptions,
  { stdout, stderr, signal }: Io,
): Promise<void> {
  if (!overwrite && isTaken(targetPath)) {
    throw new UsageError(
      `Cannot write the model: there is a file of that name: received ${quotePath(targetPath)}. ` +
        "Add --overwrite to replace it, or choose another name.",
    );
  }
  await openLibraryShowing({ stderr, signal });
  const start = performance.now();
  const bar = new ProgressBar(stderr, `Writing ${type}`);
  const notices: string[] = [];
  let numBytes = 0;
  try {
    await convertCheckpoint(sourcePath, targetPath, {
      type,
      overwrite,
      signal,
      onNotice: (text) => notices.push(text),
      onProgress: ({ writtenBytes, totalBytes }) => {
        numBytes = totalBytes;
        bar.show(writtenBytes / totalBytes);
      },
    });
  } finally {
    await bar.clear();
    for (const text of notices) await showNotice(stderr, { text });
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  await stderr.write(`Wrote ${bytesText(numBytes)} as ${type} in ${seconds} s.\n`);
  await stdout.write(`${targetPath}\n`);
}
