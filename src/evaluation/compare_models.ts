/**
 * How far models are from one of them, such as quantized ones from what they were made of.
 *
 * @module
 */
import { abortSignal, callback, checkOptions, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError, NumericalError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Sequence } from "../engine/sequence.ts";
import type { Prompt } from "../tokenizer/prompts.ts";
import { compareLogits } from "./compare_logits.ts";
import { type Estimate, exponential } from "./estimate.ts";
import { engineFor, type EvaluatedModel } from "./evaluated_model.ts";
import { encodeLongText } from "./long_text.ts";
import { DifferenceCollector, type ModelDifference } from "./model_difference.ts";
import { requireSameVocabulary } from "./same_vocabulary.ts";
import type { ScoreProgress } from "./score_texts.ts";
import { windowGroups } from "./window_groups.ts";
import {
  numScoredIn,
  type WindowDefinition,
  windowDefinition,
  type WindowOptions,
  windowRules,
  windowsFor,
} from "./window_options.ts";
import type { Window } from "./windows.ts";

/** Options of {@linkcode compareModels}. Without any, texts are read as `llama-perplexity` does: in chunks of 512 tokens. */
export interface CompareModelsOptions extends WindowOptions {
  /** Called whenever all models have been compared at some more places. */
  onProgress?: (progress: ScoreProgress) => void;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** How well a model predicts a text, and how far it is from the first one. */
export interface ComparedModel {
  /** The mean negative log-probability of a token, in nats. */
  readonly loss: Estimate;
  /** e to the power of the loss. */
  readonly perplexity: Estimate;
  /** How far it is from the first model; nothing for that itself. */
  readonly difference?: ModelDifference;
}

/** How far models are from the first of them. */
export interface ModelComparison {
  /** How the text was read, and whose definition that is. */
  readonly windows: WindowDefinition;
  /** How many windows were read. */
  readonly numWindows: number;
  /** How many tokens the text has. */
  readonly numTokens: number;
  /** At how many of them the models were compared. */
  readonly numScored: number;
  /** All models, in their order. */
  readonly models: readonly ComparedModel[];
}

const ACTION = "compare models";

const RULES: OptionRules<CompareModelsOptions> = {
  ...windowRules,
  onProgress: callback,
  signal: abortSignal,
};

/** The chunk of llama-perplexity. */
const DEFAULT_CHUNK = 512;

/** So much memory the logits of the first model and of one other take at most, each; for so many places they fill a pass. */
const MAX_LOGITS_BYTES = 2 ** 26;
const MAX_ROWS = 512;

/**
 * Compares models with the first of them, on a text of any length, in one pass over it. No more is kept than the logits of
 * some hundred places of two models, and 4 bytes for each token and model.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { compareModels } from "@allformers/gpt2/evaluate";
 *
 * using exact = await GPT2.fromPretrained("demo", { type: "f32" });
 * using small = await GPT2.fromPretrained("demo", { type: "q4_0" });
 * const text = "ROMEO:\nWhat light through yonder window breaks?\nIt is the east, and Juliet is the sun.\n";
 * const { models: [, { perplexity, difference }] } = await compareModels([exact, small], text, { chunk: 16 });
 * console.log(perplexity.value, difference!.perplexityRatio.value, difference!.divergence.mean.value);
 * ```
 *
 * @param models `GPT2`s with the same vocabulary, at least two; the first is what the others are compared with
 * @param text a text or its tokens; nothing is put before it
 * @throws {RangeError} if there are fewer models, one has another vocabulary, the text is too short, or an option is out of
 * range
 * @throws {TypeError} if it is neither a text nor tokens, or a text is given but the first model has no tokenizer
 * @throws {NumericalError} if a model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function compareModels(
  models: readonly EvaluatedModel[],
  text: Prompt,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  const { onProgress, signal, ...asked } = checkOptions(ACTION, options, RULES);
  if (!Array.isArray(models)) {
    throw new TypeError(
      `Cannot ${ACTION}: an array of them is needed: received ${describe(models)}.`,
    );
  }
  const [base, ...others] = Array.from<EvaluatedModel, Engine>(
    models,
    (model) => engineFor(ACTION, model),
  );
  if (others.length === 0) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: two or more are needed: received ${models.length}.`,
    );
  }
  requireSameVocabulary(ACTION, models);
  const { tokenizer, config: { vocabSize } } = models[0];
  const contextLength = Math.min(...models.map(({ config }) => config.contextLength));
  const isDefault = asked.stride === undefined && asked.maxLength === undefined;
  const chunk = asked.chunk ?? (isDefault ? Math.min(DEFAULT_CHUNK, contextLength) : undefined);
  const definition = windowDefinition(ACTION, { ...asked, chunk }, contextLength);
  const tokens = encodeLongText(ACTION, text, tokenizer, vocabSize);
  const windows = windowsFor(ACTION, tokens.length, definition);
  const numTokens = numScoredIn(windows);
  const collectors = others.map(() => new DifferenceCollector(numTokens));
  const comparer = new Comparer(base, others, tokens, signal);
  let numScoredTokens = 0;
  onProgress?.({ numScoredTokens, numTokens });
  for (const group of windowGroups(windows, comparer.maxRows)) {
    await comparer.compare(group, collectors, (numRows) => {
      numScoredTokens += numRows;
      onProgress?.({ numScoredTokens, numTokens });
    });
  }
  const [{ baseLoss }] = collectors;
  return {
    windows: definition,
    numWindows: windows.length,
    numTokens: tokens.length,
    numScored: numTokens,
    models: [
      { loss: baseLoss, perplexity: exponential(baseLoss) },
      ...collectors.map(({ loss, difference }) => ({
        loss,
        perplexity: exponential(loss),
        difference,
      })),
    ],
  };
}

/** Reads windows with several models, and compares them. */
class Comparer {
  /** Of how many places logits are in memory at once. */
  readonly maxRows: number;
  readonly #base: Engine;
  readonly #others: readonly Engine[];
  readonly #tokens: Int32Array<ArrayBuffer>;
  readonly #signal: AbortSignal | undefined;
  readonly #vocabSize: number;
  readonly #baseLogits: Float32Array<ArrayBuffer>;
  readonly #logits: Float32Array<ArrayBuffer>;

