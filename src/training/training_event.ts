/**
 * What happens during a training run. Each is a line of its log, too.
 *
 * @module
 */
import type { TrainerSettings } from "./trainer_settings.ts";

/** What is trained, and how; the first event of a run. */
export interface RunBegins {
  /** Tells the events apart. */
  readonly kind: "begin";
  /** Steps that were done in earlier runs. */
  readonly step: number;
  /** When it began, as in `2026-11-28T18:00:00.000Z`. */
  readonly time: string;
  /** How it is trained. */
  readonly settings: TrainerSettings;
  /** Sizes of the model by name: `embeddingDim`, ... */
  readonly config: Readonly<Record<string, number | string>>;
  /** Weights of the model, and how many of them are trained. */
  readonly numParameters: number;
  /** See `numParameters`. */
  readonly numTrained: number;
  /** Tokens of the training data, if that is known. */
  readonly numTrainTokens?: number;
  /** Tokens of the validation data, if there is some. */
  readonly numValidationTokens?: number;
  /** Bytes of native memory beside the weights. */
  readonly memoryBytes: number;
  /** How long the steps of earlier runs have taken; not in logs of earlier versions. */
  readonly elapsedMs?: number;
}

/** A step was done. */
export interface StepDone {
  /** Tells the events apart. */
  readonly kind: "step";
  /** Steps so far, with this one. */
  readonly step: number;
  /** Mean loss of its tokens before it, in nats. */
  readonly loss: number;
  /** How large it was. */
  readonly learningRate: number;
  /** The length of the gradients as one vector, before it was shortened. */
  readonly gradientNorm: number;
  /** Tokens a second, over the last steps. */
  readonly tokensPerSecond: number;
  /** How long all steps so far have taken, of earlier runs as well. */
  readonly elapsedMs: number;
  /** How long those that are left will take, evaluations and all. */
  readonly remainingMs: number;
}

/** The model was evaluated. */
export interface Evaluated {
  /** Tells the events apart. */
  readonly kind: "evaluation";
  /** After how many steps. */
  readonly step: number;
  /** Mean loss of the tokens of the validation data, in nats. */
  readonly loss: number;
  /** The same per byte of text, in bits, where the number of bytes is known. */
  readonly bitsPerByte?: number;
  /** How many tokens. */
  readonly numTokens: number;
  /** Whether it is the lowest so far. */
  readonly isBest: boolean;
}

/** The model has written something. */
export interface Sampled {
  /** Tells the events apart. */
  readonly kind: "sample";
  /** After how many steps. */
  readonly step: number;
  /** What it was to continue. */
  readonly prompt: string;
  /** What it wrote. */
  readonly text: string;
}

/** Something was saved. */
export interface Saved {
  /** Tells the events apart. */
  readonly kind: "saved";
  /** After how many steps. */
  readonly step: number;
  /** What: the state to go on from, the best model so far, or the last one. */
  readonly what: "state" | "best" | "last";
  /** Where. */
  readonly path: string;
}

/** The run is over; the last event of one that was not killed. */
export interface RunEnds {
  /** Tells the events apart. */
  readonly kind: "end";
  /** After how many steps. */
  readonly step: number;
  /** All steps were done; somebody stopped it; or the loss was no number any more. */
  readonly reason: "finished" | "stopped" | "diverged";
  /** The lowest loss on the validation data, and after how many steps it was that. */
  readonly best?: { readonly step: number; readonly loss: number };
  /** How long all steps have taken, of earlier runs as well. */
  readonly elapsedMs: number;
}

/** See each. */
export type TrainingEvent = RunBegins | StepDone | Evaluated | Sampled | Saved | RunEnds;
