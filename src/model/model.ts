/**
 * A GPT-2 that is ready to run: sizes, weights, and the backend that holds them.
 *
 * @module
 */
import { DisposedError, InvalidArgumentError } from "../base/errors.ts";
import { type Backend, giveBackend, maxUsefulThreads } from "../tensor/backend.ts";
import type { AttentionLowering } from "../tensor/graph.ts";
import { canAttendRagged, canFuseAttention } from "../tensor/fused_attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ThreadChoice } from "../tensor/thread_choice.ts";
import type { CacheType } from "./compute_options.ts";
import { adaptParameters, type LowRankUpdates } from "./adapt_parameters.ts";
import type { GPT2Config } from "./config.ts";
import { gpt2 } from "./gpt2.ts";
import { numParameters } from "./parameters.ts";
import type { Pass } from "./pass.ts";
import type { Weights } from "./weights.ts";

/**
 * Owns a backend and the weights in its memory. It computes nothing itself: the engine does.
 */
export class Model implements Disposable {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** The weights. */
  readonly weights: Weights;
  /** Where the weights are and where the model is computed. */
  readonly backend: Backend;
  /** The type of remembered keys and values. */
  readonly cacheType: CacheType;
  /** How attention is carried out: in one kernel, unless a device does not have it. */
  readonly attention: AttentionLowering;
  /** Whether new positions of any texts are computed together: our own kernel for attention has no need for masks. */
  readonly hasRaggedAttention: boolean;
  /** How many threads are best for writing texts, token by token, and for reading short ones. */
  readonly threadChoice: ThreadChoice;
  /** What has memory of the same backend and belongs to this model: it goes with it. */
  readonly dependents: Set<Disposable> = new Set();
  #disposed = false;

  /**
   * Takes ownership of both `weights` and `backend`.
   *
   * @param cacheType see {@linkcode ComputeOptions.cacheType}
   * @throws {RangeError} if keys and values cannot be of that type
   */
  constructor(config: GPT2Config, weights: Weights, backend: Backend, cacheType?: CacheType) {
    this.config = config;
    this.weights = weights;
    this.backend = backend;
    giveBackend(backend, "the model");
    this.threadChoice = new ThreadChoice(backend.threads);
    const exact = weights.parameters.blocks[0].qkvProjection.weight.dtype === "f32";
    this.cacheType = cacheType ?? (exact ? "f32" : "f16");
    const canFuse = canFuseAttention(backend, config.headDim, this.cacheType);
    this.attention = canFuse ? "fused" : "explicit";
    if (this.cacheType === "q8_0" && !canFuse) {
      throw new InvalidArgumentError(
        `Cannot remember keys and values as q8_0: ${backend.name} does not compute attention with them. Use cacheType "f16" or "f32".`,
      );
    }
    this.hasRaggedAttention = canAttendRagged(backend, config.headDim, this.cacheType);
  }

  /**
   * Builds the forward pass for `pass`.
   *
   * @param updates what adapters add to weights
   * @returns the logits
   */
  build(pass: Pass, updates?: LowRankUpdates): Tensor {
    const { parameters } = this.weights;
    const adapted = updates === undefined ? parameters : adaptParameters(parameters, updates);
    return gpt2(pass, adapted, this.config);
  }

  /** Throws if the model has been disposed of, or a server that holds a part of it is lost. */
  checkUsable(): void {
    if (this.#disposed) throw new DisposedError("use the model");
    this.backend.checkConnected();
  }

  /** Frees weights and backend, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const dependent of this.dependents) dependent[Symbol.dispose]();
    this.weights[Symbol.dispose]();
    this.backend[Symbol.dispose]();
  }
}

/** Fewer weights than this are not worth a further thread. */
const PARAMETERS_PER_THREAD = 16e6;

/**
 * The number of threads that a model of this size is computed with if nobody says otherwise: all useful ones from
 * GPT-2 small on, one for a tiny model. After each operation the threads wait for each other; for a small model that
 * takes longer than the operation, and much longer when another process holds a processor.
 */
export function suitableThreads(config: GPT2Config): number {
  const worthwhile = Math.ceil(numParameters(config) / PARAMETERS_PER_THREAD);
  return Math.min(worthwhile, maxUsefulThreads());
}
