/**
 * The model that a command computes with.
 *
 * @module
 */
import { tokenizerError } from "../checkpoint/hugging_face/other_tokenizers.ts";
import type { FileType } from "../checkpoint/file_types.ts";
import { GPT2 } from "../gpt2.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { modelFlag, threadsFlag } from "./arguments/common_flags.ts";
import { defaultModel, DEMO_FLAG } from "./arguments/default_model.ts";
import { deviceFlags, deviceOptions } from "./arguments/device_flags.ts";
import type { FlagValues } from "./arguments/flags.ts";
import { generateFlags } from "./arguments/generate_flags.ts";
import { showingProgress } from "./model_progress.ts";
import type { Io } from "./terminal/io.ts";

/** The flags of a command that computes with a model. */
export const modelFlags = {
  model: modelFlag,
  type: generateFlags.type,
  threads: threadsFlag,
  ...deviceFlags,
} as const;

/** A model, and what the user calls it. */
export interface LoadedModel extends Disposable {
  readonly name: string;
  readonly model: GPT2;
  /** The model's. */
  readonly tokenizer: Tokenizer;
}

/**
 * Loads the model that the flags name; says and shows it if that takes a download.
 *
 * @param action what cannot be done otherwise: `score a text`
 * @throws {FileFormatError} if it has no tokenizer
 */
export async function loadModel(
  action: string,
  values: FlagValues<typeof modelFlags>,
  { stderr, signal }: Pick<Io, "stderr" | "signal">,
): Promise<LoadedModel> {
  const { model: name = defaultModel(), type, threads } = values;
  const options = { type: type as FileType | undefined, threads, ...deviceOptions(values), signal };
  const model = await showingProgress(
    name,
    stderr,
    { alternative: DEMO_FLAG },
    (onProgress) => GPT2.fromPretrained(name, { ...options, onProgress }),
  );
  const { tokenizer } = model;
  if (tokenizer !== undefined) {
    return { name, model, tokenizer, [Symbol.dispose]: () => model[Symbol.dispose]() };
  }
  model[Symbol.dispose]();
  throw tokenizerError(action, name);
}
