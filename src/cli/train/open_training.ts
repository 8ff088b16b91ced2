/**
 * All that a training run needs, made ready from its plan.
 *
 * @module
 */
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { quote, quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { exists } from "../../base/files.ts";
import { sha256 } from "../../base/sha256.ts";
import { convertCheckpoint } from "../../checkpoint/convert.ts";
import type { SaveAdapterOptions } from "../../checkpoint/adapters/save_adapter.ts";
import { parseHubModel } from "../../model_store/hub/model_names.ts";
import type { FileType } from "../../checkpoint/file_types.ts";
import { digestOfOrigin } from "../../checkpoint/model_weights.ts";
import { engineOf } from "../../engine/engines.ts";
import { saveTokenizer } from "../../checkpoint/hugging_face/save_tokenizer.ts";
import { readTokenizerFolder } from "../../checkpoint/hugging_face/tokenizer.ts";
import { GPT2 } from "../../gpt2.ts";
import type { Adapter } from "../../model/adapter.ts";
import { createAdapter } from "../../model/create_adapter.ts";
import { GPT2Config } from "../../model/config.ts";
import { parameterSpecs } from "../../model/parameters.ts";
import { exceedsMemory, gigabytes, moreThanIsFree } from "../../tensor/machine_memory.ts";
import { numElements } from "../../tensor/shape.ts";
import { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { requireDescription } from "../../training/data/data_description.ts";
import { prepareData, type PreparedData } from "../../training/data/prepare_data.ts";
import { TokenFile } from "../../training/data/token_file.ts";
import { trainTokenizerOnFiles } from "../../training/data/train_tokenizer_on_files.ts";
import { TrainingWindows } from "../../training/data/training_windows.ts";
import { validationWindows } from "../../training/data/validation_windows.ts";
import type { RunFolder } from "../../training/run_folder.ts";
import type { RunOptions, TrainingResult, ValidationData } from "../../training/run_training.ts";
import { Trainer } from "../../training/trainer.ts";
import { withDefaults } from "../../training/trainer_settings.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { showingProgress } from "../model_progress.ts";
import { ByteProgressBar } from "../terminal/byte_progress_bar.ts";
import type { Io } from "../terminal/io.ts";
import { countText, numberText } from "../terminal/units.ts";
import { PLAN_FILE, type TrainingPlan } from "./training_plan.ts";

/** A run that can begin. Disposing of it frees the model. */
export interface OpenTraining extends Disposable {
  /** What is trained. */
  readonly model: GPT2;
  /** What trains it. */
  readonly trainer: Trainer;
  /** For `runTraining()`. */
  readonly options: Omit<RunOptions, "report" | "signal">;
}

/** How many threads compute: all that there are, since training is nothing but large products. */
const ALL_THREADS = Math.min(navigator.hardwareConcurrency, 16);

/** Windows that are evaluated at once. */
const WINDOWS_PER_BATCH = 16;

/** Tokens that are evaluated at most: of longer data, windows that are spread over all of it. */
const MOST_EVALUATED_TOKENS = 2 ** 17;

/**
 * Makes a run ready: the tokenizer, the data, the model and its trainer.
 *
 * @param folder of the run
 * @param options `threads`: how many compute
 */
export async function openTraining(
  plan: TrainingPlan,
  folder: RunFolder,
  { threads = ALL_THREADS }: { readonly threads?: number },
  io: Io & { readonly isQuiet?: boolean },
): Promise<OpenTraining> {
  const out = folder.path;
  using resources = new DisposableStack();
  const model = resources.use(await openModel(plan, { folder, threads }, io));
  const initDigest = await checkInit(plan, model, folder);
  const { tokenizer } = model;
  if (tokenizer === undefined) throw noTokenizerError(plan.init!);
  const tokenizerDigest = await checkTokenizer(plan, tokenizer, folder);
  // What a run goes on with is what it began with, whatever has become of the texts.
  const isPrepared = folder.hasState && exists(`${out}/data/train.bin`);
  if (isPrepared) requireDescription(`${out}/data`);
  const source = isPrepared ? `${out}/data` : plan.data;
  checkSample(plan, tokenizer);
  const { contextLength } = model.config;
  const { seqLength, seed } = withDefaults(plan.training, contextLength);
  if (seqLength > contextLength) {
    throw new UsageError(
      `--context is at most that of the model: received ${seqLength} of ${contextLength}. Choose a shorter one.`,
    );
  }
  const data = await prepare(source, tokenizer, plan.validationShare, `${out}/data`, io);
  requireWindow(data, seqLength, plan);
  const file = resources.use(await openTokens(data.trainPath, data, model, io));
  const windows = new TrainingWindows(file, {
    contextLength: seqLength,
    seed,
    sampling: plan.sampling,
  });
  const adapter = plan.adapter &&
    await model.loadAdapter(createAdapter(model.config, { ...plan.adapter, seed }));
  // What is evaluated and what is written on the way comes from the adapter, too.
  if (adapter !== undefined) await model.useAdapters([adapter]);
  const trainer = resources.use(new Trainer(model, windows, { ...plan.training, adapter }));
  const validation = await openValidation(data, model, seqLength, resources, io);
  // The run goes on in the precision that was the faster one where it began.
  const { precision } = trainer.settings;
  const decided = { ...plan, training: { ...plan.training, precision } };
  await writePlan({ ...decided, initDigest, tokenizerDigest }, out);
  const owned = resources.move();
  const { evaluateEvery, saveEvery } = plan;
  return {
    model,
    trainer,
    options: {
      folder,
      validation,
      evaluateEvery,
      saveEvery,
      result: adapter === undefined
        ? modelResult(model, `${out}/model.gguf`, plan.ggufType)
        : adapterResult(model, adapter, `${out}/adapter.gguf`, {
          ...baseModelOf(plan.init!),
          dropout: plan.training.adapterDropout,
        }),
      samplePrompt: plan.samplePrompt ?? (tokenizer.endOfTextId === undefined ? "\n" : ""),
      numTrainTokens: data.train.numTokens,
    },
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

/** A model is written as a folder that transformers loads, and as a file for llama.cpp. */
function modelResult(model: GPT2, path: string, type: FileType = "f16"): TrainingResult {
  return {
    save: (folder) => model.saveSafetensors(folder),
    finish: (folder) => convertCheckpoint(folder, path, { type, overwrite: true }),
  };
}

/** An adapter is written as a folder that PEFT loads, and as a file for llama.cpp. */
function adapterResult(
  model: GPT2,
  adapter: Adapter,
  path: string,
  options: SaveAdapterOptions,
): TrainingResult {
  return {
    save: (folder) => model.saveAdapter(adapter, folder, options),
    async finish(folder) {
      using saved = await model.loadAdapter(folder);
      await model.saveAdapter(saved, path);
    },
  };
}

/** The model that an adapter is for, where PEFT finds it: a folder, or a name of the hub. It takes no `.gguf` file. */
export function baseModelOf(
  init: string,
): Pick<SaveAdapterOptions, "baseModel" | "baseRevision"> {
  if (exists(init)) return exists(`${init}/config.json`) ? { baseModel: init } : {};
  const model = init === "demo" ? undefined : parseHubModel(init);
  if (model === undefined || model.file !== undefined) return {};
  return { baseModel: model.repo, baseRevision: model.revision };
}

async function openModel(
  plan: TrainingPlan,
  { folder, threads }: { readonly folder: RunFolder; readonly threads: number },
  io: Io & { readonly isQuiet?: boolean },
): Promise<GPT2> {
  const { stderr, signal, isQuiet } = io;
  const { init, initType: type, adapter } = plan;
  if (init !== undefined) {
    const trainable = adapter === undefined ? true : "adapters";
    return await showingProgress(
      init,
      stderr,
      { isQuiet },
      (onProgress) => GPT2.fromPretrained(init, { trainable, type, threads, signal, onProgress }),
    );
  }
  const tokenizer = await openTokenizer(plan, folder, io);
  const { vocabSize } = tokenizer;
  // What the model says of itself to those who train it further.
  const { dropout = 0 } = plan.training;
  const config = new GPT2Config({ ...plan.model!, dropout, vocabSize });
  requireMemory(config);
  return await GPT2.create(config, { tokenizer, threads, signal, seed: plan.training.seed });
}

/** Of a weight: itself, its gradient and two moments, in F32. */
const TRAINED_WEIGHT_BYTES = 16;

/** Throws if there is not enough memory to train a model, before it is made. */
function requireMemory(config: GPT2Config): void {
  const numWeights = parameterSpecs(config)
    .reduce((sum, { shape }) => sum + numElements(shape), 0);
  const bytes = TRAINED_WEIGHT_BYTES * numWeights;
  if (!exceedsMemory(bytes)) return;
  const { numLayers, embeddingDim, vocabSize, contextLength } = config;
  throw new UsageError(
    `A model of ${countText(numLayers, "layer")}, ${numberText(embeddingDim)} wide, with ${
      countText(vocabSize, "token")
    } and a context of ${numberText(contextLength)} has ${countText(numWeights, "weight")}: ` +
      `to train them (with gradients and AdamW's two moments) takes ${
        gigabytes(bytes)
      }, ${moreThanIsFree()}. ` +
      "Choose a smaller --width, fewer --layers, a shorter --context or a smaller --tokenizer.",
  );
}

/**
 * Throws if the weights that stay as they are, which no state of a run holds, are not those that it began with.
 *
 * @returns what tells them from others; nothing if all weights are trained
 */
async function checkInit(
  { init, initDigest, adapter, training: { freeze = [] } }: TrainingPlan,
  model: GPT2,
  { path, hasState }: RunFolder,
): Promise<string | undefined> {
  if (init === undefined || (adapter === undefined && freeze.length === 0)) return undefined;
  const digest = await digestOfOrigin(engineOf(model)!.model);
  if (!hasState || initDigest === undefined || digest === initDigest) return digest;
  throw new FileFormatError(
    `Cannot go on with the run in ${
      quotePath(path)
    }: the model that it began with has changed since, and its weights stay as they are in this run: received another ${
      quotePath(init)
    }. Put the former one there, or train into another folder.`,
    { path: init },
  );
}

/** A new model has one, see `openTokenizer()`. */
function noTokenizerError(init: string): FileFormatError {
  return new FileFormatError(
    `Cannot train ${
      quotePath(init)
    }: it has no tokenizer, which turns the texts into tokens: received a model alone. ` +
      "Put its tokenizer.json, or vocab.json and merges.txt, beside it.",
    { path: init },
  );
}

/**
 * Throws if the tokenizer is not the one that the tokens of the run are of.
 *
 * @returns what tells it from others
 */
async function checkTokenizer(
  { init, tokenizer: kind, tokenizerDigest }: TrainingPlan,
  tokenizer: Tokenizer,
  { path, hasState }: RunFolder,
): Promise<string> {
  const json = JSON.stringify(tokenizer.toTokenizerJson());
  const digest = await sha256(new TextEncoder().encode(json));
  if (!hasState || tokenizerDigest === undefined || digest === tokenizerDigest) return digest;
  const source = init ?? kind!;
  throw new FileFormatError(
    `Cannot go on with the run in ${
      quotePath(path)
    }: the tokenizer that it began with has changed since: received another in ${
      quotePath(source)
    }. Put the former one there, or train into another folder.`,
    { path: source },
  );
}

/** The tokenizer of a new model: the one that the run has learned before, or what the plan says. */
async function openTokenizer(
  { tokenizer: kind = "char", data }: TrainingPlan,
  { path, hasState }: RunFolder,
  io: Io & { readonly isQuiet?: boolean },
): Promise<Tokenizer> {
  const folder = `${path}/tokenizer`;
  if (kind === "gpt2") return await Tokenizer.gpt2();
  const learned = /^(char|bpe(?::(\d+))?)$/.exec(kind);
  if (learned === null) return await readTokenizer(kind);
  if (hasState && exists(`${folder}/tokenizer.json`)) return await readTokenizer(folder);
  if (exists(`${data}/train.bin`)) {
    throw new UsageError(
      `--data is a folder of tokens: received ${
        quotePath(data)
      }, and no tokenizer that they are of. ` +
        "Add --tokenizer gpt2, or a folder with a tokenizer.",
    );
  }
  const vocabSize = learned[2] === undefined ? undefined : Number(learned[2]);
  if (vocabSize !== undefined && !(vocabSize >= 257 && vocabSize <= 2 ** 20)) {
    throw new UsageError(
      `--tokenizer bpe:<size> takes 257 to 1048576 tokens: received ${
        quote(kind)
      }. Choose another size.`,
    );
  }
  const bar = new ByteProgressBar(io.stderr, "Learning the tokenizer");
  try {
    const tokenizer = await trainTokenizerOnFiles(data, {
      kind: kind === "char" ? "char" : "bpe",
      vocabSize,
      signal: io.signal,
      onProgress: ({ readBytes, totalBytes }) => bar.show(readBytes, totalBytes),
    });
    await saveTokenizer(tokenizer, folder);
    if (vocabSize !== undefined && tokenizer.vocabSize < vocabSize && !io.isQuiet) {
      await bar.clear();
      await io.stderr.write(
        `The text has pairs for ${countText(tokenizer.vocabSize, "token")} only.\n`,
      );
    }
    return tokenizer;
  } finally {
    await bar.clear();
  }
}

/** Throws before anything is computed if the tokenizer cannot express what is to be continued. */
function checkSample({ samplePrompt }: TrainingPlan, tokenizer: Tokenizer): void {
  if (samplePrompt !== undefined) tokenizer.encode(samplePrompt);
}

async function readTokenizer(folder: string): Promise<Tokenizer> {
  const tokenizer = await readTokenizerFolder(folder);
  if (tokenizer !== undefined) return tokenizer;
  throw new UsageError(
    `--tokenizer takes char, bpe:<size>, gpt2, or a folder with a tokenizer: received ${
      quotePath(folder)
    }, which has none.`,
  );
}

async function prepare(
  source: string,
  tokenizer: Tokenizer,
  validationShare: number,
  out: string,
  { stderr, signal, isQuiet }: Io & { readonly isQuiet?: boolean },
): Promise<PreparedData> {
  const bar = new ByteProgressBar(stderr, "Preparing the data");
  try {
    const data = await prepareData(source, {
      tokenizer,
      out,
      validationShare,
      signal,
      onProgress: ({ readBytes, totalBytes }) => bar.show(readBytes, totalBytes),
    });
    await bar.clear();
    if (!isQuiet) {
      const { train, validation } = data;
      await stderr.write(
        `${countText(train.numTokens, "token")} to learn from, ${
          countText(validation.numTokens, "token")
        } to evaluate.\n`,
      );
    }
    return data;
  } finally {
    await bar.clear();
  }
}

/** Throws if there are too few tokens to learn from. */
function requireWindow(
  { train, validation }: PreparedData,
  seqLength: number,
  { data }: TrainingPlan,
): void {
  const { numTokens } = train;
  if (numTokens > seqLength) return;
  const shorter = numTokens < 2 ? "" : `, or choose a shorter --context, ${numTokens - 1} at most`;
  throw new UsageError(
    `${quotePath(data)} is too short to learn from: with --context ${seqLength} that takes ` +
      `${
        countText(seqLength + 1, "token")
      }: received ${numTokens}, beside ${validation.numTokens} for validation. ` +
      `Give more text${shorter}.`,
  );
}

function openTokens(
  path: string,
  { dtype }: PreparedData,
  { config: { vocabSize } }: GPT2,
  { signal }: Io,
): Promise<TokenFile> {
  return TokenFile.open(path, { dtype, vocabSize, signal });
}

/** The windows to evaluate; nothing if there is too little text for one. */
async function openValidation(
  data: PreparedData,
  model: GPT2,
  seqLength: number,
  resources: DisposableStack,
  io: Io & { readonly isQuiet?: boolean },
): Promise<ValidationData | undefined> {
  const { numTokens, numBytes } = data.validation;
  if (numTokens <= seqLength) {
    if (numTokens > 0 && !io.isQuiet) {
      await io.stderr.write(
        `Nothing is evaluated, and there will be no best/: with --context ${seqLength} that takes ${
          countText(seqLength + 1, "token")
        }.\n`,
      );
    }
    return undefined;
  }
  const file = resources.use(await openTokens(data.validationPath, data, model, io));
  const { numWindows, batches } = validationWindows(file, seqLength);
  const mostBatches = Math.max(
    1,
    Math.floor(MOST_EVALUATED_TOKENS / seqLength / WINDOWS_PER_BATCH),
  );
  const { every, numChosen } = spreadBatches(numWindows, WINDOWS_PER_BATCH, mostBatches);
  const numEvaluated = numChosen * seqLength;
  return {
    windows: {
      *[Symbol.iterator]() {
        let index = 0;
        for (const batch of batches(WINDOWS_PER_BATCH)) if (index++ % every === 0) yield batch;
      },
    },
    numTokens: numEvaluated,
    // Of a part of the text nobody has counted the bytes: they are taken to be spread evenly.
    numBytes: numBytes === undefined ? undefined : numBytes * numEvaluated / numTokens,
  };
}

/**
 * Which batches of windows are evaluated, where there are too many: each `every`-th one, from the first on; and how many
 * windows these have. The last batch may have fewer than the others.
 */
export function spreadBatches(
  numWindows: number,
  batchSize: number,
  mostBatches: number,
): { readonly every: number; readonly numChosen: number } {
  const numBatches = Math.ceil(numWindows / batchSize);
  const every = Math.ceil(numBatches / mostBatches);
  const numMissing = (numBatches - 1) % every === 0 ? numBatches * batchSize - numWindows : 0;
  return { every, numChosen: Math.ceil(numBatches / every) * batchSize - numMissing };
}

async function writePlan(plan: TrainingPlan, out: string): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(plan, null, 2) + "\n");
  await writeFileAtomically(`${out}/${PLAN_FILE}`, bytes.length, [bytes]);
}
