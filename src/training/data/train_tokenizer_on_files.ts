/**
 * Tokenizers learned from texts on the disk.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import {
  TokenizerTrainer,
  type TokenizerTrainingOptions,
} from "../../tokenizer/train_tokenizer.ts";
import { END_OF_TEXT } from "../../tokenizer/vocabulary.ts";
import { TextSource } from "./text_source.ts";

/** How to learn a tokenizer from files. */
export interface FileTrainingOptions extends TokenizerTrainingOptions {
  /** Called while the texts are read. What comes after that takes a moment. */
  onProgress?: (progress: { readonly readBytes: number; readonly totalBytes: number }) => void;
}

/**
 * Learns a tokenizer from a text file, the `.txt` and `.md` files of a folder, or a `.jsonl` file with a `text` in each line. Texts are read part
 * by part: what stays in memory is each word once. Where there is to be a token `<|endoftext|>`, nothing is learned from
 * these characters in a text file: they separate texts.
 *
 * @throws {FileFormatError} if there is no text, or it is not UTF-8
 * @throws {Deno.errors.NotFound} if there is nothing at the path
 * @throws {RangeError} if an option is out of range
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function trainTokenizerOnFiles(
  path: string,
  { onProgress, ...options }: FileTrainingOptions = {},
): Promise<Tokenizer> {
  const trainer = new TokenizerTrainer(options);
  const source = TextSource.open(path);
  const totalBytes = source.totalBytes;
  let readBytes = 0;
  const onRead = (numBytes: number) => {
    readBytes += numBytes;
    onProgress?.({ readBytes, totalBytes });
  };
  const separator = options.endOfText ?? true ? END_OF_TEXT : undefined;
  for await (const part of source.parts(separator, { signal: options.signal, onRead })) {
    trainer.add(part.text);
    if (part.endsText) trainer.endText();
  }
  if (trainer.isEmpty) throw source.emptyError();
  return await trainer.finish();
}
