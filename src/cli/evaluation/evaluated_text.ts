/**
 * The text that models are measured on, and how it is read: what several commands have in common.
 *
 * @module
 */
import { FileFormatError } from "../../base/errors.ts";
import { ShortTextError, type WindowDefinition } from "../../evaluation/window_options.ts";
import type { Flags } from "../arguments/flags.ts";
import { emptyTextError, readFileOrStdin } from "../read_text.ts";
import type { Io } from "../terminal/io.ts";
import { countText, numberText } from "../terminal/units.ts";

/** JavaScript's longest text is twice as long. The tokens take as much memory again. */
const MAX_TEXT_BYTES = 2 ** 28;

/** How a text is read. */
export const windowFlags = {
  stride: {
    kind: "integer",
    valueName: "tokens",
    min: 1,
    help:
      "Hugging Face's definition: windows that begin so many tokens after one another, each token scored once.",
  },
  maxLength: {
    kind: "integer",
    valueName: "tokens",
    min: 2,
    help: "How many tokens these windows have. Default: the context length.",
  },
  chunk: {
    kind: "integer",
    valueName: "tokens",
    min: 3,
    help:
      "llama.cpp's definition: chunks of so many tokens (512 there), of each of which the second half is scored.",
  },
} as const satisfies Flags;

/**
 * The text of a file, or for `-` that of stdin.
 *
 * @param flag what names the file
 * @throws {FileFormatError} if it is empty, or not UTF-8
 */
export async function readEvaluatedText(path: string, flag: string, io: Io): Promise<string> {
  const text = await readFileOrStdin(path, io, { maxBytes: MAX_TEXT_BYTES, flag });
  if (text !== "") return text;
  throw emptyTextError("measure on", path);
}

/**
 * What a measurement was refused for, as whoever gave the file sees it.
 *
 * @returns a `FileFormatError` if the text is too short; the error itself if it is anything else
 */
export function orShortFile(error: unknown, path: string): unknown {
  return error instanceof ShortTextError
    ? new FileFormatError(error.message, { path, cause: error })
    : error;
}

/** How a text was read, in words. */
export function windowsText(windows: WindowDefinition): string {
  if (windows.definition === "llama.cpp") {
    return `llama.cpp's definition: the second half of chunks of ${
      countText(windows.chunk, "token")
    }`;
  }
  return `Hugging Face's definition: windows of ${
    countText(windows.maxLength, "token")
  }, a stride of ${numberText(windows.stride)}`;
}
