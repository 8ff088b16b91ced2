/**
 * Tokenizers of other kinds than GPT-2's, with which models of its architecture are found.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { isFile } from "../../base/files.ts";

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
export function findOtherTokenizer(folder: string): string | undefined {
  return OTHER_TOKENIZERS.find((file) => isFile(`${folder}/${file}`));
}

/** What is wrong with a model, a folder or a file, that was opened without a tokenizer. */
export function missingTokenizer(path: string): string {
  const other = findOtherTokenizer(path);
  return other === undefined
    ? `the model has no tokenizer: received ${quotePath(path)}`
    : otherTokenizer(other);
}
