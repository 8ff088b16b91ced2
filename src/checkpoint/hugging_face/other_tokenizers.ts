/**
 * Tokenizers of other kinds than GPT-2's, with which models of its architecture are found.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { isFile, isFolder } from "../../base/files.ts";

/** The files by which they are recognized: of WordPiece, as BERT has it, and of SentencePiece. */
export const OTHER_TOKENIZERS: readonly string[] = [
  "vocab.txt",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
];

/** What is wrong with a model that has such a file, for an error: `its tokenizer is not ...: received ...`. */
export function otherTokenizer(file: string): string {
  return "its tokenizer is not GPT-2's, which has tokenizer.json, or vocab.json and merges.txt: " +
    `received ${file}, of another kind of tokenizer`;
}

/** The file of another tokenizer in a folder, if there is one. */
function findOtherTokenizer(folder: string): string | undefined {
  return OTHER_TOKENIZERS.find((file) => isFile(`${folder}/${file}`));
}

/**
 * The error for a text that a model without GPT-2's tokenizer is given, whether it has another one or none.
 *
 * @param doing what needs the tokenizer: `tokenize`
 * @param path the model, a folder or a file
 */
export function tokenizerError(doing: string, path: string): FileFormatError {
  const other = isFolder(path) ? findOtherTokenizer(path) : undefined;
  const problem = other === undefined
    ? `the model has no tokenizer: received ${quotePath(path)}`
    : otherTokenizer(other);
  return new FileFormatError(
    `Cannot ${doing}: ${problem}. Use a model with GPT-2's tokenizer; if this one has it elsewhere, put ` +
      "tokenizer.json, or vocab.json and merges.txt, into its folder. Without one, GPT2.generate() takes token ids.",
    { path },
  );
}
