/**
 * What is to be trained, from what, and how: all that decides the result of a run. It is kept beside the model, so that the
 * run can be gone on with.
 *
 * @module
 */
import { resolve } from "node:path";
import { quote, quotePath } from "../../base/describe.ts";
import { checkOptions } from "../../base/check_options.ts";
import { InvalidArgumentError } from "../../base/errors.ts";
import { exists, isFile } from "../../base/files.ts";
import type { FileType } from "../../checkpoint/file_types.ts";
import type { CreateAdapterOptions } from "../../model/create_adapter.ts";
import { GPT2Config, type GPT2ConfigFields } from "../../model/config.ts";
import { adapterTraining, fineTuning, type PresetName, presets } from "../../training/presets.ts";
import { defaultEvaluateEvery } from "../../training/run_training.ts";
import { type TrainerOptions, trainerRules } from "../../training/trainer_options.ts";
import { openRegularFile } from "../../base/byte_source.ts";
import { adviceForRun } from "../../base/run_advice.ts";
import { learningRateAt } from "../../training/learning_rate.ts";
import { withDefaults } from "../../training/trainer_settings.ts";
import { numberText } from "../terminal/units.ts";
import { flagText, type FlagValues } from "../arguments/flags.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { parseAdapter } from "./parse_adapter.ts";
import type { trainFlags } from "./train_flags.ts";

/** See the module. */
export interface TrainingPlan {
  /** The path of the texts. */
  readonly data: string;
  /** The model that is fine-tuned; nothing if a new one is trained. */
  readonly init?: string;
  /** What tells that model from others, if some of its weights stay as they are: the run goes on beside the same ones. */
  readonly initDigest?: string;
  /** What is trained beside that model, if its weights stay as they are. */
  readonly adapter?: CreateAdapterOptions;
  /** The type of that model's weights in memory. */
  readonly initType?: FileType;
  /** Sizes of a new model; the tokenizer decides the vocabulary. */
  readonly model?: Omit<GPT2ConfigFields, "vocabSize">;
  /** `"char"`, `"bpe:4096"`, `"gpt2"`, or a path. Nothing for that of the model that is fine-tuned. */
  readonly tokenizer?: string;
  /** What tells that tokenizer from others: the tokens of the run are its own. */
  readonly tokenizerDigest?: string;
  /** How windows are chosen. */
  readonly sampling: "random" | "epochs";
  /** The share of the data that is not learned. */
  readonly validationShare: number;
  /** How it is trained. */
  readonly training: Omit<TrainerOptions, "signal">;
  /** Steps between two evaluations. */
  readonly evaluateEvery?: number;
  /** Steps between two states. */
  readonly saveEvery?: number;
  /** What the model is to continue. */
  readonly samplePrompt?: string;
  /** The type of `model.gguf`. */
  readonly ggufType?: FileType;
}

type Values = FlagValues<typeof trainFlags>;

/** The file that keeps a plan. */
export const PLAN_FILE = "plan.json";

/** What another file of settings may hold. */
type ConfigFile = Partial<Pick<TrainingPlan, "model" | "training" | "tokenizer" | "sampling">>;

const CONFIG_KEYS = ["model", "training", "tokenizer", "sampling"];

/**
 * The plan that flags describe.
 *
 * @throws {UsageError} if something is missing, or does not go with something else
 */
