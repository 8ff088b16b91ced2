/**
 * The class that users hold: a GPT-2 with its tokenizer, to run, continue texts with, and save.
 *
 * @module
 */
import { loadCheckpoint } from "./checkpoint/load.ts";
import type { ModelProgress } from "./model_store/hub_models.ts";
import { resolveModel } from "./model_store/resolve_model.ts";
import type { FileType } from "./checkpoint/file_types.ts";
import { generate, type GeneratedToken, type GenerateOptions } from "./generation/generate.ts";
import type { GPT2Config } from "./model/config.ts";
import { initializeWeights } from "./model/initialize.ts";
import { crossEntropy, IGNORED_TARGET } from "./model/loss.ts";
import { checkTokens, Model } from "./model/model.ts";
import { openBackend } from "./model/open_backend.ts";
import { numParameters } from "./model/parameters.ts";
import { Weights } from "./model/weights.ts";
import type { DeviceName } from "./tensor/device.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** Options of `new GPT2()`. */
export interface GPT2Options {
  /** The same seed gives the same weights. Default: 0. */
  seed?: number;
  /**
   * Whether the matrices that add to the residual stream start smaller, by `1 / sqrt(2 * numLayers)`. Default: true.
   */
  scaleResidualInit?: boolean;
  /** Number of threads. Default: one for each processor, 16 at most, fewer for a model of less than 16 million weights each. */
  threads?: number;
  /**
   * Where weights, keys and values are, and where the model is computed: `"cpu"`, `"cuda"`, `"metal"`, `"vulkan"`, one of
   * several as in `"cuda:1"`, or `"auto"`, the first GPU that it fits into, or else the CPU. Default: `"auto"`.
   */
  device?: DeviceName;
  /** Turns text into tokens and back. Without one, only tokens can be used. */
  tokenizer?: Tokenizer;
}

/** Options of `GPT2.fromPretrained()`. */
export interface FromPretrainedOptions {
  /**
   * The type in which the weights are held: `"f32"`, `"q8_0"`, `"q4_k_m"`, ... Default: as they are stored, and `"q8_0"`
   * for a model of the hub.
   */
  type?: FileType;
  /** Number of threads. Default: one for each processor, 16 at most, fewer for a model of less than 16 million weights each. */
  threads?: number;
  /**
   * Where weights, keys and values are, and where the model is computed: `"cpu"`, `"cuda"`, `"metal"`, `"vulkan"`, one of
   * several as in `"cuda:1"`, or `"auto"`, the first GPU that it fits into, or else the CPU. Default: `"auto"`.
   */
  device?: DeviceName;
  /**
   * Servers on other machines that compute the model instead, `host:port` each: every one holds a part of the layers. They
   * are to be trusted, and so is the network between: see docs/devices.md.
   */
  rpc?: readonly string[];
  /** Called while the model is made ready, where that takes long: what is downloaded, converted or built is kept. */
  onProgress?: (progress: ModelProgress) => void;
  /** Stops loading with an `AbortError`. What has been downloaded is kept, and taken up again the next time. */
  signal?: AbortSignal;
}

/** Options of `GPT2.forward()`. */
export interface ForwardOptions {
  /**
   * The token that should follow at each position, in the shape of the tokens; -100 where none counts. Given these,
   * the result has a loss.
   */
  targets?: readonly number[] | readonly (readonly number[])[];
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** What `GPT2.forward()` gives. */
export interface ForwardResult {
  /** (batch seq vocab), row by row. */
  logits: Float32Array<ArrayBuffer>;
  /** The sizes of the three axes of `logits`. */
  shape: [batch: number, seq: number, vocab: number];
  /** Mean cross-entropy of the targets in nats, where targets were given. */
  loss?: number;
}

/** A text, or its tokens. */
export type Prompt = string | readonly number[];

/**
 * A GPT-2.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 *
 * using model = await GPT2.fromPretrained("demo");
 * for await (const { text } of model.generate("ROMEO:", { maxNewTokens: 20, seed: 1 })) {
 *   await Deno.stdout.write(new TextEncoder().encode(text));
 * }
 * ```
 *
 * Calls may overlap; they are computed one after another. `using` (or `[Symbol.dispose]()`) frees the native memory,
 * after the computation that is running; a use after that is an error.
 */
export class GPT2 implements Disposable {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** Turns text into tokens and back; `undefined` for a model without one. */
  readonly tokenizer: Tokenizer | undefined;
  /**
   * The tokens that end a text: those that the model's configuration names, or else the tokenizer's own; none if there is
   * no such token.
   */
  readonly endOfTextIds: readonly number[];
  readonly #model: Model;

