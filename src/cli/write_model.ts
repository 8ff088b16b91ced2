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
}

/**
 * Writes a checkpoint into a GGUF file; how far that is goes to stderr, the path of the file to stdout, or with `json` an
 * object with all there is to know.
 *
 * @throws {UsageError} if the file is there and may not be replaced
 */
export async function writeModel(
  sourcePath: string,
  targetPath: string,
  { type, overwrite, json }: WriteModelOptions,
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
  const bar = new ByteProgressBar(stderr, `Writing ${type}`);
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
        bar.show(writtenBytes, totalBytes);
      },
    });
  } finally {
    await bar.clear();
    for (const text of notices) await showNotice(stderr, { text });
  }
  const elapsedMs = performance.now() - start;
  await stderr.write(
    `Wrote ${bytesText(numBytes)} as ${type} in ${(elapsedMs / 1000).toFixed(1)} s.\n`,
  );
  const result = { path: targetPath, type, numBytes, elapsedMs };
  await stdout.write(json ? jsonText(result) + "\n" : `${targetPath}\n`);
}
