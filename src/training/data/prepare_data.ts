/**
 * Texts to files of tokens, from which a model is trained.
 *
 * @module
 */
import {
  abortSignal,
  callback,
  checkOptions,
  type OptionRules,
  text,
} from "../../base/check_options.ts";
import { CreatedFolder } from "../../base/created_folder.ts";
import { formatError } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { takeFileLock } from "../../base/file_lock.ts";
import { isFile, isFolder } from "../../base/files.ts";
import { removeIfAny } from "../../base/remove.ts";
import { sha256 } from "../../base/sha256.ts";
import { Tokenizer } from "../../tokenizer/tokenizer.ts";
import {
  bytesPerToken,
  DATA_FILES,
  type DataDescription,
  readDescription,
  type SplitDescription,
} from "./data_description.ts";
import { encodeTexts } from "./encode_texts.ts";
import { countTexts, splitTexts } from "./split_texts.ts";
import type { ReadingOptions } from "./read_utf8.ts";
import { TextSource } from "./text_source.ts";
import { writeSplits } from "./write_splits.ts";
import type { TokenType } from "./token_file.ts";

/** How far texts have been prepared. */
export interface PreparationProgress {
  /** Texts are read twice: to count their characters, which tells where to divide them, and to encode them. */
  readonly stage: "counting" | "encoding";
  /** Bytes read in this stage. */
  readonly readBytes: number;
  /** Bytes that there are. */
  readonly totalBytes: number;
}

/** How to prepare data. */
export interface PrepareDataOptions {
  /** What makes tokens of the texts: the tokenizer that the model will have. Of files with tokens it is the vocabulary. */
  tokenizer: Tokenizer;
  /** The folder to write into, which is made if there is none. */
  out: string;
  /** Which share of the characters, at the end, is for validation. Default: 0.1. */
  validationShare?: number;
  /** Stops the work. What was prepared before is as it was. */
  signal?: AbortSignal;
  /** Called while the texts are read. */
  onProgress?: (progress: PreparationProgress) => void;
}

/** Prepared data. */
export interface PreparedData extends DataDescription {
  /** The folder with the files. */
  readonly folder: string;
  /** The file that the model learns from. */
  readonly trainPath: string;
  /** The file that it is tried on. Without validation it is empty. */
  readonly validationPath: string;
  /** Whether it was there already. */
  readonly isReused: boolean;
}

const rules: OptionRules<PrepareDataOptions> = {
  tokenizer: { meaning: "a Tokenizer", isType: (value) => value instanceof Tokenizer },
  out: text,
  validationShare: {
    meaning: "a number from 0 to less than 1",
    isType: (value) => typeof value === "number",
    isInRange: (value) => (value as number) >= 0 && (value as number) < 1,
  },
  signal: abortSignal,
  onProgress: callback,
};

const VALIDATION_SHARE = 0.1;

/**
 * Writes the tokens of texts to `train.bin` and `val.bin` in `out`, and what there is to know of them to `data.json`. The same texts
 * with the same tokenizer are prepared once.
 *
 * @param source a text file, a folder of `.txt` and `.md` files, a `.jsonl` file with a `text` in each line, or a folder with
 * `train.bin` and `val.bin`, prepared before or by nanoGPT, which are used where they are
 * @throws {FileFormatError} if it has no texts, they are not UTF-8, or the tokenizer cannot express them
 * @throws {Deno.errors.NotFound} if there is nothing at `source`
 * @throws {StorageError} if `out` cannot be written
 * @throws {TypeError} if an option is missing, or has the wrong type
 * @throws {RangeError} if one is out of range
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function prepareData(
  source: string,
  options: PrepareDataOptions,
): Promise<PreparedData> {
  const checked = checkOptions("prepare the data", options, rules);
  if (checked.tokenizer === undefined || checked.out === undefined) {
    throw new TypeError(
      "Cannot prepare the data: tokenizer and out must be given: received only " +
        `${checked.tokenizer === undefined ? "out" : "tokenizer"}.`,
    );
  }
  const { tokenizer, out, signal } = checked;
  signal?.throwIfAborted();
  const prepared = readTokenFolder(source, tokenizer);
  if (prepared !== undefined) return prepared;

  const texts = TextSource.open(source);
  const digest = await digestOf(texts, checked);
  const before = readReusable(out, digest);
  if (before !== undefined) return inFolder(out, before, true);
  const separator = separatorOf(tokenizer);
  const counts = await countTexts(texts.parts(separator, readingOf(texts, "counting", checked)));
  if (counts.numCharacters === 0) throw texts.emptyError();
  using created = await CreatedFolder.at(out);
  const data = await withLock(`${out}/data.lock`, signal, async () => {
    // Another process may just have done it.
    const found = readReusable(out, digest);
    if (found !== undefined) return inFolder(out, found, true);
    const parts = texts.parts(separator, readingOf(texts, "encoding", checked));
    const splits = splitTexts(parts, counts, checked.validationShare ?? VALIDATION_SHARE);
    const written = await writeSplits(out, encodeTexts(splits, tokenizer), {
      vocabSize: tokenizer.vocabSize,
      digest,
      signal,
      check: (numCharacters) => {
        if (numCharacters !== counts.numCharacters) throw texts.changedError();
      },
    });
    return inFolder(out, written, false);
  });
  created.keep();
  return data;
}

/** The text of the token between texts. */
function separatorOf(tokenizer: Tokenizer): string | undefined {
  const { endOfTextId } = tokenizer;
  if (endOfTextId === undefined) return undefined;
  return new TextDecoder().decode(tokenizer.tokenBytes(endOfTextId));
}

