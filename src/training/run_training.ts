/**
 * A training run: steps, evaluations, samples, and what is kept of them in a folder.
 *
 * | file               | what                                                             |
 * | ------------------ | ---------------------------------------------------------------- |
 * | `best/`            | the model with the lowest validation loss, as a Hugging Face folder |
 * | `last/`            | the model as the run has left it                                 |
 * | `model.gguf`, `adapter.gguf` | the best of them, or the last if nothing was evaluated  |
 * | `state.safetensors`| what training goes on from                                       |
 * | `log.jsonl`        | what happened, an event in each line                             |
 * | `report.html`      | the same as a page                                               |
 *
 * @module
 */
import { writeFileAtomically } from "../base/atomic_file.ts";
import { NumericalError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { isResult } from "./is_training_event.ts";
import type { RunFolder } from "./run_folder.ts";
import { RunLog } from "./run_log.ts";
import type { Trainer } from "./trainer.ts";
import type { Batch } from "./training_graph.ts";
import type { Evaluated, RunEnds, StepDone, TrainingEvent } from "./training_event.ts";
import { loadTrainingState, readTrainingRecord, saveTrainingState } from "./training_state.ts";

/** How the result of a run is written. */
export interface TrainingResult {
  /** Writes what was trained, as it is now, into a folder. */
  save(folder: string): Promise<void>;
  /** Makes another file of what `save()` has written into a folder, at the end. */
  finish(folder: string): Promise<void>;
}

/** What a run uses of a `GPT2`. */
export interface TrainedModel {
  /** Its sizes. */
  readonly config: GPT2Config;
  /** Turns text into tokens and back. */
  readonly tokenizer: Tokenizer | undefined;
  /** How many weights it has. */
  numParameters(): number;
  /** Continues a text. */
  generateText(
    prompt: string,
    options: { maxNewTokens: number; seed: number; topK: number; signal?: AbortSignal },
  ): Promise<string>;
}

/** Texts that the model is not trained on. */
export interface ValidationData {
  /** Windows of `seqLength` tokens; gone through anew for each evaluation. */
  readonly windows: Iterable<Batch>;
  /** Tokens in them. */
  readonly numTokens: number;
  /** Bytes of the text of those tokens, if known. */
  readonly numBytes?: number;
}

/** Options of {@linkcode runTraining}. */
export interface RunOptions {
  /** The folder that is written; where it has a state, the run goes on from there. */
  readonly folder: RunFolder;
  /** How models are written into it. */
  readonly result: TrainingResult;
  /** What is evaluated. */
  readonly validation?: ValidationData;
  /** Steps between two evaluations. Default: 250, or a fifth of all steps if they are fewer than 1250. */
  readonly evaluateEvery?: number;
  /** Steps between two states to go on from. Default: as `evaluateEvery`. */
  readonly saveEvery?: number;
  /** What the model is to continue at each evaluation; without it, it writes nothing. */
  readonly samplePrompt?: string;
  /** Tokens of such a continuation. Default: 60. */
  readonly sampleTokens?: number;
  /** Tokens of the training data, for the log. */
  readonly numTrainTokens?: number;
  /** Makes the page. */
  readonly report?: (events: readonly TrainingEvent[]) => string;
  /** Stops the run as soon as it can be gone on with: the state is saved. Not the trainer's own. */
  readonly signal?: AbortSignal;
}

/** The rates of so many steps are averaged. */
const STEPS_OF_RATE = 20;

/** Of this many of the likeliest tokens samples are drawn. */
const SAMPLE_TOP_K = 50;

/** See {@linkcode RunOptions}. */
export function defaultEvaluateEvery(numSteps: number): number {
  return Math.min(250, Math.ceil(numSteps / 5));
}

/**
 * Trains a model up to the last step, or until it is stopped.
 *
 * @throws {StorageError} if the folder cannot be written; the state that was saved before is there still
 * @throws {NumericalError} if the loss is no finite number any more, after all is saved as it was before that step
 * @throws {FileFormatError} if the state is damaged, or that of another training
 */
export async function* runTraining(
  model: TrainedModel,
  trainer: Trainer,
  options: RunOptions,
): AsyncGenerator<TrainingEvent, void, undefined> {
  const run = new Run(model, trainer, options);
  await run.prepare();
  using log = await RunLog.open(`${options.folder.path}/log.jsonl`, trainer.numSteps);
  await options.folder.begin();
  try {
    for await (const event of run.events()) {
      log.add(event);
      if (event.kind === "evaluation" || event.kind === "end") await run.writeReport(log.events);
      yield event;
    }
  } finally {
    await run.writeReport(log.events);
  }
}

class Run {
  readonly #model: TrainedModel;
  readonly #trainer: Trainer;
  readonly #options: RunOptions;
  readonly #folder: RunFolder;
  /** How long the steps before this run have taken. */
  #elapsedBefore = 0;
  #begin = performance.now();
  #firstStepEnd = 0;
  #firstStep = 0;
  #best: RunEnds["best"];
  /** The step after which the model was evaluated last, and that of the state that was saved last. */
  #evaluatedStep: number | undefined;
  #savedStep: number | undefined;
  readonly #recent: { readonly numTokens: number; readonly elapsedMs: number }[] = [];

  constructor(model: TrainedModel, trainer: Trainer, options: RunOptions) {
    this.#model = model;
    this.#trainer = trainer;
    this.#options = options;
    this.#folder = options.folder;
  }

  /** Goes on from what is in the folder. */
  async prepare(): Promise<void> {
    if (!this.#folder.hasState) return;
    const { elapsedMs, best, evaluatedStep } = readTrainingRecord(this.#folder.statePath);
    await loadTrainingState(this.#trainer, this.#folder.statePath);
    this.#elapsedBefore = Number.isFinite(elapsedMs) ? elapsedMs as number : 0;
    this.#best = isResult(best) ? best : undefined;
    this.#evaluatedStep = typeof evaluatedStep === "number" ? evaluatedStep : undefined;
    this.#savedStep = this.#trainer.numSteps;
  }

  async *events(): AsyncGenerator<TrainingEvent> {
    const { settings } = this.#trainer;
    const { evaluateEvery = defaultEvaluateEvery(settings.numSteps), signal } = this.#options;
    const { saveEvery = evaluateEvery } = this.#options;
    yield this.#begins();
    this.#begin = performance.now();
    this.#firstStep = this.#trainer.numSteps;
    let reason: RunEnds["reason"] | undefined;
    let failure: unknown;
    try {
      // Also where a run was stopped in the middle of it.
      const isDue = this.#firstStep % evaluateEvery === 0 || this.#firstStep === settings.numSteps;
      if (isDue && this.#evaluatedStep !== this.#firstStep) yield* this.#evaluate();
      while (this.#trainer.numSteps < settings.numSteps) {
        signal?.throwIfAborted();
        yield await this.#step();
        const step = this.#trainer.numSteps;
        const isLast = step === settings.numSteps;
        if (step % evaluateEvery === 0 || isLast) yield* this.#evaluate();
        if (step % saveEvery === 0 && !isLast) yield await this.#saveState();
      }
      reason = "finished";
    } catch (error) {
      if (error instanceof NumericalError) reason = "diverged";
      else if (signal?.aborted && error === signal.reason) reason = "stopped";
      else throw error;
      failure = error;
    } finally {
      // Whoever listens has left: nothing of what was computed is lost.
      if (reason === undefined && this.#savedStep !== this.#trainer.numSteps) {
        await this.#saveState();
      }
    }
    // What was computed so far is kept whole: the weights are those after the last step.
    yield await this.#saveState();
    yield* this.#saveModels(reason!);
    yield {
      kind: "end",
      step: this.#trainer.numSteps,
      reason: reason!,
      ...this.#best !== undefined && { best: this.#best },
      elapsedMs: this.#elapsedMs,
    };
    if (reason === "diverged") throw failure;
  }

  get #elapsedMs(): number {
    return this.#elapsedBefore + performance.now() - this.#begin;
  }

  #begins(): TrainingEvent {
    const { settings, weights, numSteps, memory } = this.#trainer;
    const { validation, numTrainTokens } = this.#options;
    // The dropout of the training is among its settings.
    const config = Object.entries(this.#model.config).filter(([name, value]) =>
      name !== "dropout" && (typeof value === "number" || typeof value === "string")
    );
    return {
      kind: "begin",
      step: numSteps,
      time: new Date().toISOString(),
      settings,
      config: Object.fromEntries(config),
      numParameters: this.#model.numParameters(),
      numTrained: weights.reduce((sum, { tensor }) => sum + tensor.size, 0),
      ...numTrainTokens !== undefined && { numTrainTokens },
      ...validation !== undefined && { numValidationTokens: validation.numTokens },
      elapsedMs: this.#elapsedBefore,
      memoryBytes: memory.optimizerBytes + memory.workingBytes,
    };
  }

  async #step(): Promise<StepDone> {
    const { step, loss, learningRate, gradientNorm, numTokens, elapsedMs } = await this.#trainer
      .step();
    this.#recent.push({ numTokens, elapsedMs });
    if (this.#recent.length > STEPS_OF_RATE) this.#recent.shift();
    const total = this.#recent.reduce(
      (sum, each) => ({
        numTokens: sum.numTokens + each.numTokens,
        elapsedMs: sum.elapsedMs + each.elapsedMs,
      }),
    );
    const numDone = step - this.#firstStep;
    if (numDone === 1) this.#firstStepEnd = performance.now();
    // The first step takes longer, as its memory comes from the system: only as long as there is no other, it stands for them.
    const msOfStep = numDone === 1
      ? elapsedMs
      : (performance.now() - this.#firstStepEnd) / (numDone - 1);
    const numLeft = this.#trainer.settings.numSteps - step;
    return {
      kind: "step",
      step,
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond: 1000 * total.numTokens / total.elapsedMs,
      elapsedMs: this.#elapsedMs,
      remainingMs: numLeft * msOfStep,
    };
  }

  /** Evaluates the model, keeps it if it is the best, and has it write something. */
  async *#evaluate(): AsyncGenerator<TrainingEvent> {
    const { validation, signal } = this.#options;
    const step = this.#trainer.numSteps;
    if (validation !== undefined) {
      const evaluated = await this.#validate(validation, step);
      const path = `${this.#folder.path}/best`;
      // Nothing counts as the best, and nobody hears of it, who may leave then, before it is saved.
      if (evaluated.isBest) {
        await this.#options.result.save(path);
        this.#best = { step, loss: evaluated.loss };
      }
      this.#evaluatedStep = step;
      yield evaluated;
      if (evaluated.isBest) yield { kind: "saved", step, what: "best", path };
    }
    const { samplePrompt: prompt, sampleTokens = 60 } = this.#options;
    if (prompt === undefined || this.#model.tokenizer === undefined) return;
    const maxNewTokens = Math.max(1, Math.min(sampleTokens, this.#model.config.contextLength - 1));
    const text = await this.#model.generateText(prompt, {
      maxNewTokens,
      seed: this.#trainer.settings.seed,
      topK: SAMPLE_TOP_K,
      signal,
    });
    yield { kind: "sample", step, prompt, text };
  }

  async #validate(
    { windows, numBytes }: ValidationData,
    step: number,
  ): Promise<Evaluated> {
    const { signal } = this.#options;
    const { loss, numTokens } = await this.#trainer.evaluate({ validation: windows, signal });
    const isBest = loss < (this.#best?.loss ?? Infinity);
    const bits = loss * numTokens / Math.LN2;
    return {
      kind: "evaluation",
      step,
      loss,
      ...numBytes !== undefined && { bitsPerByte: bits / numBytes },
      numTokens,
      isBest: isBest && step > 0,
    };
  }

  async #saveState(): Promise<TrainingEvent> {
    const step = this.#trainer.numSteps;
    await saveTrainingState(this.#trainer, this.#folder.statePath, {
      elapsedMs: this.#elapsedMs,
      best: this.#best,
      evaluatedStep: this.#evaluatedStep,
      settings: this.#trainer.settings,
    });
    this.#savedStep = step;
    return { kind: "saved", step, what: "state", path: this.#folder.statePath };
  }

  async *#saveModels(reason: RunEnds["reason"]): AsyncGenerator<TrainingEvent> {
    const { path } = this.#folder;
    const { result } = this.#options;
    const step = this.#trainer.numSteps;
    const last = `${path}/last`;
    await result.save(last);
    yield { kind: "saved", step, what: "last", path: last };
    const hasBest = exists(`${path}/best`);
    // Weights that have run away may be too large for the type of another file.
    if (hasBest || reason !== "diverged") await result.finish(hasBest ? `${path}/best` : last);
  }

  async writeReport(events: readonly TrainingEvent[]): Promise<void> {
    const { report } = this.#options;
    if (report === undefined) return;
    const bytes = new TextEncoder().encode(report(events));
    await writeFileAtomically(`${this.#folder.path}/report.html`, bytes.length, [bytes]);
  }
}
