/**
 * The tokenizer of a Hugging Face folder.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import type { GPT2Config } from "../../model/config.ts";
import { Tokenizer } from "../../tokenizer/tokenizer.ts";

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The type of an id without a meaning, as GGUF numbers them. */
const UNUSED = 5;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads `tokenizer.json`, or `vocab.json` with `merges.txt`. If the model has more tokens than the tokenizer, as some do
 * whose vocabulary was rounded up for speed, the rest are named `[PAD...]` and unused.
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
  const tokenizer = readFiles(folder);
  if (tokenizer === undefined) return undefined;
  if (tokenizer.vocabSize > vocabSize) {
    throw formatError(
      "a GPT-2 tokenizer",
      folder,
      `it has more tokens than the ${vocabSize} of the model`,
      tokenizer.vocabSize,
      "Use the tokenizer files that came with the model.",
    );
  }
  const end = endOfTextId ?? tokenizer.endOfTextId;
  if (tokenizer.vocabSize === vocabSize && end === tokenizer.endOfTextId) return tokenizer;
  const tokens = [...tokenizer.tokens];
  for (let id = tokens.length; id < vocabSize; id++) tokens.push(`[PAD${id}]`);
  const tokenTypes = new Uint8Array(vocabSize).fill(UNUSED);
  tokenTypes.set(tokenizer.tokenTypes);
  return new Tokenizer({
    tokens,
    merges: tokenizer.merges,
    tokenTypes,
    endOfTextId: end,
    path: folder,
  });
}

function readFiles(folder: string): Tokenizer | undefined {
  const json = readText(`${folder}/tokenizer.json`);
  if (json !== undefined) return Tokenizer.fromTokenizerJson(json, `${folder}/tokenizer.json`);
  const vocab = readText(`${folder}/vocab.json`);
  const merges = readText(`${folder}/merges.txt`);
  if (vocab === undefined || merges === undefined) return undefined;
  return Tokenizer.fromVocabAndMerges(vocab, merges, folder);
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
