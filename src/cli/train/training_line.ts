/**
 * How far a training run is, in one line, fitted to the width of the terminal.
 *
 * @module
 */
import type { TrainingEvent } from "../../training/training_event.ts";
import { barText } from "../terminal/progress_bar.ts";
import { textWidth } from "../terminal/text_width.ts";
import { clockText, numberText } from "../terminal/units.ts";

/** What the line says, as far as it is known. */
export interface TrainingStatus {
  /** Steps so far. */
  readonly step: number;
  /** Steps in all. */
  readonly numSteps: number;
  /** Steps of earlier runs, and how long they have taken. */
  readonly earlier?: { readonly step: number; readonly elapsedMs: number };
  /** Of the last step, in nats. */
  readonly loss?: number;
  /** The last one on the validation data, in nats. */
  readonly validationLoss?: number;
  /** See `StepDone`. */
  readonly learningRate?: number;
  /** See `StepDone`. */
  readonly gradientNorm?: number;
  /** See `StepDone`. */
  readonly tokensPerSecond?: number;
  /** See `StepDone`. */
  readonly remainingMs?: number;
}

/** Before the first event. */
export const INITIAL_STATUS: TrainingStatus = { step: 0, numSteps: 0 };

const MIN_BAR_WIDTH = 10;
const MAX_BAR_WIDTH = 30;
/** Between two parts, and two brackets. */
const BAR_EXTRA_WIDTH = 4;

/** What is known after another event. */
export function nextStatus(status: TrainingStatus, event: TrainingEvent): TrainingStatus {
  switch (event.kind) {
    case "begin":
      return {
        ...status,
        step: event.step,
        numSteps: event.settings.numSteps,
        ...event.step > 0 && { earlier: { step: event.step, elapsedMs: event.elapsedMs ?? 0 } },
      };
    case "step": {
      const { step, loss, learningRate, gradientNorm, tokensPerSecond, remainingMs } = event;
      return { ...status, step, loss, learningRate, gradientNorm, tokensPerSecond, remainingMs };
    }
    case "evaluation":
      return { ...status, step: event.step, validationLoss: event.loss };
    default:
      return status;
  }
}

/**
 * The line. Where there is not room for all, what matters least is left out: first the bar, then the length of the gradients, the
 * learning rate, the speed, the time that is left, and the loss on the validation data.
 *
 * @param width how many cells of a terminal it may take
 */
export function trainingLine(status: TrainingStatus, width: number): string {
  const { step, numSteps, loss, validationLoss, tokensPerSecond, remainingMs } = status;
  const all = numberText(numSteps);
  // What comes after it stays where it is.
  const parts: string[] = [`step ${numberText(step).padStart(all.length)} of ${all}`];
  // By how much they matter, which is also how they follow each other.
  const wanted: readonly (string | undefined)[] = [
    loss === undefined ? undefined : `loss ${lossText(loss)}`,
    validationLoss === undefined ? undefined : `val ${lossText(validationLoss)}`,
    remainingMs === undefined ? undefined : `${leftText(remainingMs)} left`,
    tokensPerSecond === undefined ? undefined : speedText(tokensPerSecond),
    ...rateTexts(status),
  ];
  let left = width - textWidth(parts[0]);
  for (const part of wanted) {
    if (part === undefined) continue;
    left -= 2 + textWidth(part);
    if (left < 0) break;
    parts.push(part);
  }
  const barWidth = Math.min(MAX_BAR_WIDTH, left - BAR_EXTRA_WIDTH);
  if (barWidth >= MIN_BAR_WIDTH && numSteps > 0) {
    parts.splice(1, 0, barText(Math.min(1, step / numSteps), barWidth));
  }
  return parts.join("  ");
}

/** The learning rate and the length of the gradients, as far as they are known. */
export function rateTexts({ learningRate, gradientNorm }: Partial<TrainingStatus>): string[] {
  return [
    ...learningRate === undefined ? [] : [`learning rate ${learningRate.toExponential(2)}`],
    ...gradientNorm === undefined ? [] : [`gradient norm ${normText(gradientNorm)}`],
  ];
}

/** A loss: `1.8712`. */
export function lossText(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(4) : String(loss);
}

/** A speed: `23,104 tokens/s`. */
export function speedText(tokensPerSecond: number): string {
  if (!Number.isFinite(tokensPerSecond)) return "? tokens/s";
  return `${numberText(Math.round(tokensPerSecond))} tokens/s`;
}

/** A time that is left: `1:06`. */
export function leftText(remainingMs: number): string {
  return Number.isFinite(remainingMs) ? clockText(Math.max(0, remainingMs) / 1000) : "?";
}

/** The length of gradients, in four characters as long as it is no spike: a line does not change its width with each step. */
function normText(norm: number): string {
  if (norm >= 1e4 || norm < 0.01) return norm.toExponential(0);
  return norm.toFixed(norm < 9.995 ? 2 : norm < 99.95 ? 1 : 0);
}
