/**
 * GPT-2 for Deno: run it, look inside, convert it, on ggml.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 *
 * using model = await GPT2.fromPretrained("demo");
 * console.log(await model.generateText("ROMEO:", { maxNewTokens: 40, seed: 1 }));
 * ```
 *
 * What a model computes can be captured and changed in `forward()`, `generate()`, `open()` and `append()`; lenses,
 * attribution, patching and ready-made interventions are in `@allformers/gpt2/inspect`, operations on tensors in `@allformers/gpt2/ops`.
 *
 * Run as a program it is the command line: `deno run -A jsr:@allformers/gpt2 "Once upon a time"`, and `--help` for the rest.
 *
 * @module
 */
import { probeFlag } from "./src/native_library/child_program.ts";

// The model.
export {
  type FromPretrainedOptions,
  GPT2,
  type GPT2Options,
  type SaveGgufOptions,
} from "./src/gpt2.ts";
export type { ForwardOptions, ForwardResult } from "./src/engine/forward.ts";
export type { GradientsOptions } from "./src/training/gradients_options.ts";
export type { ModelGradients } from "./src/training/model_gradients.ts";
export { activationNames } from "./src/model/activation_sites.ts";
export { weightNames } from "./src/model/weight_names.ts";
export type { ParameterOptions } from "./src/model/parameters.ts";
export type { CapturedActivation, CapturedActivations } from "./src/engine/activation_record.ts";
export type { CaptureOptions, HookOptions } from "./src/engine/hook_options.ts";
export type {
  ActivationPlace,
  Intervention,
  InterventionContext,
  InterventionFunction,
  Interventions,
} from "./src/engine/intervention.ts";
export type { Adapter, AdapterOptions, ScaledAdapter } from "./src/model/adapter.ts";
export type { AdaptedWeight, AdapterTarget, AdapterWeights } from "./src/model/adapter_weights.ts";
export { createAdapter, type CreateAdapterOptions } from "./src/model/create_adapter.ts";
export type { CacheType, ComputeOptions } from "./src/model/compute_options.ts";
export type { CreateOptions } from "./src/model/create_model.ts";
export type { InitializeOptions } from "./src/model/initialize.ts";
export type { LoadOptions } from "./src/checkpoint/load.ts";
export type { TokenIds } from "./src/tokenizer/token_ids.ts";
export type { Prompt } from "./src/tokenizer/prompts.ts";
export type { CheckpointNotice } from "./src/checkpoint/checkpoint.ts";
export type { Activation } from "./src/tensor/activations.ts";
export { GPT2Config, type GPT2ConfigFields } from "./src/model/config.ts";
export type { ModelProgress } from "./src/model_store/hub_models.ts";
export type { WriteOptions, WriteProgress } from "./src/base/atomic_file.ts";
export type { SaveAdapterOptions } from "./src/checkpoint/adapters/save_adapter.ts";
export type { DownloadProgress } from "./src/model_store/hub/download.ts";
export type { ReadProgress } from "./src/engine/reading.ts";
export type { FileType } from "./src/checkpoint/file_types.ts";
export { Text } from "./src/generation/text.ts";
export type {
  AppendOptions,
  OpenOptions,
  RestoreOptions,
  TextGenerateOptions,
  TextScoreOptions,
} from "./src/generation/text_options.ts";
export type { Branch, ExploreOptions } from "./src/generation/explore.ts";
export type { GenerateOptions } from "./src/generation/generate_options.ts";
export type { FinishReason, GeneratedToken } from "./src/generation/generated_token.ts";
export type {
  ContinuationScore,
  ScoreContinuationsOptions,
} from "./src/evaluation/score_continuations.ts";
export type {
  ScoredToken,
  ScoreOptions,
  ScoreProgress,
  TextScore,
} from "./src/evaluation/score_texts.ts";
export type { LikelyToken } from "./src/tokenizer/likely_token.ts";
export type { ReadableToken } from "./src/tokenizer/readable_token.ts";
export type { TextPlace } from "./src/evaluation/text_places.ts";
export type { TokenLogProbability, TokenScore } from "./src/engine/target_scores.ts";
export type { BeamOptions } from "./src/generation/beam_options.ts";
export type { TokenRuleOptions } from "./src/generation/token_rules.ts";
export type { DraftModel } from "./src/generation/speculation/draft_models.ts";
export type { DraftResult } from "./src/generation/speculation/speculation.ts";
export type { ConstraintOptions } from "./src/generation/constraints/constraint_options.ts";
export type { FilterOrder, SamplingOptions } from "./src/generation/sampling/sampling_options.ts";

// Text.
export { StreamDecoder } from "./src/tokenizer/stream_decoder.ts";
export { type EncodeOptions, Tokenizer } from "./src/tokenizer/tokenizer.ts";
export type { AddedToken, AddedTokenFlags } from "./src/tokenizer/added_tokens.ts";
export type { TokenizerFiles, TokenizerOptions } from "./src/tokenizer/tokenizer.ts";

// Tensors and the notation on them.
export {
  type AxisSizes,
  einsum,
  rearrange,
  reduce,
  type Reduction,
  repeat,
  unstack,
} from "./src/einops/einops.ts";
export { Backend, type CpuOptions } from "./src/tensor/backend.ts";
export { type Device, type DeviceMemory, findDevices, memoryOf } from "./src/tensor/device.ts";
export type { DeviceName, GpuKind } from "./src/native_library/device_name.ts";
export type { Place } from "./src/tensor/place.ts";
export { RpcServers } from "./src/tensor/rpc_servers.ts";
export {
  type AttentionLowering,
  Graph,
  type GraphOptions,
  type Lowering,
} from "./src/tensor/graph.ts";
export type { Precision } from "./src/tensor/recorder.ts";
export type { Tensor } from "./src/tensor/tensor.ts";
export type { Shape } from "./src/tensor/shape.ts";
export type { TensorType } from "./src/formats/tensor_type.ts";
export {
  type LibraryProgress,
  prepareLibrary,
  type PrepareLibraryOptions,
} from "./src/native_library/native_library.ts";

// What can go wrong.
export {
  FileFormatError,
  HubError,
  NativeError,
  NativeLibraryError,
  NumericalError,
  StorageError,
} from "./src/base/errors.ts";

if (import.meta.main) {
  if (Deno.build.standalone && Deno.args[0] === probeFlag) {
    const { runProbe } = await import("./src/native_library/proof/probe.ts");
    await runProbe(Deno.args.slice(1));
  }
  // Only the program loads the command line; those who import this module do not.
  const { run } = await import("./src/cli/main.ts");
  await run(Deno.args);
}
