/**
 * Training: tokenizers from texts, texts to tokens, and models from these.
 *
 * ```ts
 * import { GPT2, GPT2Config } from "@allformers/gpt2";
 * import {
 *   prepareData,
 *   TokenFile,
 *   Trainer,
 *   TrainingWindows,
 *   trainTokenizer,
 * } from "@allformers/gpt2/train";
 *
 * const folder = await Deno.makeTempDir();
 * const text = "What is past is prologue.\n".repeat(20);
 * await Deno.writeTextFile(`${folder}/text.txt`, text);
 *
 * const tokenizer = await trainTokenizer(text, { vocabSize: 260 });
 * const data = await prepareData(`${folder}/text.txt`, { tokenizer, out: `${folder}/data` });
 * using file = await TokenFile.open(data.trainPath, data);
 * const windows = new TrainingWindows(file, { contextLength: 16, seed: 1 });
 *
 * const config = new GPT2Config({
 *   vocabSize: tokenizer.vocabSize,
 *   contextLength: 16,
 *   embeddingDim: 32,
 *   numHeads: 2,
 *   numLayers: 1,
 * });
 * using model = new GPT2(config, { tokenizer, threads: 2 });
 * using trainer = new Trainer(model, windows, { numSteps: 10, batchSize: 4 });
 * for await (const { step, loss } of trainer) console.log(step, loss);
 * console.log(await model.generateText("What", { maxNewTokens: 5 }));
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
export {
  type BatchSource,
  Trainer,
  type TrainerEvaluationOptions,
  type TrainingStep,
} from "./training/trainer.ts";
export type { ValidationLoss } from "./training/validation_loss.ts";
export type { TrainerOptions } from "./training/trainer_options.ts";
export type { TrainerSettings } from "./training/trainer_settings.ts";
export type { TrainableWeight } from "./training/trainable_weights.ts";
export type { Batch } from "./training/training_graph.ts";
export { learningRateAt, type Schedule, type ScheduleKind } from "./training/learning_rate.ts";
export { type ModelSizes, type Preset, type PresetName, presets } from "./training/presets.ts";
export { RunFolder, type RunFolderOptions } from "./training/run_folder.ts";
export {
  type RunOptions,
  runTraining,
  type TrainedModel,
  type TrainingResult,
  type ValidationData,
} from "./training/run_training.ts";
export type {
  Evaluated,
  RunBegins,
  RunEnds,
  Sampled,
  Saved,
  StepDone,
  TrainingEvent,
} from "./training/training_event.ts";
