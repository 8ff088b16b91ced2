/**
 * `data.json`: what a folder of prepared data says about itself.
 *
 * @module
 */
import { formatError } from "../../base/describe.ts";
import { adviceForRun } from "../../base/run_advice.ts";
import { isFile, readTextIfAny } from "../../base/files.ts";
import type { TokenType } from "./token_file.ts";

/** What is known of one of the two splits. */
export interface SplitDescription {
  /** How many tokens, those between texts included. */
  readonly numTokens: number;
  /** How many texts, of which the first may be the end of one. Not known of nanoGPT's files. */
  readonly numTexts?: number;
  /** How many characters (code points). Not known of nanoGPT's files. */
  readonly numCharacters?: number;
  /** How many UTF-8 bytes these are: bits per byte are nats per token / ln 2 x tokens / bytes. Not known of nanoGPT's files. */
  readonly numBytes?: number;
}

/** What is known of prepared data. */
export interface DataDescription {
  /** How tokens are stored: little-endian. */
  readonly dtype: TokenType;
  /** How many tokens the vocabulary has. Not known of nanoGPT's files. */
  readonly vocabSize?: number;
  /** What was prepared, and how: the same again need not be done. */
  readonly digest?: string;
  /** What the model learns from: `train.bin`. */
  readonly train: SplitDescription;
  /** What it is tried on: `val.bin`. */
  readonly validation: SplitDescription;
}

/** The names of the files in a folder: nanoGPT's, and ours. */
export const DATA_FILES = { train: "train.bin", validation: "val.bin", description: "data.json" };

const VERSION = 1;

/** The text of `data.json` while the files beside it are replaced. */
export const INCOMPLETE = JSON.stringify({ version: VERSION, isIncomplete: true }) + "\n";

/** The text of `data.json`. */
export function writeDescription(description: DataDescription): string {
  return JSON.stringify({ version: VERSION, ...description }, null, 2) + "\n";
}

/**
 * Reads `data.json` of a folder that this package has prepared: without it nothing tells whether the files beside it are whole.
 *
 * @throws {FileFormatError} as {@linkcode readDescription}, and if there is none
 */
export function requireDescription(folder: string): DataDescription {
  const description = readDescription(folder);
  if (description !== undefined) return description;
  throw damaged(folder, `there is no ${DATA_FILES.description} in it`, undefined);
}

/**
 * Reads `data.json` of a folder.
 *
 * @returns nothing if there is none
 * @throws {FileFormatError} if it is damaged or of another version, or one of the files does not have as many tokens as it says
 */
export function readDescription(folder: string): DataDescription | undefined {
  const path = `${folder}/${DATA_FILES.description}`;
  const text = readTextIfAny(path);
  if (text === undefined) return undefined;
  let value: DataDescription & { version: unknown; isIncomplete?: boolean } | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, "it is not JSON", text);
  }
  if (typeof value !== "object" || value === null) throw damaged(path, "it is no object", text);
  if (value.version !== VERSION) throw damaged(path, `it is not version ${VERSION}`, value.version);
  if (value.isIncomplete === true) throw damaged(path, "its preparation did not end", text);
  if (value.dtype !== "uint16" && value.dtype !== "uint32") {
    throw damaged(path, "dtype is neither uint16 nor uint32", value.dtype);
  }
  for (const split of ["train", "validation"] as const) {
    const file = `${folder}/${DATA_FILES[split]}`;
    const numTokens = value[split]?.numTokens;
    if (!Number.isSafeInteger(numTokens)) {
      throw damaged(path, `${split}.numTokens is no whole number`, numTokens);
    }
    const numBytes = isFile(file) ? Deno.statSync(file).size : undefined;
    if (numBytes === numTokens * bytesPerToken(value.dtype)) continue;
    const what = `it does not have the ${numTokens} tokens of ${DATA_FILES.description}`;
    throw damaged(file, what, numBytes === undefined ? undefined : `${numBytes} bytes`);
  }
  const { version: _version, ...description } = value;
  return description;
}

/** How many bytes a token takes. */
export function bytesPerToken(dtype: TokenType): number {
  return dtype === "uint16" ? 2 : 4;
}

function damaged(path: string, what: string, received: unknown) {
  return formatError(
    "prepared data",
    path,
    what,
    received,
    adviceForRun(path) ?? "Prepare the texts again, in a new folder: give them as --data.",
  );
}
