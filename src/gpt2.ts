/**
 * The class that users hold: a GPT-2 with its tokenizer, to run, continue texts with, and save.
 *
 * @module
 */
import { showFields } from "./base/show_fields.ts";
import { InvalidArgumentError } from "./base/errors.ts";
import {
  abortSignal,
  callback,
  checkOptions,
  flag,
  type OptionRules,
  share,
  text,
} from "./base/check_options.ts";
import { checkPath } from "./base/check_path.ts";
import type { WriteOptions } from "./base/atomic_file.ts";
import { describe } from "./base/describe.ts";
import type { SaveAdapterOptions } from "./checkpoint/adapters/save_adapter.ts";
import type { FileType } from "./checkpoint/file_types.ts";
import {
  loadCheckpoint,
  type LoadedCheckpoint,
  type LoadOptions,
  loadRules,
} from "./checkpoint/load.ts";
import { Engine } from "./engine/engine.ts";
import { registerEngine } from "./engine/engines.ts";
import { adapterRules, startAdapters } from "./engine/start_adapters.ts";
import { forward, type ForwardOptions, type ForwardResult } from "./engine/forward.ts";
import { generate } from "./generation/generate.ts";
import { joinTexts } from "./generation/join_texts.ts";
import type { GenerateOptions } from "./generation/generate_options.ts";
import type { GeneratedToken } from "./generation/generated_token.ts";
import {
  copyOnlyPrompt,
  copyPrompts,
  encodePrompts,
  isPrompt,
  listPrompts,
  type Prompt,
} from "./tokenizer/prompts.ts";
import type { Adapter, ScaledAdapter } from "./model/adapter.ts";
import type { AdapterWeights } from "./model/adapter_weights.ts";
import type { TensorType } from "./formats/tensor_type.ts";
import type { GPT2Config } from "./model/config.ts";
import {
  createModel,
  createModelInTurns,
  type CreateOptions,
  createRules,
} from "./model/create_model.ts";
import type { Model } from "./model/model.ts";
import { numParameters } from "./model/parameters.ts";
import type { TokenIds } from "./tokenizer/token_ids.ts";
import type { ModelProgress } from "./model_store/hub_models.ts";
import type {
  ContinuationScore,
  ScoreContinuationsOptions,
} from "./evaluation/score_continuations.ts";
import type { Scorer } from "./evaluation/scorer.ts";
import type { ScoreOptions, TextScore } from "./evaluation/score_texts.ts";
import type { Branch, ExploreOptions } from "./generation/explore.ts";
import { beginText, Text } from "./generation/text.ts";
import {
  type OpenOptions,
  openRules,
  type RestoreOptions,
  restoreRules,
} from "./generation/text_options.ts";
import { resolveModel } from "./model_store/resolve_model.ts";
import {
  copyRows,
  GRADIENTS_ACTION,
  type GradientsOptions,
  gradientsRules,
} from "./training/gradients_options.ts";
import type { ModelGradients } from "./training/model_gradients.ts";
import { Tokenizer } from "./tokenizer/tokenizer.ts";

/** Options of `new GPT2()` and `GPT2.create()`. */
export interface GPT2Options extends Omit<CreateOptions, "signal"> {
  /** Turns text into tokens and back. Without one, only tokens can be used. */
  tokenizer?: Tokenizer;
}

/** Options of `GPT2.fromPretrained()`. Default of `type` for a model of the hub: `"q8_0"`. */
export interface FromPretrainedOptions extends Omit<LoadOptions, "onProgress"> {
  /** Called while the model is made ready, where that takes long: what is downloaded or converted is kept. */
  onProgress?: (progress: ModelProgress) => void;
}

/** Options of `GPT2.saveGguf()`. */
export interface SaveGgufOptions extends WriteOptions {
  /** The type of the weights in the file. Default: each as it is in memory. */
  type?: FileType;
}

const SAVE_RULES: OptionRules<WriteOptions> = { onProgress: callback, signal: abortSignal };

