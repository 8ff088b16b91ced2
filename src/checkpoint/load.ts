/**
 * Loads checkpoints into memory, ready to run.
 *
 * @module
 */
import { abortSignal, callback, oneOf, type OptionRules, texts } from "../base/check_options.ts";
import { type LibraryProgress, openLibrary } from "../native_library/native_library.ts";
import { checkCacheType, type ComputeOptions, computeRules } from "../model/compute_options.ts";
import { Model } from "../model/model.ts";
import { openBackend, openRemoteBackend } from "../model/open_backend.ts";
import type { ParameterSpec } from "../model/parameters.ts";
import { Weights } from "../model/weights.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Checkpoint, CheckpointNotice } from "./checkpoint.ts";
import { readConverted } from "./row_converter.ts";
import { type FileType, fileTypes, storedType } from "./file_types.ts";
import { MappedWeights } from "./mapped_weights.ts";
import { openCheckpoint } from "./open_checkpoint.ts";
import { rememberOrigin } from "./model_weights.ts";
import type { WeightType } from "./quantize.ts";
import { byteLengthOf } from "./weight_source.ts";

/** Options of {@linkcode loadCheckpoint}. */
export interface LoadOptions extends ComputeOptions {
  /** The type in which the weights are held: `"f32"`, `"q8_0"`, `"q4_k_m"`, ... Default: each as it is stored. */
  type?: FileType;
  /**
   * What is to be trained, if anything. `true`: the weights, which are then F32, whatever `type` is, in memory of the processor
   * that is theirs alone. `"adapters"`: adapters, which leave the weights as they are, in any type; they are then not put
   * into the order in which they are multiplied fastest, from which there is no way back. Default: `false`.
   */
  trainable?: boolean | "adapters";
  /**
   * Servers on other machines that compute the model instead, `host:port` each: every one holds a part of the layers. They
   * are to be trusted, and so is the network between: see docs/devices.md.
   */
  rpc?: readonly string[];
  /** Called before the native library is fetched, which is done once, and with what the user should know. */
  onProgress?: (progress: LibraryProgress | CheckpointNotice) => void;
  /** Stops loading with an `AbortError`. */
  signal?: AbortSignal;
}

/** What these options must be. */
export const loadRules: OptionRules<LoadOptions> = {
  ...computeRules,
  type: oneOf(...fileTypes),
  trainable: {
    meaning: 'true, false or "adapters"',
    isType: (value) => typeof value === "boolean" || value === "adapters",
  },
  rpc: { ...texts, meaning: "an array of host:port" },
  onProgress: callback,
  signal: abortSignal,
};

/** What {@linkcode loadCheckpoint} gives. */
export interface LoadedCheckpoint {
  /** The model: the caller disposes of it. */
  readonly model: Model;
  /** Its tokenizer; nothing if the checkpoint has none. */
  readonly tokenizer: Tokenizer | undefined;
  /** The ids of the tokens that end a text; undefined where the checkpoint does not say. */
  readonly endOfTextIds: readonly number[] | undefined;
}

/**
 * Loads a Hugging Face folder or a GGUF file.
 *
 * @throws {FileFormatError} if it is damaged, holds another model, or an infinity or NaN
 * @throws {Deno.errors.NotFound} if it is missing
 * @throws {RangeError} if there cannot be so many threads, or a value is too large for the type
 * @throws {NativeLibraryError} if the native library cannot be used, or there is no such device
 * @throws {NativeError} if there is not enough memory, or a server cannot be used
 */
export async function loadCheckpoint(
  path: string,
  options: LoadOptions = {},
): Promise<LoadedCheckpoint> {
  const { trainable = false, rpc, onProgress, signal } = options;
  const type = trainable === true ? "f32" : options.type;
  signal?.throwIfAborted();
  using checkpoint = await openCheckpoint(path);
  const { config, tied } = checkpoint;
  checkCacheType(config, options.cacheType);
  for (const text of checkpoint.notices) onProgress?.({ step: "notice", text });
  const device = rpc !== undefined || trainable !== false ? "cpu" : options.device ?? "auto";
  await openLibrary({ device, onProgress, signal });
  using resources = new DisposableStack();
  const typeOf = (spec: ParameterSpec) => typeInMemory(checkpoint, spec, type);
  const toPlace = { config, tied, dtypeOf: typeOf };
  const backend = resources.use(
    rpc === undefined
      ? openBackend(toPlace, { ...options, device })
      : await openRemoteBackend(toPlace, rpc, options),
  );
  const mapped = trainable === true
    ? undefined
    : resources.use(MappedWeights.open(checkpoint, typeOf));
  const weights = resources.use(
    new Weights(backend, config, typeOf, {
      tied,
      file: mapped?.file,
      offsetOf: (spec) => mapped?.offsetOf(spec),
      plain: trainable !== false,
    }),
  );
  // While other threads load the file, the tokenizer is made ready here. Both are awaited, whichever fails: the file must
  // not be unmapped while it is read.
  const [loading, reading] = await Promise.allSettled([
    mapped?.load(weights, signal),
    checkpoint.readTokenizer(),
  ]);
  if (loading.status === "rejected") throw loading.reason;
  if (reading.status === "rejected") throw reading.reason;
  signal?.throwIfAborted();
  const tokenizer = reading.value;
  const remaining = loading.value ?? [...checkpoint.weights.values()].map(({ spec }) => spec);
  await writeWeights(checkpoint, weights, remaining, typeOf, signal);
  const model = new Model(config, weights, backend, options.cacheType);
  resources.move(); // From here on the model owns them.
  rememberOrigin(model, checkpoint);
  return { model, tokenizer, endOfTextIds: checkpoint.settings.endOfTextIds };
}

/** Small weights are always F32 in memory, as the operations that read them want it. */
function typeInMemory(
  checkpoint: Checkpoint,
  spec: ParameterSpec,
  type: FileType | undefined,
): WeightType {
  if (type !== undefined) return storedType(type, spec, checkpoint.config, checkpoint);
  const isSmall = storedType("f16", spec, checkpoint.config, checkpoint) === "f32";
  return isSmall ? "f32" : checkpoint.weights.get(spec.name)!.dtype;
}

async function writeWeights(
  checkpoint: Checkpoint,
  weights: Weights,
  specs: readonly ParameterSpec[],
  typeOf: (spec: ParameterSpec) => WeightType,
  signal: AbortSignal | undefined,
): Promise<void> {
  const largest = Math.max(0, ...specs.map((spec) => byteLengthOf(spec, typeOf(spec))));
  const buffer = new Uint8Array(largest);
  for (const spec of specs) {
    const type = typeOf(spec);
    const bytes = buffer.subarray(0, byteLengthOf(spec, type));
    await readConverted(checkpoint, spec.name, type, bytes, signal);
    await weights.writeAsync(spec.name, bytes);
  }
}
