/**
 * Training: tokenizers from texts, texts to tokens, and models from these.
 *
 * ```ts
 * import { prepareData, TokenFile, TrainingWindows, trainTokenizer } from "@allformers/gpt2/train";
 *
 * const folder = await Deno.makeTempDir();
 * const text = "What is past is prologue.\n".repeat(20);
 * await Deno.writeTextFile(`${folder}/text.txt`, text);
 *
 * const tokenizer = await trainTokenizer(text, { vocabSize: 260 });
 * const data = await prepareData(`${folder}/text.txt`, { tokenizer, out: `${folder}/data` });
 * using file = await TokenFile.open(data.trainPath, data);
 * const windows = new TrainingWindows(file, { contextLength: 16, seed: 1 });
 * const { tokens, targets } = windows.batch(0, 4); // (4 16) each; the same for the same seed and step
 * ```
 *
 * @module
 */
export { type TokenizerTrainingOptions, trainTokenizer } from "./tokenizer/train_tokenizer.ts";
export {
  type FileTrainingOptions,
  trainTokenizerOnFiles,
} from "./training/data/train_tokenizer_on_files.ts";
export { saveTokenizer } from "./checkpoint/hugging_face/save_tokenizer.ts";
export { readTokenizerFolder } from "./checkpoint/hugging_face/tokenizer.ts";
export {
  type PreparationProgress,
  prepareData,
  type PrepareDataOptions,
  type PreparedData,
} from "./training/data/prepare_data.ts";
export type { DataDescription, SplitDescription } from "./training/data/data_description.ts";
export { TokenFile, type TokenFileOptions, type TokenType } from "./training/data/token_file.ts";
export {
  TrainingWindows,
  type TrainingWindowsOptions,
  type WindowBatch,
} from "./training/data/training_windows.ts";
export { type ValidationWindows, validationWindows } from "./training/data/validation_windows.ts";