export function planOf(values: Values): TrainingPlan {
  const { data, init, preset } = values;
  if (data === undefined) {
    throw new UsageError(
      "train needs --data <path>: received none. Give a file or folder of texts.",
    );
  }
  for (const flag of ["preset", "tokenizer", "layers", "heads", "width"] as const) {
    if (init === undefined || values[flag] === undefined) continue;
    throw new UsageError(
      `--${flag} is for a new model: received --init ${
        quote(init)
      } as well, whose sizes and tokenizer stay. Leave one out.`,
    );
  }
  for (const [name, needed] of [["lora", "init"], ["initType", "lora"]] as const) {
    if (values[name] === undefined || values[needed] !== undefined) continue;
    throw new UsageError(`${flagText(name)} needs --${needed}: received none. Add it.`);
  }
  const lora = values.lora === undefined ? undefined : parseAdapter(values.lora);
  const chosen = presets[(preset ?? "nano") as PresetName];
  const file = values.config === undefined ? {} : readConfigFile(values.config);
  const base = init === undefined
    ? chosen.training
    : values.lora === undefined
    ? fineTuning
    : adapterTraining;
  const training: TrainingPlan["training"] = {
    ...base,
    ...file.training,
    ...given({
      numSteps: values.steps,
      batchSize: values.batchSize,
      seqLength: values.context,
      accumulation: values.accumulation,
      learningRate: values.learningRate,
      minLearningRate: values.minLearningRate ??
        (values.learningRate === undefined ? undefined : values.learningRate / 10),
      warmupSteps: values.warmupSteps ??
        (values.steps === undefined ? undefined : Math.min(100, Math.floor(values.steps / 10))),
      schedule: values.schedule as TrainerOptions["schedule"],
      weightDecay: values.weightDecay,
      gradientClip: values.gradientClip,
      dropout: values.dropout,
      adapterDropout: lora?.dropout,
      precision: values.precision as TrainerOptions["precision"],
      freeze: values.freeze.length === 0 ? undefined : values.freeze,
      seed: values.seed,
    }),
  };
  return {
    data: resolve(data),
    ...init === undefined
      ? {
        model: given({
          ...chosen.model,
          ...file.model,
          ...given({
            numLayers: values.layers,
            numHeads: values.heads,
            embeddingDim: values.width,
            contextLength: values.context,
          }),
        }),
        tokenizer: pathOf(values.tokenizer ?? file.tokenizer ?? chosen.tokenizer),
      }
      : {
        init: exists(init) ? resolve(init) : init,
        ...lora !== undefined && { adapter: lora.adapter },
        ...values.initType !== undefined && { initType: values.initType as FileType },
      },
    sampling: file.sampling ?? (init === undefined ? chosen.sampling : "epochs"),
    validationShare: values.validationShare ?? 0.1,
    training,
    // Of the steps that were planned: a run that is gone on with for longer is evaluated as before.
    evaluateEvery: values.evaluateEvery ??
      defaultEvaluateEvery(withDefaults(training, 1).numSteps),
    ...given({
      saveEvery: values.saveEvery,
      samplePrompt: values.samplePrompt,
      ggufType: values.ggufType as FileType | undefined,
    }),
  };
}

/**
 * The plan of the run in a folder.
 *
 * @throws {UsageError} if there is none
 */
export function readPlan(out: string): TrainingPlan {
  // A run that was put aside, by a process that was killed then, is put back when its folder is opened.
  const path = [out, `${out}/replaced`].map((folder) => `${folder}/${PLAN_FILE}`).find(isFile);
  if (path === undefined) {
    throw new UsageError(
      `There is no training run in ${
        quotePath(out)
      } to go on with: received --resume. Leave it out to begin one.`,
    );
  }
  const advice = adviceForRun(path) ?? "Train into another folder.";
  const plan = readJsonObject(path, advice);
  if (typeof plan.data === "string" && isPlan(plan)) {
    checkedSettings(path, plan as ConfigFile, {});
    return plan as unknown as TrainingPlan;
  }
  throw new UsageError(
    `${quotePath(path)} is no plan of a training run. ${advice}`,
  );
}

/** The plan with so many steps in all; where none are given, as it is. */
export function withSteps(plan: TrainingPlan, numSteps: number | undefined): TrainingPlan {
  return numSteps === undefined ? plan : { ...plan, training: { ...plan.training, numSteps } };
}

/**
 * What is to be said where a run goes on with another number of steps than it was begun with; nothing if that changes no step.
 *
 * @param step steps that are done
 */
export function changeNotice(
  former: TrainingPlan,
  plan: TrainingPlan,
  step: number,
): string | undefined {
  const [before, now] = [former, plan].map(({ training }) => withDefaults(training, 1));
  const [rateBefore, rateNow] = [before, now].map((settings) =>
    learningRateAt(step, { ...settings, kind: settings.schedule })
  );
  if (rateBefore === rateNow) return undefined;
  return `The run was begun with ${numberText(before.numSteps)} steps: with ${
    numberText(now.numSteps)
  } the learning rate falls along another curve from here on (${
    rateNow.toExponential(2)
  } in the next step, not ${rateBefore.toExponential(2)}), and the result is not what a run of ${
    numberText(now.numSteps)
  } steps gives.`;
}

/** The type of each part of a plan; those that are not here have another. */
const PART_TYPES: Readonly<Record<string, string>> = {
  init: "string",
  initDigest: "string",
  initType: "string",
  tokenizer: "string",
  tokenizerDigest: "string",
  sampling: "string",
  validationShare: "number",
  evaluateEvery: "number",
  saveEvery: "number",
  samplePrompt: "string",
  ggufType: "string",
};