  constructor(
    base: Engine,
    others: readonly Engine[],
    tokens: Int32Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ) {
    this.#base = base;
    this.#others = others;
    this.#tokens = tokens;
    this.#signal = signal;
    this.#vocabSize = base.model.config.vocabSize;
    const rowBytes = this.#vocabSize * Float32Array.BYTES_PER_ELEMENT;
    this.maxRows = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_LOGITS_BYTES / rowBytes)));
    this.#baseLogits = new Float32Array(this.maxRows * this.#vocabSize);
    this.#logits = new Float32Array(this.maxRows * this.#vocabSize);
  }

  /**
   * Compares at all places of windows.
   *
   * @param collectors get what is found of each of the other models
   * @param onRows is called with the number of places that were compared
   */
  async compare(
    windows: readonly Window[],
    collectors: readonly DifferenceCollector[],
    onRows: (numRows: number) => void,
  ): Promise<void> {
    using base = new OpenWindows(this.#base, this.#tokens, windows);
    using stack = new DisposableStack();
    const others = this.#others.map((engine) =>
      stack.use(new OpenWindows(engine, this.#tokens, windows))
    );
    for (const block of this.#blocksOf(windows)) {
      const numRows = numScoredIn(block);
      const targets = new Int32Array(numRows);
      let row = 0;
      for (const { firstScored, end } of block) {
        targets.set(this.#tokens.subarray(firstScored, end), row);
        row += end - firstScored;
      }
      await base.read(block, this.#baseLogits, this.#signal);
      const size = numRows * this.#vocabSize;
      for (const [i, other] of others.entries()) {
        await other.read(block, this.#logits, this.#signal);
        const differences = await compareLogits(
          this.#baseLogits.subarray(0, size),
          this.#logits.subarray(0, size),
          targets,
        );
        for (const difference of differences) {
          if (Number.isNaN(difference.divergence)) throw notFinite(i);
          collectors[i].add(difference);
        }
      }
      onRows(numRows);
    }
  }

  /** All windows at once, or parts of a single one. */
  *#blocksOf(windows: readonly Window[]): Generator<readonly Window[], void> {
    if (windows.length > 1) return yield windows;
    const [{ start, firstScored, end }] = windows;
    for (let begin = firstScored; begin < end; begin += this.maxRows) {
      yield [{ start, firstScored: begin, end: Math.min(begin + this.maxRows, end) }];
    }
  }
}

function notFinite(index: number): NumericalError {
  return new NumericalError(
    `Cannot ${ACTION}: model 1 or ${index + 2} computes something that is not a finite number. ` +
      "Check the models' weights.",
  );
}

/** Windows that a model reads. */
class OpenWindows implements Disposable {
  readonly #engine: Engine;
  readonly #tokens: Int32Array<ArrayBuffer>;
  readonly #sequences: Sequence[];

  constructor(engine: Engine, tokens: Int32Array<ArrayBuffer>, windows: readonly Window[]) {
    this.#engine = engine;
    this.#tokens = tokens;
    this.#sequences = windows.map(({ start, end }) => engine.open({ reservedLength: end - start }));
  }

  /**
   * Reads on in each window, up to before the last token that is scored.
   *
   * @param logits get what is said of the tokens that are scored, window after window
   */
  async read(
    windows: readonly Window[],
    logits: Float32Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const before = windows.map(({ start, firstScored }, i) => {
      const sequence = this.#sequences[i];
      const tokens = this.#tokens.subarray(start + sequence.length, firstScored - 1);
      return { sequence, tokens, logits: "none" as const };
    });
    await this.#engine.step(before, { signal });
    const { vocabSize } = this.#engine.model.config;
    let row = 0;
    const scored = windows.map(({ firstScored, end }, i) => {
      const into = logits.subarray(row * vocabSize, (row + end - firstScored) * vocabSize);
      row += end - firstScored;
      const tokens = this.#tokens.subarray(firstScored - 1, end - 1);
      return { sequence: this.#sequences[i], tokens, logits: "all" as const, into };
    });
    await this.#engine.step(scored, { signal });
  }

  [Symbol.dispose](): void {
    for (const sequence of this.#sequences) sequence[Symbol.dispose]();
  }
}
