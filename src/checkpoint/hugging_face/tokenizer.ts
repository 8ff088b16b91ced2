/**
 * The tokenizer of a Hugging Face folder.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import type { GPT2Config } from "../../model/config.ts";
import { readTokenizerFiles } from "../../tokenizer/hugging_face_tokenizer.ts";
import {
  Tokenizer,
  type TokenizerFiles,
  type TokenizerOptions,
} from "../../tokenizer/tokenizer.ts";
import { tokenType } from "../../tokenizer/vocabulary.ts";

const MAX_FILE_BYTES = 64 * 1024 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The files of a tokenizer. */
export const TOKENIZER_FILES = {
  tokenizerJson: "tokenizer.json",
  vocabJson: "vocab.json",
  mergesText: "merges.txt",
  addedTokensJson: "added_tokens.json",
  tokenizerConfigJson: "tokenizer_config.json",
  specialTokensMapJson: "special_tokens_map.json",
} as const satisfies Record<keyof TokenizerFiles, string>;

/**
 * Reads `tokenizer.json`, or `vocab.json` with `merges.txt`, and what there is beside. If the model has more tokens than the
 * tokenizer, as some do whose vocabulary was rounded up for speed, the rest are ids without a text.
 *
 * @param endOfTextId what the configuration says ends a text
 * @returns nothing if there are no such files
 * @throws {FileFormatError} if the files are damaged, or have more tokens than the model
 */
export function readHuggingFaceTokenizer(
  folder: string,
  { vocabSize }: GPT2Config,
  endOfTextId?: number,
): Tokenizer | undefined {
  const options = readOptions(folder);
  if (options === undefined) return undefined;
  const { tokens } = options;
  const types = Array.from(options.tokenTypes!);
  // What was only added may have no row in the model: a padding token that nobody ever reads. It is text then like any other.
  if (types.slice(vocabSize).includes(tokenType.normal)) {
    throw formatError(
      "a GPT-2 tokenizer",
      folder,
      `it has more tokens than the ${vocabSize} of the model`,
      tokens.length,
      "Use the tokenizer files that came with the model.",
    );
  }
  const ids = Array.from({ length: vocabSize }, (_, id) => id);
  return new Tokenizer({
    ...options,
    tokens: ids.map((id) => tokens[id] ?? ""),
    tokenTypes: ids.map((id) => types[id] ?? tokenType.unused),
    endOfTextId: endOfTextId ?? options.endOfTextId,
  }).prepare();
}

/**
 * Reads the tokenizer of a folder that need not have a model.
 *
 * @returns nothing if it has none
 * @throws {FileFormatError} if the files are damaged
 */
export function readTokenizerFolder(folder: string): Tokenizer | undefined {
  const options = readOptions(folder);
  return options && new Tokenizer(options).prepare();
}

function readOptions(folder: string): TokenizerOptions | undefined {
  const files = Object.fromEntries(
    Object.entries(TOKENIZER_FILES).map(([key, name]) => [key, readText(`${folder}/${name}`)]),
  ) as TokenizerFiles;
  const { tokenizerJson, vocabJson, mergesText } = files;
  if (tokenizerJson === undefined && (vocabJson === undefined || mergesText === undefined)) {
    return undefined;
  }
  // Without this file, transformers takes a folder as with an empty one: tokenizer.json alone does not say everything.
  return readTokenizerFiles({ tokenizerConfigJson: "{}", ...given(files) }, folder);
}

/** The files that there are. */
function given(files: TokenizerFiles): TokenizerFiles {
  return Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
}

/** The text of a file; nothing if there is no such file. */
function readText(path: string): string | undefined {
  try {
    using source = openRegularFile(path);
    if (source.size > MAX_FILE_BYTES) {
      throw formatError("text", path, `it is larger than ${MAX_FILE_BYTES} bytes`, source.size);
    }
    return UTF8.decode(source.read(0, source.size));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof TypeError) {
      throw formatError("text", path, "it is not valid UTF-8", error.message);
    }
    throw error;
  }
}