  /**
   * A model with random weights in F32.
   *
   * @param config sizes of the model
   * @param options see {@linkcode GPT2Options}
   * @throws {RangeError} if an option is out of range, or the tokenizer has another vocabulary
   * @throws {NativeLibraryError} if the native library cannot be used, or there is no such device
   */
  constructor(config: GPT2Config, options: GPT2Options = {}) {
    this.#model = options instanceof Loaded ? options.model : createModel(config, options);
    this.config = config;
    this.tokenizer = options.tokenizer;
    const { endOfTextId } = options.tokenizer ?? {};
    this.endOfTextIds = (options instanceof Loaded ? options.endOfTextIds : undefined) ??
      (endOfTextId === undefined ? [] : [endOfTextId]);
  }

  /**
   * Loads a model. One of Hugging Face's hub is downloaded and converted the first time; from then on it is a file in the
   * user's cache, and no request is made. The same goes for the demo model where this package is imported from the web.
   *
   * @param source `"demo"`, the path of a Hugging Face folder, the path of a `.gguf` file, or a model of the hub: `"gpt2"`,
   *   `"owner/name"`, `"owner/name@revision"` or `"owner/name:file.gguf"`
   * @param options see {@linkcode FromPretrainedOptions}
   * @throws {Deno.errors.NotFound} if there is no such file, folder, or model
   * @throws {HubError} if the hub may not be asked, refuses, or fails several times
   * @throws {StorageError} if the cache cannot be written
   * @throws {FileFormatError} if a file is damaged or not a GPT-2
   * @throws {Deno.errors.NotCapable} if Deno may not do what this needs; the message names the permission
   * @throws {NativeLibraryError} if the native library cannot be used, or there is no such device
   * @throws {NativeError} if there is not enough memory, or a server cannot be used or is lost
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  static async fromPretrained(
    source: string | URL,
    options: FromPretrainedOptions = {},
  ): Promise<GPT2> {
    const { type, onProgress, signal } = options;
    const path = await resolveModel(source, { type, onProgress, signal });
    const { model, tokenizer, endOfTextIds } = await loadCheckpoint(path, options);
    return new GPT2(model.config, new Loaded(model, tokenizer, endOfTextIds));
  }

  /**
   * Logits for every position, and the loss if targets are given.
   *
   * ```ts
   * import { GPT2, GPT2Config } from "@allformers/gpt2";
   *
   * using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
   * const { loss } = await model.forward([1, 2, 3], { targets: [2, 3, 4] });
   * console.log(loss); // near ln(1000): it knows nothing yet
   * ```
   *
   * @param tokens one text, or several of equal length: (seq) or (batch seq)
   * @throws {RangeError} if a token is not in the vocabulary, or there are more than the context length
   * @throws {TypeError} if texts differ in length, or the targets in shape
   */
  async forward(
    tokens: readonly number[] | readonly (readonly number[])[],
    options: ForwardOptions = {},
  ): Promise<ForwardResult> {
    const { vocabSize, contextLength } = this.config;
    const { batch, seq, data } = flatten("tokens", tokens);
    checkTokens(data, vocabSize);
    if (seq < 1 || seq > contextLength) {
      throw new RangeError(
        `Cannot read ${seq} tokens: a text has from 1 to ${contextLength} of them`,
      );
    }
    const targets = options.targets && flatten("targets", options.targets);
    if (targets) {
      if (targets.batch !== batch || targets.seq !== seq) {
        throw new TypeError(
          `Cannot compute the loss: targets must have the shape of the tokens, (${batch}, ${seq}): ` +
            `received (${targets.batch}, ${targets.seq})`,
        );
      }
      checkTokens(targets.data.filter((target) => target !== IGNORED_TARGET), vocabSize);
    }
    const logits = await this.#model.logits(Int32Array.from(data), batch, seq, options.signal);
    const result: ForwardResult = { logits, shape: [batch, seq, vocabSize] };
    if (targets) result.loss = crossEntropy(logits, targets.data, vocabSize);
    return result;
  }