const SAVE_ADAPTER_RULES: OptionRules<SaveAdapterOptions> = {
  ...SAVE_RULES,
  baseModel: text,
  baseRevision: text,
  dropout: share,
};

const { signal: _signal, ...newModelRules } = createRules;

const GPT2_RULES: OptionRules<GPT2Options> = {
  ...newModelRules,
  tokenizer: { meaning: "a Tokenizer", isType: (value) => value instanceof Tokenizer },
};

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
 * Calls may overlap: they are computed together, and each gets what it would get alone. `using` (or `[Symbol.dispose]()`) frees the native memory,
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
  readonly #engine: Engine;

  /**
   * A model with random weights in F32.
   *
   * @param config sizes of the model
   * @param options see {@linkcode GPT2Options}
   * @throws {RangeError} if an option is out of range, or the tokenizer has another vocabulary
   * @throws {NativeLibraryError} if the native library cannot be used, or there is no such device
   */
  constructor(config: GPT2Config, options?: GPT2Options);
  /** @ignore For `fromPretrained()` and `create()`: the model is in memory already. */
  constructor(config: GPT2Config, options: GPT2Options, loaded: LoadedCheckpoint);
  constructor(config: GPT2Config, options: GPT2Options = {}, loaded?: LoadedCheckpoint) {
    if (loaded === undefined) options = checkOptions("create the model", options, GPT2_RULES);
    const { tokenizer, ...creating } = options;
    if (loaded === undefined) checkVocabulary(config, tokenizer);
    const { model, ...rest } = loaded ??
      { model: createModel(config, creating), tokenizer, endOfTextIds: undefined };
    const { endOfTextId } = rest.tokenizer ?? {};
    this.#model = model;
    this.#engine = new Engine(model);
    this.config = model.config;
    this.tokenizer = rest.tokenizer;
    this.endOfTextIds = rest.endOfTextIds ?? (endOfTextId === undefined ? [] : [endOfTextId]);
    registerEngine(this, this.#engine);
  }

  /**
   * A model with random weights in F32, the same that `new GPT2()` makes. That takes seconds for GPT-2 small; here the event
   * loop stays free meanwhile, and a native library is fetched if there is none.
   *
   * @param config sizes of the model
   * @param options see {@linkcode GPT2Options}; `signal` stops the work with an `AbortError`
   */
  static async create(
    config: GPT2Config,
    options: GPT2Options & Pick<CreateOptions, "signal"> = {},
  ): Promise<GPT2> {
    options = checkOptions("create the model", options, { ...GPT2_RULES, signal: abortSignal });
    const { tokenizer, ...creating } = options;
    checkVocabulary(config, tokenizer);
    const model = await createModelInTurns(config, creating);
    return new GPT2(config, {}, { model, tokenizer, endOfTextIds: undefined });
  }

  /**
   * Loads a model. One of Hugging Face's hub is downloaded and converted the first time; from then on it is a file in the
   * user's cache, and no request is made. The same goes for the demo model where this package is imported from the web.
   *
   * Without `type` a model is computed in the type in which it is stored: a folder in F16 or BF16 gives logits that differ
   * from those of F32 by about 1.5e-3 or 1.3e-2; with `type: "f32"` they are transformers' within 1e-4.
   *
   * @param source `"demo"`, the path of a Hugging Face folder, of a `.gguf` file, or of a training run, whose best model is
   *   taken, or a model of the hub: `"gpt2"`, `"owner/name"`, `"owner/name@revision"` or `"owner/name:file.gguf"`
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
    if (typeof source !== "string" && !(source instanceof URL)) {
      throw new TypeError(
        `Cannot load a model: its name must be a text or a URL: received ${describe(source)}.`,
      );
    }
    options = checkOptions("load a model", options, { ...loadRules, onProgress: callback });
    const { trainable, onProgress, signal } = options;
    const type = trainable === true ? "f32" : options.type;
    const path = await resolveModel(source, { type, onProgress, signal });
    const loaded = await loadCheckpoint(path, options);
    return new GPT2(loaded.model.config, {}, loaded);
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
   * @param tokens one text, or several of any lengths: (seq) or (batch seq)
   * @throws {TypeError} if an argument has the wrong type, or the targets another shape than the tokens
   * @throws {RangeError} if a token is not in the vocabulary, there are more than the context length, or the result would
   * be too large
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async forward(
    tokens: TokenIds | readonly TokenIds[],
    options: ForwardOptions = {},
  ): Promise<ForwardResult> {
    return await forward(this.#engine, tokens, options);
  }

  /**
   * How much the loss of a text changes with each element of activations and weights: their gradients. Or how much one logit
   * does, or the difference of two.
   *
   * ```ts
   * import { GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * const tokens = model.tokenizer!.encode("KING RICHARD");
   * const [answer] = model.tokenizer!.encode(" III");
   * const { value, gradients } = await model.gradients(tokens, { of: ["blocks.3.residual"], answer });
   * console.log(value, gradients.get("blocks.3.residual")!.shape); // the logit, and (batch seq embed)
   * ```
   *
   * Weights of every type will do: the way back goes through what they stand for. They are computed on the processor.
   *
   * @param tokens one text, or several of any lengths: (seq) or (batch seq)
   * @param options see {@linkcode GradientsOptions}; interventions count: the gradients are those of what they make of the text
   * @throws {TypeError} if an argument has the wrong type, the model is on a device, or an intervention has no gradient
   * @throws {RangeError} if there is no such activation, weight, token or position, there are more tokens than the context
   * length, or more is asked for than can be kept
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async gradients(
    tokens: TokenIds | readonly TokenIds[],
    options: GradientsOptions,
  ): Promise<ModelGradients> {
    // At once: what the caller's arrays say later makes no difference.
    const checked = checkOptions(GRADIENTS_ACTION, options, gradientsRules);
    const texts = copyRows("tokens", tokens);
    const { modelGradients } = await import("./training/model_gradients.ts");
    return await modelGradients(this.#engine, texts, checked);
  }

  /**
   * Continues a prompt, or several side by side, token by token. Leave the loop to stop; nothing is left behind.
   *
   * @param prompt a text, its tokens, or an array of either; an empty text starts from `<|endoftext|>`, and an empty array,
   * which is no token and no prompt, is refused
   * @param options see {@linkcode GenerateOptions}
   * @throws {RangeError} if an option is out of range, a prompt does not fit into the context, or a constraint cannot be
   * fulfilled or is not supported
   * @throws {TypeError} if a text or a constraint is given but the model has no tokenizer
   * @throws {SyntaxError} if a regular expression does not parse
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  generate(
    prompt: Prompt | readonly Prompt[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const tokens = encodePrompts(
      this.tokenizer,
      listPrompts(prompt, "generate"),
      options?.allowSpecial,
    );
    return generate(this.#engine, this, tokens, options);
  }

  /**
   * Opens a text: the model reads the prompt, and remembers it. See {@linkcode Text} for what can be done with it then.
   *
   * @param prompt a text or its tokens; without one the text is empty
   * @param options see {@linkcode OpenOptions}
   * @throws {RangeError} if the prompt does not fit into the context
   * @throws {TypeError} if a text is given but the model has no tokenizer
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async open(prompt?: Prompt, options: OpenOptions = {}): Promise<Text> {
    const { adapters: given, ...appending } = checkOptions("open the text", options, openRules);
    const own = prompt === undefined ? undefined : copyOnlyPrompt(prompt, "open the text");
    const adapters = await startAdapters("open the text", this.#model, { adapters: given });
    const sequence = this.#engine.open({ adapters });
    const text = new Text(this.#engine, this, { tokens: [], sequence });
    try {
      return own === undefined ? text : await beginText(text, own, appending);
    } catch (error) {
      text[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Opens a text that `Text.save()` has written, without reading its tokens again.
   *
   * @param options see {@linkcode RestoreOptions}
   * @throws {FileFormatError} if the file is damaged, or the text was read by another model
   * @throws {Deno.errors.NotFound} if there is no such file
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async restore(path: string, options: RestoreOptions = {}): Promise<Text> {
    checkPath("restore the text", path);
    const { signal, ...reading } = checkOptions("restore the text", options, restoreRules);
    const adapters = await startAdapters("restore the text", this.#model, reading);
    const { restoreText } = await import("./generation/saved_text.ts");
    const restored = await restoreText(this.#engine, path, { signal, adapters });
    return new Text(this.#engine, this, restored);
  }

  /**
   * The likely continuations of a prompt, as a tree.
   *
   * ```ts
   * import { GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * for (const { text, logProbability } of await model.explore("ROMEO:", { depth: 2 })) {
   *   console.log(JSON.stringify(text), Math.exp(logProbability));
   * }
   * ```
   *
   * @param prompt a text or its tokens
   * @param options see {@linkcode ExploreOptions}
   * @throws {RangeError} if an option is out of range, or there is no room or memory for so many tokens
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async explore(prompt: Prompt, options: ExploreOptions = {}): Promise<readonly Branch[]> {
    const [tokens] = encodePrompts(this.tokenizer, [prompt], options?.allowSpecial, "explore");
    const { explore } = await import("./generation/explore.ts");
    return await explore(this.#engine, tokens, this, options);
  }

  /**
   * How likely a text is, token by token. Several texts of any lengths are read side by side.
   *
   * ```ts
   * import { GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * const { tokens, perplexity, bitsPerByte } = await model.score("To be, or not to be");
   * for (const { text, logProbability, rank } of tokens) console.log(text, logProbability, rank);
   * console.log(perplexity, bitsPerByte);
   * ```
   *
   * @param text a text or its tokens, of any length: one that is longer than the context is read in windows that overlap
   * @param options see {@linkcode ScoreOptions}
   * @throws {TypeError} if it is neither a text nor tokens, or a text is given but the model has no tokenizer
   * @throws {RangeError} if an option is out of range, or a token not in the vocabulary
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async score(text: Prompt, options?: ScoreOptions): Promise<TextScore>;
  /** How likely each of several texts is: of none, for an empty array, none. (An empty typed array is a text without tokens.) */
  async score(texts: readonly Prompt[], options?: ScoreOptions): Promise<TextScore[]>;
  async score(
    text: Prompt | readonly Prompt[],
    options?: ScoreOptions,
  ): Promise<TextScore | TextScore[]> {
    // An empty array is a list of no texts, not a text of no tokens.
    const isEmpty = Array.isArray(text) && text.length === 0;
    const list: readonly Prompt[] = isEmpty ? [] : listPrompts(text, "score");
    const texts = copyPrompts(list, "score", "the prompt");
    const scores = await Array.fromAsync(this.scoreEach(texts, options));
    return isPrompt(text) && !isEmpty ? scores[0] : scores;
  }

  /**
   * How likely each of many texts is: they are asked for when there is room for them, and their scores come in their order.
   *
   * @param texts texts or their tokens
   * @param options see {@linkcode GPT2.score}
   */
  async *scoreEach(
    texts: Iterable<Prompt> | AsyncIterable<Prompt>,
    options?: ScoreOptions,
  ): AsyncGenerator<TextScore, void, undefined> {
    const { scoreTexts } = await import("./evaluation/score_texts.ts");
    yield* scoreTexts(this.#scorer, texts, options);
  }

  /**
   * How likely each of several continuations of a prompt is, which is read once.
   *
   * ```ts
   * import { GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * const scores = await model.scoreContinuations("To be, or not to", [" be", " see", " the"]);
   * for (const { logProbability, isGreedy } of scores) console.log(logProbability, isGreedy);
   * ```
   *
   * Texts are divided into tokens together with the prompt, as lm-evaluation-harness does it: a continuation has the tokens
   * of both together behind as many as the prompt has alone, and spaces at the end of the prompt belong to it. Of a prompt
   * that is too long, the end counts.
   *
   * @param prompt a text or its tokens; an empty text stands for the beginning of one
   * @param continuations texts or tokens, at least one token each
   * @param options see {@linkcode ScoreContinuationsOptions}
   * @throws {TypeError} if one is neither a text nor tokens, or a text is given but the model has no tokenizer
   * @throws {RangeError} if a continuation has no token, or more than the context, or a token is not in the vocabulary
   * @throws {NumericalError} if the model computes something that is not a number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async scoreContinuations(
    prompt: Prompt,
    continuations: readonly Prompt[],
    options?: ScoreContinuationsOptions,
  ): Promise<ContinuationScore[]> {
    // At once: what the caller's arrays say later makes no difference.
    const others = copyPrompts(continuations, "score", "continuations");
    const own = copyOnlyPrompt(prompt, "score");
    const { scoreContinuations } = await import("./evaluation/score_continuations.ts");
    return await scoreContinuations(this.#scorer, own, others, options);
  }

  get #scorer(): Scorer {
    return { engine: this.#engine, tokenizer: this.tokenizer, endOfTextIds: this.endOfTextIds };
  }

  /** The continuation of a prompt as one text, without the prompt. See {@linkcode GPT2.generate}. */
  async generateText(prompt: Prompt, options?: GenerateOptions): Promise<string>;
  /** The continuations of several prompts; with `numReturnSequences`, all those of the first prompt come first. */
  async generateText(prompts: readonly Prompt[], options?: GenerateOptions): Promise<string[]>;
  async generateText(
    prompt: Prompt | readonly Prompt[],
    options: GenerateOptions = {},
  ): Promise<string | string[]> {
    return await joinTexts(this.tokenizer, prompt, options, () => this.generate(prompt, options));
  }

  /**
   * Loads an adapter (LoRA): a folder that Hugging Face's PEFT saved, that of a training run, or a GGUF file of llama.cpp's. It changes the calls that
   * name it among their `adapters`, and all after {@linkcode GPT2.useAdapters}.
   *
   * ```ts
   * import { createAdapter, GPT2 } from "@allformers/gpt2";
   *
   * using model = await GPT2.fromPretrained("demo");
   * using adapter = await model.loadAdapter(createAdapter(model.config)); // or "my-lora", "my-lora.gguf"
   * const adapters = [{ adapter, scale: 0.8 }];
   * console.log(await model.generateText("ROMEO:", { adapters, maxNewTokens: 5 }));
   * ```
   *
   * @param source its path, or its weights
   * @throws {FileFormatError} if it is damaged, no adapter, one of a kind that cannot be computed here, or for a model of
   * another size
   * @throws {Deno.errors.NotFound} if there is no such file or folder
   * @throws {RangeError} if weights are given that do not fit this model
   * @throws {NativeError} if there is not enough memory
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async loadAdapter(
    source: string | AdapterWeights,
    options: { signal?: AbortSignal } = {},
  ): Promise<Adapter> {
    const { signal } = checkOptions("load the adapter", options, { signal: abortSignal });
    this.#model.checkUsable();
    const { ModelAdapter } = await import("./model/model_adapter.ts");
    if (typeof source !== "string") return new ModelAdapter(this.#model, source);
    checkPath("load the adapter", source);
    const { readAdapter } = await import("./checkpoint/adapters/read_adapter.ts");
    return new ModelAdapter(this.#model, await readAdapter(source, this.config, { signal }));
  }

  /**
   * Writes an adapter in F32: a file that llama.cpp loads where the path ends in `.gguf`, otherwise a folder that PEFT loads.
   *
   * @param adapter one that {@linkcode GPT2.loadAdapter} gave, or its weights
   * @param options `baseModel` and `baseRevision`: where PEFT finds the model, which it reads where none is given; `onProgress`
   *   is called as the file grows; `signal` stops the work with an `AbortError`
   * @throws {StorageError} if it cannot be written
   */
  async saveAdapter(
    adapter: Adapter | AdapterWeights,
    path: string,
    options: SaveAdapterOptions = {},
  ): Promise<void> {
    checkPath("save the adapter", path);
    options = checkOptions("save the adapter", options, SAVE_ADAPTER_RULES);
    const { saveAdapter } = await import("./checkpoint/adapters/save_adapter.ts");
    await saveAdapter(adapter, this.config, path, options);
  }

  /**
   * Sets the adapters of all calls from now on that do not name any: also of what looks inside of the model. Texts that are
   * open keep theirs.
   *
   * @param adapters each alone or with a scale; an empty array for none
   * @throws {TypeError} if something is no adapter of this model, or has been disposed of
   * @throws {RangeError} if a scale is no finite number
   */
  async useAdapters(adapters: readonly (Adapter | ScaledAdapter)[]): Promise<void> {
    const action = "use adapters";
    const checked = checkOptions(action, { adapters }, adapterRules);
    this.#engine.adapters = await startAdapters(action, this.#model, checked) ?? undefined;
  }

  /**
   * The type in which most of the weights are held: that of the file, or what was asked for; `"q8_0"` for a model of the hub
   * where nothing was. What is measured with it is measured of these weights.
   */
  get weightType(): TensorType {
    return this.#model.weights.mainType;
  }

  /**
   * The number of weights. The vocabulary projection shares those of the token embedding, unless it was stored apart.
   *
   * @param options `nonEmbedding` leaves out the position embedding
   */
  numParameters(options: { nonEmbedding?: boolean } = {}): number {
    options = checkOptions("count the weights", options, { nonEmbedding: flag });
    return numParameters(this.config, { ...options, tied: this.#model.weights.tied });
  }

  /**
   * Writes a folder that Hugging Face transformers loads: config.json, model.safetensors in F32, and the tokenizer. Not while
   * a `Trainer` does a step, which changes the weights that are being written; likewise the other functions that save.
   *
   * @param options `onProgress` is called as model.safetensors grows; `signal` stops the work with an `AbortError`
   * @throws {StorageError} if the folder cannot be written
   */
  async saveSafetensors(folder: string, options: WriteOptions = {}): Promise<void> {
    checkPath("save the model", folder);
    options = checkOptions("save the model", options, SAVE_RULES);
    // Here and below: who only runs a model does not wait for what writes one.
    const { saveSafetensors } = await import("./checkpoint/hugging_face/save_safetensors.ts");
    await saveSafetensors(this.#model, this.tokenizer, folder, options);
  }

  /**
   * Writes a GGUF file, which llama.cpp loads too if the model has a tokenizer.
   *
   * @param options see {@linkcode SaveGgufOptions}
   * @throws {StorageError} if the file cannot be written
   * @throws {Deno.errors.NotFound} if weights must be read again from the file that the model came from, and that was
   *   removed or replaced, be it by this function
   */
  async saveGguf(path: string, options: SaveGgufOptions = {}): Promise<void> {
    checkPath("save the model", path);
    options = checkOptions("save the model", options, { ...SAVE_RULES, type: loadRules.type });
    const { saveGguf } = await import("./checkpoint/gguf/save_gguf.ts");
    await saveGguf(this.#model, this.tokenizer, path, options);
  }

  /** Frees the native memory, after the computation that is running. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#engine[Symbol.dispose]();
    this.#model[Symbol.dispose]();
  }
}

showFields(GPT2, ({ config, weightType }) => {
  const { numLayers, numHeads, embeddingDim, contextLength, vocabSize } = config;
  return { numLayers, numHeads, embeddingDim, contextLength, vocabSize, weightType };
});

function checkVocabulary(config: GPT2Config, tokenizer: Tokenizer | undefined): void {
  if (tokenizer === undefined || tokenizer.vocabSize <= config.vocabSize) return;
  throw new InvalidArgumentError(
    `Cannot create the model: the tokenizer has ${tokenizer.vocabSize} tokens: ` +
      `received a vocabSize of ${config.vocabSize}`,
  );
}