function readingOf(
  { totalBytes }: TextSource,
  stage: PreparationProgress["stage"],
  { signal, onProgress }: PrepareDataOptions,
): ReadingOptions {
  let readBytes = 0;
  return {
    signal,
    onRead: (numBytes) => onProgress?.({ stage, readBytes: readBytes += numBytes, totalBytes }),
  };
}

/** Does something that only one process at a time may do. */
async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  using _lock = await takeFileLock(path, { signal });
  try {
    return await work();
  } finally {
    // Where a file that is open cannot be removed, it stays, and locks nothing.
    await removeIfAny(path).catch(() => {});
  }
}

/** What was prepared before from the same texts in the same way; what is damaged is prepared again. */
function readReusable(folder: string, digest: string): DataDescription | undefined {
  try {
    const description = readDescription(folder);
    return description?.digest === digest ? description : undefined;
  } catch (error) {
    if (error instanceof FileFormatError) return undefined;
    throw error;
  }
}

/** A folder with files of tokens; nothing where it is none. */
function readTokenFolder(folder: string, { vocabSize }: Tokenizer): PreparedData | undefined {
  const trainPath = `${folder}/${DATA_FILES.train}`;
  if (!isFolder(folder) || !isFile(trainPath)) return undefined;
  const description = readDescription(folder) ?? nanoGptDescription(folder);
  if (description.vocabSize !== undefined && description.vocabSize !== vocabSize) {
    throw formatError(
      "prepared data",
      folder,
      `it is for a vocabulary of ${description.vocabSize}, and the tokenizer has another`,
      `${vocabSize} tokens`,
      "Use the tokenizer that it was prepared with, or prepare the texts again.",
    );
  }
  return inFolder(folder, description, true);
}

function nanoGptDescription(folder: string): DataDescription {
  const dtype: TokenType = "uint16";
  const count = (name: string): SplitDescription => {
    const path = `${folder}/${name}`;
    if (!isFile(path)) {
      throw formatError(
        "prepared data",
        folder,
        `there is no ${name} in it`,
        undefined,
        "Put both files there.",
      );
    }
    const { size } = Deno.statSync(path);
    if (size % bytesPerToken(dtype) === 0) return { numTokens: size / bytesPerToken(dtype) };
    throw formatError(
      "tokens",
      path,
      `it is not a whole number of ${dtype}s`,
      `${size} bytes`,
      "Write it again: its end is missing.",
    );
  };
  return { dtype, train: count(DATA_FILES.train), validation: count(DATA_FILES.validation) };
}

function inFolder(folder: string, description: DataDescription, isReused: boolean): PreparedData {
  return {
    ...description,
    folder,
    trainPath: `${folder}/${DATA_FILES.train}`,
    validationPath: `${folder}/${DATA_FILES.validation}`,
    isReused,
  };
}

/** What tells whether the files would hold something else, as far as that can be known without reading the texts. */
async function digestOf(
  { files }: TextSource,
  { tokenizer, validationShare = VALIDATION_SHARE }: PrepareDataOptions,
): Promise<string> {
  const { beginOfTextId = null, endOfTextId = null } = tokenizer;
  const parts = {
    tokenizer: tokenizer.toTokenizerJson(),
    beginOfTextId,
    endOfTextId,
    validationShare,
    files,
  };
  return await sha256(new TextEncoder().encode(JSON.stringify(parts)));
}