  /**
   * Continues a prompt, or several side by side, token by token. Leave the loop to stop; nothing is left behind.
   *
   * @param prompt a text, its tokens, or an array of either; an empty text starts from `<|endoftext|>`
   * @param options see {@linkcode GenerateOptions}
   * @throws {RangeError} if an option is out of range, or a prompt does not fit into the context
   * @throws {TypeError} if a text is given but the model has no tokenizer
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  generate(
    prompt: Prompt | readonly Prompt[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const prompts = isSinglePrompt(prompt) ? [prompt] : prompt;
    const tokens = prompts.map((one) => this.#encode(one));
    return generate(this.#model, this, tokens, options);
  }

  /** The continuation of a prompt as one text, without the prompt. See {@linkcode GPT2.generate}. */
  async generateText(prompt: Prompt, options?: GenerateOptions): Promise<string>;
  /** The continuations of several prompts; with `numReturnSequences`, all those of the first prompt come first. */
  async generateText(prompts: readonly Prompt[], options?: GenerateOptions): Promise<string[]>;
  async generateText(
    prompt: Prompt | readonly Prompt[],
    options: GenerateOptions = {},
  ): Promise<string | string[]> {
    const isSingle = isSinglePrompt(prompt);
    const perPrompt = options.numReturnSequences ?? 1;
    if (isSingle && perPrompt !== 1) {
      throw new RangeError(
        `Cannot return ${perPrompt} texts for one prompt as one: pass the prompt in an array`,
      );
    }
    const texts = new Array<string>((isSingle ? 1 : prompt.length) * perPrompt).fill("");
    for await (const token of this.generate(prompt, options)) {
      texts[token.prompt * perPrompt + token.sequence] += token.text;
    }
    return isSingle ? texts[0] : texts;
  }

  /**
   * The number of weights. The vocabulary projection shares those of the token embedding, unless it was stored apart.
   *
   * @param options `nonEmbedding` leaves out the position embedding
   */
  numParameters(options: { nonEmbedding?: boolean } = {}): number {
    return numParameters(this.config, { ...options, tied: this.#model.weights.tied });
  }

  /**
   * Writes a folder that Hugging Face transformers loads: config.json, model.safetensors in F32, and the tokenizer.
   *
   * @throws {StorageError} if the folder cannot be written
   */
  async saveSafetensors(folder: string): Promise<void> {
    // Here and below: who only runs a model does not wait for what writes one.
    const { saveSafetensors } = await import("./checkpoint/hugging_face/save_safetensors.ts");
    await saveSafetensors(this.#model, this.tokenizer, folder);
  }

  /**
   * Writes a GGUF file, which llama.cpp loads too if the model has a tokenizer.
   *
   * @param options `type` is the type of the weights in the file; default: as they are in memory
   * @throws {StorageError} if the file cannot be written
   * @throws {Deno.errors.NotFound} if weights must be read again from the file that the model came from, and that was
   *   removed or replaced, be it by this function
   */
  async saveGguf(path: string, options: { type?: FileType } = {}): Promise<void> {
    const { saveGguf } = await import("./checkpoint/gguf/save_gguf.ts");
    await saveGguf(this.#model, this.tokenizer, path, options);
  }

  /** Frees the native memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }

  #encode(prompt: Prompt): readonly number[] {
    if (typeof prompt !== "string") return prompt;
    if (this.tokenizer === undefined) {
      throw new TypeError("Cannot read a text: the model has no tokenizer: pass tokens instead");
    }
    const tokens = this.tokenizer.encode(prompt);
    const { endOfTextId } = this.tokenizer;
    return tokens.length === 0 && endOfTextId !== undefined ? [endOfTextId] : tokens;
  }
}

/** A model that is in memory already, on its way from `fromPretrained()` to the constructor. */
class Loaded {
  constructor(
    readonly model: Model,
    readonly tokenizer: Tokenizer | undefined,
    readonly endOfTextIds: readonly number[] | undefined,
  ) {}
}

function createModel(config: GPT2Config, options: GPT2Options): Model {
  const { tokenizer } = options;
  if (tokenizer !== undefined && tokenizer.vocabSize !== config.vocabSize) {
    throw new RangeError(
      `Cannot create the model: the tokenizer has ${tokenizer.vocabSize} tokens: ` +
        `received a vocabSize of ${config.vocabSize}`,
    );
  }
  const dtypeOf = () => "f32" as const;
  const backend = openBackend({ config, dtypeOf }, options);
  const weights = new Weights(backend, config, dtypeOf);
  initializeWeights(weights, config, options);
  return new Model(config, weights, backend);
}

function isSinglePrompt(prompt: Prompt | readonly Prompt[]): prompt is Prompt {
  return typeof prompt === "string" || typeof prompt[0] === "number" || prompt.length === 0;
}

/** Puts rows of equal length one after another. */
function flatten(
  name: string,
  rows: readonly number[] | readonly (readonly number[])[],
): { batch: number; seq: number; data: number[] } {
  const nested = typeof rows[0] === "number" ? [rows as readonly number[]] : rows;
  const texts = nested as readonly (readonly number[])[];
  const seq = texts[0]?.length ?? 0;
  if (texts.some((text) => text.length !== seq)) {
    throw new TypeError(
      `Cannot read ${name}: all texts must have the same length: ` +
        `received ${texts.map((text) => text.length).join(", ")}`,
    );
  }
  return { batch: texts.length, seq, data: texts.flat() };
}
