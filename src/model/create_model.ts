/**
 * New models with random weights.
 *
 * @module
 */
import {
  abortSignal,
  checkOptions,
  flag,
  integer,
  type OptionRules,
} from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { doInTurns } from "../base/event_loop.ts";
import { openLibrary } from "../native_library/native_library.ts";
import { checkCacheType, type ComputeOptions, computeRules } from "./compute_options.ts";
import { GPT2Config } from "./config.ts";
import { type InitializeOptions, initializing } from "./initialize.ts";
import { Model } from "./model.ts";
import { openBackend } from "./open_backend.ts";
import { Weights } from "./weights.ts";

/** Options of {@linkcode createModel}. */
export interface CreateOptions extends ComputeOptions, InitializeOptions {
  /** Stops the work, where that can be waited for, with an `AbortError`. */
  signal?: AbortSignal;
}

/** What these options must be. */
export const createRules: OptionRules<CreateOptions> = {
  ...computeRules,
  seed: integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  scaleResidualInit: flag,
  signal: abortSignal,
};

/** Makes a model in F32, on the calling thread: for GPT-2 small that takes seconds. */
export function createModel(config: GPT2Config, options: CreateOptions): Model {
  using created = new NewModel(config, options);
  for (const _ of created.steps((weights, name, data) => weights.write(name, data)));
  return created.finish();
}

/**
 * Makes the same model, and leaves the event loop free meanwhile. The native library is fetched if there is none.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function createModelInTurns(
  config: GPT2Config,
  options: CreateOptions,
): Promise<Model> {
  const { device = "auto", signal } = options;
  signal?.throwIfAborted();
  await openLibrary({ device, signal });
  using created = new NewModel(config, options);
  const steps = created.steps((weights, name, data) => weights.writeAsync(name, data));
  await doInTurns(steps, signal);
  return created.finish();
}

/** A model that is being made. What there is of it is freed if it does not come to an end. */
class NewModel implements Disposable {
  readonly #config: GPT2Config;
  readonly #options: CreateOptions;
  readonly #resources = new DisposableStack();
  #finish: (() => Model) | undefined;

  constructor(config: GPT2Config, options: CreateOptions) {
    if (!(config instanceof GPT2Config)) {
      throw new TypeError(
        `Cannot create the model: the configuration must be a GPT2Config: received ` +
          `${describe(config)}. Write for example GPT2Config.tiny().`,
      );
    }
    this.#config = config;
    this.#options = checkOptions("create the model", options, createRules);
    checkCacheType(config, this.#options.cacheType);
  }

  *steps(
    write: (weights: Weights, name: string, data: Uint8Array<ArrayBuffer>) => unknown,
  ): Generator<unknown> {
    const config = this.#config;
    const dtypeOf = () => "f32" as const;
    const backend = this.#resources.use(openBackend({ config, dtypeOf }, this.#options));
    const weights = this.#resources.use(new Weights(backend, config, dtypeOf));
    yield* initializing(
      config,
      (name, data) => write(weights, name, data),
      this.#options,
    );
    this.#finish = () => new Model(config, weights, backend, this.#options.cacheType);
  }

  finish(): Model {
    const model = this.#finish!();
    this.#resources.move(); // From here on the model owns them.
    return model;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
