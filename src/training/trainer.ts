/**
 * Training: batches in, a better model out.
 *
 * @module
 */
import { showFields } from "../base/show_fields.ts";
import { abortSignal, checkOptions, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { Turns } from "../base/event_loop.ts";
import {
  DisposedError,
  InvalidArgumentError,
  NumericalError,
  OutOfMemoryError,
} from "../base/errors.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { Engine } from "../engine/engine.ts";
import { engineOf } from "../engine/engines.ts";
import { type AppliedAdapters, applyAdapters } from "../model/applied_adapters.ts";
import type { ModelAdapter } from "../model/model_adapter.ts";
import type { Model } from "../model/model.ts";
import {
  exceedsMemory,
  gigabytes,
  moreThanIsFree,
  WorkingMemoryError,
} from "../tensor/machine_memory.ts";
import { fasterPrecision } from "../tensor/training/faster_precision.ts";
import { AdamW } from "./adam_w.ts";
import { checkArrays, checkIds, numTargets } from "./check_batch.ts";
import { GradientSums } from "./gradient_sums.ts";
import { learningRateAt } from "./learning_rate.ts";
import { trainableAdapter, type TrainableWeight, trainableWeights } from "./trainable_weights.ts";
import { batches, type TrainerOptions, trainerRules } from "./trainer_options.ts";
import { type TrainerSettings, withDefaults } from "./trainer_settings.ts";
import { type Batch, TrainingGraph, type TrainingGraphOptions } from "./training_graph.ts";
import { startTrainingHooks, type TrainingHooks } from "./training_hooks.ts";
import { type ValidationLoss, validationLoss } from "./validation_loss.ts";

/** Where batches come from. The same step has the same batch whenever it is asked for. */
export interface BatchSource {
  /**
   * A batch of texts.
   *
   * @param step which one, from 0
   * @param batchSize texts in it
   */
  batch(step: number, batchSize: number): Batch;
}

/** Options of `Trainer.evaluate()`. */
export interface TrainerEvaluationOptions {
  /** Batches of texts of `seqLength` tokens, however many in each. Default: the `validation` of the trainer. */
  validation?: Iterable<Batch>;
  /** Stops it with an `AbortError`. Default: the signal of the trainer. */
  signal?: AbortSignal;
}

/** What a step of training has done. */
export interface TrainingStep {
  /** Steps so far, with this one. */
  readonly step: number;
  /** Mean loss of its tokens before it, in nats. */
  readonly loss: number;
  /** How large it was. */
  readonly learningRate: number;
  /** The length of the gradients as one vector, before it was shortened. */
  readonly gradientNorm: number;
  /** Tokens that it has learned from. */
  readonly numTokens: number;
  /** How long it took. */
  readonly elapsedMs: number;
  /** What `capture` asked for, by name. */
  readonly activations?: CapturedActivations;
  /** What `captureGradients` asked for, by name: how much the loss changes with each element. */
  readonly gradients?: CapturedActivations;
}

/** What is computed for a step before weights are moved. */
type Computed = Pick<TrainingStep, "loss" | "numTokens" | "activations" | "gradients">;

const ACTION = "train";

const EVALUATE = "evaluate the model";

const evaluationRules: OptionRules<TrainerEvaluationOptions> = {
  validation: batches,
  signal: abortSignal,
};

/** What moves the weights of a trainer, and has their gradients. For this package. */
export let optimizerOf: (trainer: Trainer) => AdamW;

/** Has a trainer go on after so many steps: weights and moments are those that belong to it. For this package. */
export let continueFrom: (trainer: Trainer, numSteps: number) => void;

/**
 * Trains a model. Each step takes a batch, and moves the weights of the model itself: what it writes and how it scores
 * between two steps is what it has learned by then.
 *
 * ```ts
 * import { GPT2, GPT2Config } from "@allformers/gpt2";
 * import { Trainer } from "@allformers/gpt2/train";
 *
 * using model = new GPT2(GPT2Config.tiny(), { threads: 2 });
 * const tokens = Int32Array.from({ length: 2 * 8 }, (_, i) => i);
 * const data = { batch: () => ({ tokens, targets: tokens.map((id) => id + 1) }) };
 * using trainer = new Trainer(model, data, { numSteps: 5, batchSize: 2, seqLength: 8 });
 * for await (const { step, loss } of trainer) console.log(step, loss);
 * ```
 *
 * A loop that is left can be gone on with by another.
 */
export class Trainer implements Disposable, AsyncIterable<TrainingStep> {
  /** How it trains. */
  readonly settings: TrainerSettings;
  /** The weights that are trained. */
  readonly weights: readonly TrainableWeight[];
  readonly #optimizer: AdamW;
  readonly #engine: Engine;
  readonly #data: BatchSource;
  readonly #graph: TrainingGraph;
  readonly #sums: GradientSums | undefined;
  readonly #hooks: TrainingHooks | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #validation: Iterable<Batch> | undefined;
  /** What is trained beside the model; null if it is the model itself. */
  readonly #adapters: AppliedAdapters | null;
  readonly #resources: DisposableStack;
  #numSteps = 0;

  static {
    optimizerOf = (trainer) => trainer.#optimizer;
    continueFrom = (trainer, numSteps) => trainer.#numSteps = numSteps;
  }

  /**
   * A trainer that has done no step.
   *
   * @param model a `GPT2` with all its weights in F32 in memory: a new one, or one loaded with `trainable: true`
   * @param data batches of `seqLength` tokens
   * @param options see {@linkcode TrainerOptions}
   * @throws {TypeError} if the model cannot be trained
   * @throws {RangeError} if an option is out of range
   * @throws {NativeError} if there is not enough memory
   */
  constructor(model: object, data: BatchSource, options: TrainerOptions = {}) {
    const engine = engineOf(model);
    if (engine === undefined) {
      throw new TypeError(`Cannot ${ACTION}: a GPT2 is needed: received ${describe(model)}.`);
    }
    if (typeof data?.batch !== "function") {
      throw new TypeError(
        `Cannot ${ACTION}: the data must have a method batch(step, batchSize): received ${
          describe(data)
        }.`,
      );
    }
    const checked = checkOptions(ACTION, options, trainerRules);
    const { signal, validation, adapter: given, ...others } = checked;
    const { capture, intervene, captureGradients, ...rest } = others;
    const { config, weights, backend } = engine.model;
    const open = withDefaults(rest, config.contextLength);
    const precision = open.precision === "auto" ? fasterPrecision(backend) : open.precision;
    const settings = { ...open, precision };
    checkSettings(settings, config.contextLength);
    using resources = new DisposableStack();
    this.settings = settings;
    this.#engine = engine;
    this.#data = data;
    this.#signal = signal;
    this.#validation = validation;
    const adapter = given as ModelAdapter | undefined;
    checkAdapter(adapter, engine.model, settings);
    this.#adapters = adapter === undefined ? null : applyAdapters(ACTION, engine.model, [adapter]);
    this.weights = adapter === undefined
      ? trainableWeights(engine.model, settings.freeze)
      : trainableAdapter(engine.model, adapter);
    const hooks = { capture, intervene, captureGradients };
    const numTexts = settings.batchSize * settings.accumulation;
    const call = { numTexts, seq: settings.seqLength };
    this.#hooks = startTrainingHooks(ACTION, hooks, config, call);
    requireBatchMemory(settings);
    requireOptimizerMemory(this.weights);
    this.#optimizer = resources.use(new AdamW(backend, this.weights, settings));
    this.#graph = resources.use(createGraph(settings, {
      backend,
      config,
      parameters: weights.parameters,
      updates: this.#adapters?.updates,
      trained: this.weights.map(({ tensor }) => tensor),
      gradients: this.#optimizer.gradients,
      hooks: this.#hooks,
    }));
    this.#sums = settings.accumulation === 1
      ? undefined
      : resources.use(new GradientSums(backend, this.#optimizer.gradients));
    this.#resources = resources.move();
  }

  /** Steps so far. */
  get numSteps(): number {
    return this.#numSteps;
  }

  /**
   * One step after another, up to the last.
   *
   * @throws {NumericalError} if the loss is no finite number any more: the weights are those of the step before
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingStep, void, undefined> {
    const next = async () => this.#numSteps < this.settings.numSteps ? await this.#step() : null;
    // Other loops may have asked for the last step before.
    for (let step; (step = await this.#inTurn(next)) !== null;) yield step;
  }

  /**
   * One step, after those that were asked for before.
   *
   * @throws {TypeError} if it has been disposed of
   * @throws {NumericalError} if the loss is no finite number any more: the weights are those of the step before
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async step(): Promise<TrainingStep> {
    return await this.#inTurn(() => this.#step());
  }

  /**
   * How well the model predicts texts that it is not trained on, as it is after the steps that were asked for before; those
   * that are asked for meanwhile wait. Nothing is left out or changed: neither dropout nor `intervene` has a part in it.
   *
   * @returns the mean loss of the tokens, in nats, and how many they are
   * @throws {TypeError} if there is nothing to evaluate, or a batch has another form
   * @throws {RangeError} if a token is not in the vocabulary
   * @throws {NumericalError} if the loss is no finite number
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async evaluate(options: TrainerEvaluationOptions = {}): Promise<ValidationLoss> {
    const { validation = this.#validation, signal = this.#signal } = checkOptions(
      EVALUATE,
      options,
      evaluationRules,
    );
    if (validation === undefined) {
      throw new TypeError(
        `Cannot ${EVALUATE}: there are no texts to do it with: received none. ` +
          "Give them as validation, to the trainer or to evaluate().",
      );
    }
    const { seqLength } = this.settings;
    return await this.#inTurn(() =>
      validationLoss(this.#engine, validation, seqLength, { adapters: this.#adapters, signal })
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = (running.get(this.#engine) ?? Promise.resolve()).then(work);
    // Who asked for something before hears of its error; this is tried all the same.
    running.set(this.#engine, done.catch(() => {}));
    return done;
  }

  async #step(): Promise<TrainingStep> {
    this.#signal?.throwIfAborted();
    if (this.#resources.disposed) {
      throw new DisposedError(ACTION, "the trainer");
    }
    const begin = performance.now();
    const step = this.#numSteps;
    const learningRate = learningRateAt(step, {
      ...this.settings,
      kind: this.settings.schedule,
    });
    const { loss, ...computed } = await this.#computeGradients(step);
    const gradientNorm = await this.#engine.betweenPasses(() => this.#optimizer.gradientNorm());
    checkFinite(step, loss, gradientNorm);
    await this.#engine.betweenPasses(() =>
      this.#optimizer.step({ step, learningRate, gradientNorm })
    );
    this.#numSteps = step + 1;
    const elapsedMs = performance.now() - begin;
    return { step: this.#numSteps, loss, learningRate, gradientNorm, elapsedMs, ...computed };
  }

  /** The mean loss of the batches of a step, whose gradients are in the optimizer's buffer then. */
  async #computeGradients(step: number): Promise<Computed> {
    const { accumulation, batchSize, seqLength, seed } = this.settings;
    const batches = await this.#readBatches(step);
    const numTokens = batches.reduce((sum, { targets }) => sum + numTargets(targets), 0);
    const kept = Array.from(
      { length: accumulation * batchSize },
      (_, text) => this.#hooks?.open(text, seqLength),
    ).filter((text) => text !== undefined);
    let loss = 0;
    this.#sums?.clear();
    for (const [i, batch] of batches.entries()) {
      loss += await this.#engine.betweenPasses(async () => {
        const share = await this.#graph.run(batch, {
          factor: 1 / numTokens,
          seed: [seed, step * accumulation + i],
          kept: kept.slice(i * batchSize, (i + 1) * batchSize),
          signal: this.#signal,
        });
        await this.#sums?.add();
        return share;
      });
    }
    if (this.#sums !== undefined) await this.#engine.betweenPasses(() => this.#sums!.finish());
    return { loss, numTokens, ...this.#hooks?.assemble(kept) };
  }

  /** The batches of a step, all before any is computed: how much a token counts, depends on how many there are. */
  async #readBatches(step: number): Promise<Batch[]> {
    const { accumulation, batchSize } = this.settings;
    const turns = new Turns();
    const batches: Batch[] = [];
    for (let i = 0; i < accumulation; i++) {
      await turns.take();
      this.#signal?.throwIfAborted();
      const batch = this.#data.batch(step * accumulation + i, batchSize);
      checkArrays(ACTION, batch);
      // Whoever gives them may use the arrays again for the next one.
      const copied = { tokens: batch.tokens.slice(), targets: batch.targets.slice() };
      this.#checkBatch(copied);
      batches.push(copied);
    }
    return batches;
  }

  #checkBatch({ tokens, targets }: Batch): void {
    const { batchSize, seqLength } = this.settings;
    const size = batchSize * seqLength;
    if (tokens.length !== size || targets.length !== size) {
      throw new TypeError(
        `Cannot ${ACTION}: a batch has ${batchSize} texts of ${seqLength} tokens and as many targets: ` +
          `received ${tokens.length} tokens and ${targets.length} targets. ` +
          "Give arrays of that length; a target of -1 does not count.",
      );
    }
    checkIds(ACTION, { tokens, targets }, this.#engine.model.config.vocabSize);
    if (numTargets(targets) > 0) return;
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: received a batch without a target that counts. Leave it out.`,
    );
  }

  /** The bytes of native memory beside the weights: gradients and what the optimizer keeps, and results of operations. */
  get memory(): { optimizerBytes: number; workingBytes: number } {
    const { workingBytes } = this.#graph;
    return { optimizerBytes: this.#optimizer.byteLength, workingBytes };
  }

  /** Frees the memory of the optimizer; the model stays. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

showFields(Trainer, ({ numSteps, weights }) => ({ numSteps, numWeights: weights.length }));

/**
 * What was asked for last of the trainers of a model. They take turns: a step changes the weights that the next one of any of
 * them computes with.
 */
const running = new WeakMap<Engine, Promise<unknown>>();

/** Of a token of a batch: itself and its target. */
const TOKEN_BYTES = 8;

/** @throws {NativeError} if there is not enough memory for the tokens of a step */
function requireBatchMemory({ accumulation, batchSize, seqLength }: TrainerSettings): void {
  const bytes = TOKEN_BYTES * accumulation * batchSize * seqLength;
  if (!exceedsMemory(bytes)) return;
  throw new OutOfMemoryError(
    `Cannot ${ACTION}: the tokens of a step, ${accumulation} batches of ${batchSize} texts of ${seqLength} tokens, ` +
      `take ${
        gigabytes(bytes)
      }, ${moreThanIsFree()}. Lower accumulation (--accumulation) or batchSize (--batch-size).`,
  );
}

/** Of a weight: its gradient and two moments, in F32. */
const OPTIMIZER_BYTES = 12;

/** @throws {NativeError} if there is not enough memory for what AdamW keeps of weights, before any of it is allocated */
function requireOptimizerMemory(weights: readonly TrainableWeight[]): void {
  const numWeights = weights.reduce((sum, { tensor }) => sum + tensor.size, 0);
  const bytes = OPTIMIZER_BYTES * numWeights;
  if (!exceedsMemory(bytes)) return;
  throw new OutOfMemoryError(
    `Cannot ${ACTION}: gradients and AdamW's two moments of ${
      numWeights.toLocaleString("en")
    } weights take ${gigabytes(bytes)}, ${moreThanIsFree()}. ` +
      "Freeze some (freeze), train an adapter, or a smaller model.",
  );
}

/** @throws {NativeError} if there is not enough memory, which says what to do about it */
function createGraph(
  { batchSize, seqLength, dropout, adapterDropout, precision }: TrainerSettings,
  options: Omit<TrainingGraphOptions, "batch" | "seq" | "dropout" | "adapterDropout" | "precision">,
): TrainingGraph {
  try {
    const sizes = { batch: batchSize, seq: seqLength };
    return new TrainingGraph({ ...options, ...sizes, dropout, adapterDropout, precision });
  } catch (error) {
    if (!(error instanceof WorkingMemoryError)) throw error;
    const needed = error.neededBytes === undefined
      ? "more memory than there is"
      : `${gigabytes(error.neededBytes)}, ${moreThanIsFree()}`;
    throw new OutOfMemoryError(
      `Cannot ${ACTION}: a batch of ${batchSize} texts of ${seqLength} tokens takes ${needed}. Lower batchSize ` +
        "(--batch-size) and raise accumulation, so that as many texts are in a step, or lower seqLength (--context).",
    );
  }
}

function checkSettings(
  { seqLength, minLearningRate, learningRate }: TrainerSettings,
  most: number,
): void {
  if (seqLength > most) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: seqLength must be at most the context of the model: received ${seqLength} of ${most}. ` +
        "Choose a shorter one, or leave it out.",
    );
  }
  if (minLearningRate <= learningRate) return;
  throw new InvalidArgumentError(
    `Cannot ${ACTION}: minLearningRate must be at most learningRate: received ${minLearningRate} and ${learningRate}. ` +
      "Lower the first; left out, it is a tenth of the other.",
  );
}

function checkAdapter(
  adapter: ModelAdapter | undefined,
  model: Model,
  { freeze, adapterDropout }: TrainerSettings,
): void {
  if (adapter === undefined && adapterDropout > 0) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: adapterDropout is for an adapter: received ${adapterDropout}, and no adapter. Leave it out.`,
    );
  }
  if (adapter === undefined) return;
  if (adapter.model !== model) {
    throw new TypeError(
      `Cannot ${ACTION}: the adapter is one of another model: received its adapter. ` +
        "Load it with loadAdapter() of this model.",
    );
  }
  if (freeze.length === 0) return;
  throw new InvalidArgumentError(
    `Cannot ${ACTION}: with an adapter all weights of the model are frozen: received freeze as well. Leave it out.`,
  );
}

function checkFinite(step: number, loss: number, gradientNorm: number): void {
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new NumericalError(
    `Cannot ${ACTION} on after step ${step}: the loss of the next is ${loss} and its gradients have the ` +
      `length ${gradientNorm}. The weights are those of step ${step}. Lower the learning rate, or check the data.`,
  );
}