function isPlan(plan: Readonly<Record<string, unknown>>): boolean {
  const isObject = (value: unknown) => typeof value === "object" && value !== null;
  const hasTypes = Object.entries(PART_TYPES).every(([name, type]) =>
    plan[name] === undefined || typeof plan[name] === type
  );
  const isPositive = [plan.evaluateEvery, plan.saveEvery].every((every) =>
    every === undefined || Number.isSafeInteger(every) && (every as number) > 0
  );
  return hasTypes && isPositive && isObject(plan.training) &&
    isObject(plan.init === undefined ? plan.model : {}) &&
    (plan.adapter === undefined || isObject(plan.adapter));
}

/**
 * Throws if what a run is made from is in the folder whose run it is to replace.
 *
 * @param out the folder
 */
export function checkNotReplaced({ data, init, tokenizer }: TrainingPlan, out: string): void {
  const folder = realPath(out);
  for (const [flag, path] of Object.entries({ data, init, tokenizer })) {
    if (path === undefined || !exists(path) || !`${realPath(path)}/`.startsWith(`${folder}/`)) {
      continue;
    }
    throw new UsageError(
      `--overwrite would remove what the run is made from: received --${flag} ${
        quotePath(path)
      }, in the folder of --out. Train into another folder.`,
    );
  }
}

/** Where a path leads, or would. */
function realPath(path: string): string {
  return (exists(path) ? Deno.realPathSync(path) : resolve(path)).replaceAll("\\", "/");
}

/** The flags that may be given together with `--resume`: they decide nothing of what was done so far. */
const FREE_FLAGS: ReadonlySet<string> = new Set([
  "out",
  "resume",
  "steps",
  "threads",
  "json",
  "quiet",
  "logEvery",
]);

/** Throws if a flag is given that the run in the folder has decided already. */
export function checkOnlyFreeFlags(values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    const isGiven = value !== undefined && value !== false &&
      !(Array.isArray(value) && value.length === 0);
    if (!isGiven || FREE_FLAGS.has(name)) continue;
    throw new UsageError(
      `${flagText(name)} does not go with --resume: ` +
        "the run goes on as it began. Leave it out, or train into another folder.",
    );
  }
}

function readJsonObject(path: string, advice: string): Record<string, unknown> {
  let config: unknown;
  try {
    using file = openRegularFile(path);
    config = JSON.parse(new TextDecoder().decode(file.read(0, file.size)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${quotePath(path)} is not JSON: received ${error.message}. ${advice}`);
  }
  if (typeof config === "object" && config !== null && !Array.isArray(config)) {
    return config as Record<string, unknown>;
  }
  throw new UsageError(
    `${quotePath(path)} is no JSON object. ${advice}`,
  );
}

function readConfigFile(path: string): ConfigFile {
  const config = readJsonObject(path, 'Write {"model": ..., "training": ...}.');
  const unknown = Object.keys(config).find((key) => !CONFIG_KEYS.includes(key));
  if (unknown === undefined) return checkedSettings(path, config);
  throw new UsageError(
    `${quotePath(path)} has a setting that there is none of: received ${quote(unknown)}. ` +
      `There are ${CONFIG_KEYS.join(", ")}.`,
  );
}

/** Of the sizes that a preset has, those that are not given are any. */
const ANY_SIZES = { embeddingDim: 4, numHeads: 1, numLayers: 1 };

/**
 * Settings of a file, if they are such as there are.
 *
 * @param sizes those that need not be given
 */
function checkedSettings(
  path: string,
  config: ConfigFile,
  sizes: Partial<GPT2ConfigFields> = ANY_SIZES,
): ConfigFile {
  try {
    if (config.training !== undefined) checkOptions("train", config.training, trainerRules);
    if (config.model !== undefined) {
      new GPT2Config(Object.assign({}, sizes, config.model));
    }
    return config;
  } catch (error) {
    const isForeseen = error instanceof TypeError || error instanceof InvalidArgumentError;
    if (!isForeseen) throw error;
    throw new UsageError(`${quotePath(path)}: ${error.message}`);
  }
}

/** A tokenizer that is a folder, from wherever the run is gone on with. A folder that is called char is ./char. */
function pathOf(tokenizer: string): string {
  const isKind = /^(gpt2|char|bpe(:\d+)?)$/.test(tokenizer);
  return !isKind && exists(tokenizer) ? resolve(tokenizer) : tokenizer;
}

/** What is not undefined. */
function given<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
