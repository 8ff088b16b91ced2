/**
 * The model that a command computes with.
 *
 * @module
 */
import type { LoadOptions } from "../checkpoint/load.ts";
import { GPT2 } from "../gpt2.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { defaultModel, DEMO_FLAG } from "./arguments/default_model.ts";
import { type AdapterChoice, parseAdapter } from "./arguments/adapter_flag.ts";
import { deviceOptions } from "./arguments/device_flags.ts";
import type { ModelValues } from "./arguments/model_flags.ts";
import { offerGpu } from "./offer_gpu.ts";
import { showingProgress } from "./model_progress.ts";
import { isConvertedByDefault } from "../model_store/resolve_model.ts";
import type { Adapter } from "../model/adapter.ts";
import { throughRun } from "./run_result.ts";
import type { Io } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";

/** A model, and what the user calls it. */
export interface LoadedModel extends Disposable {
  readonly name: string;
  readonly model: GPT2;
  /** The model's. */
  readonly tokenizer: Tokenizer;
}

/** Where to say what is going on, and until when. */
export interface LoadIo extends Pick<Io, "stderr" | "signal"> {
  /** Who can be asked something, if anybody. */
  readonly stdin?: Io["stdin"];
  /** Whether to say nothing. */
  readonly isQuiet?: boolean;
}

/**
 * Loads the model that the flags name; says and shows it if that takes a download.
 *
 * @param action what cannot be done otherwise: `score a text`
 * @throws {FileFormatError} if it has no tokenizer
 */
export async function loadModel(
  action: string,
  values: ModelValues,
  io: LoadIo,
): Promise<LoadedModel> {
  const { model: name = defaultModel(), type } = values;
  const adapters = values.adapter.map(parseAdapter);
  const { device, rpc } = deviceOptions(values);
  if (device === "auto" && rpc === undefined && !io.isQuiet && io.stdin !== undefined) {
    await offerGpu({ ...io, stdin: io.stdin });
  }
  const model = await load(name, values, { type }, io);
  await useAdapters(model, adapters, io);
  const { tokenizer } = model;
  if (tokenizer !== undefined) {
    return { name, model, tokenizer, [Symbol.dispose]: () => model[Symbol.dispose]() };
  }
  model[Symbol.dispose]();
  // Here, so that no start waits for what most never need.
  const { tokenizerError } = await import("../checkpoint/hugging_face/other_tokenizers.ts");
  throw tokenizerError(action, name);
}

/**
 * Loads the model that the flags name, to measure it: says if its weights are not those that were published.
 *
 * For the rest see {@linkcode loadModel}.
 */
export async function loadMeasured(
  action: string,
  values: ModelValues,
  io: LoadIo,
): Promise<LoadedModel> {
  const loaded = await loadModel(action, values, io);
  if (values.type === undefined) {
    await noticeConversion(loaded, "add --type f32", io).catch((error) => {
      loaded[Symbol.dispose]();
      throw error;
    });
  }
  return loaded;
}

/**
 * Says that a model of the hub was converted, if nobody has asked for that.
 *
 * @param advice how to measure what the hub has: `add --type f32`
 */
export async function noticeConversion(
  { name, model }: Pick<LoadedModel, "name" | "model">,
  advice: string,
  { stderr, isQuiet }: LoadIo,
): Promise<void> {
  if (isQuiet || !await isConvertedByDefault(name)) return;
  await stderr.write(
    `note: ${lineText(name)} is measured with weights in ${model.weightType}; for those it was ` +
      `published with, ${advice}.\n`,
  );
}

/**
 * Loads adapters, for all that is computed with a model from now on. If that fails, the model is disposed of.
 *
 * @throws {FileFormatError} if one cannot be used with this model
 * @throws {Deno.errors.NotFound} if there is none of that name
 */
export async function useAdapters(
  model: GPT2,
  choices: readonly AdapterChoice[],
  io: LoadIo,
): Promise<void> {
  if (choices.length === 0) return;
  try {
    const adapters = [];
    for (const { path, scale } of choices) {
      adapters.push({ adapter: await loadAdapter(model, path, io), scale });
    }
    await model.useAdapters(adapters);
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}

/** Loads an adapter, which may be what a training run has made. */
export async function loadAdapter(model: GPT2, path: string, io: LoadIo): Promise<Adapter> {
  return await model.loadAdapter(await throughRun(path, io), { signal: io.signal });
}

/** Loads another model beside that which the flags name: where they say, but in the type of its own file. */
export function loadOther(name: string, values: ModelValues, io: LoadIo): Promise<GPT2> {
  return load(name, values, {}, io);
}

async function load(
  given: string,
  { threads, ...values }: Omit<ModelValues, "adapter">,
  options: LoadOptions,
  { stderr, signal, isQuiet }: LoadIo,
): Promise<GPT2> {
  const loading = { ...options, threads, ...deviceOptions(values), signal };
  const name = await throughRun(given, { stderr, isQuiet });
  return await showingProgress(
    name,
    stderr,
    { alternative: DEMO_FLAG, isQuiet },
    (onProgress) => GPT2.fromPretrained(name, { ...loading, onProgress }),
  );
}
