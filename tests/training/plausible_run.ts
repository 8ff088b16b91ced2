/**
 * What happens in a training run that could be one.
 *
 * @module
 */
import { Random } from "../../src/base/random.ts";
import { learningRateAt } from "../../src/training/learning_rate.ts";
import { withDefaults } from "../../src/training/trainer_settings.ts";
import type { RunBegins, StepDone, TrainingEvent } from "../../src/training/training_event.ts";

const EVALUATE_EVERY = 250;
const MS_PER_STEP = 34.2;
const WORDS = "thou art my lord and I the king shall not be with him to speak of love or death"
  .split(" ");

/** What a run is like. */
export interface PlausibleRunOptions {
  /** Steps in all. Default: 2000. */
  readonly numSteps?: number;
  /** Steps that are done. Default: all. */
  readonly numDone?: number;
  /** Whether there is validation data. Default: true. */
  readonly isValidated?: boolean;
}

/** How a run begins, after so many steps of earlier ones. */
export function beginOf(numSteps: number, step = 0): RunBegins {
  return {
    kind: "begin",
    step,
    time: `2026-11-28T18:${step === 0 ? "00" : "30"}:00.000Z`,
    settings: { ...withDefaults({ numSteps }, 64), precision: "f32" },
    config: { contextLength: 64, embeddingDim: 128, numHeads: 4, numLayers: 4, vocabSize: 65 },
    numParameters: 809_856,
    numTrained: 809_856,
    numTrainTokens: 1_003_854,
    numValidationTokens: 111_540,
    memoryBytes: 24_300_000,
  };
}

/** A step of a run of so many; its loss falls with it. */
export function stepOf(step: number, numSteps: number, random = new Random(step)): StepDone {
  const { settings } = beginOf(numSteps);
  const progress = step / numSteps;
  return {
    kind: "step",
    step,
    loss: 1.45 + 2.75 * Math.exp(-9 * progress) + 0.06 * random.normal(),
    learningRate: learningRateAt(step - 1, { ...settings, kind: settings.schedule }),
    gradientNorm: (0.35 + 3 * Math.exp(-20 * progress)) * Math.exp(0.25 * random.normal()),
    tokensPerSecond: 22_400 + 500 * random.normal(),
    elapsedMs: step * MS_PER_STEP,
    remainingMs: (numSteps - step) * MS_PER_STEP,
  };
}

/** All that happens in a run, the same each time. */
export function plausibleRun(
  { numSteps = 2000, numDone = numSteps, isValidated = true }: PlausibleRunOptions = {},
): TrainingEvent[] {
  const random = new Random(1);
  const events: TrainingEvent[] = [beginOf(numSteps)];
  let best: { step: number; loss: number } | undefined;
  for (let step = 1; step <= numDone; step++) {
    events.push(stepOf(step, numSteps, random));
    if (step % Math.max(1, Math.round(EVALUATE_EVERY * numSteps / 2000)) !== 0) continue;
    if (isValidated) {
      const loss = 1.62 + 2.6 * Math.exp(-8 * step / numSteps) +
        0.1 * Math.max(0, step / numSteps - 0.75);
      const isBest = loss < (best?.loss ?? Infinity);
      if (isBest) best = { step, loss };
      const bitsPerByte = loss / Math.LN2;
      events.push({
        kind: "evaluation",
        step,
        loss,
        bitsPerByte,
        numTokens: 111_488,
        isBest,
      });
      if (isBest) events.push({ kind: "saved", step, what: "best", path: "out/best" });
    }
    const words = Array.from({ length: 40 }, () => WORDS[random.nextUint32() % WORDS.length]);
    const text = words.map((word, i) => i % 9 === 8 ? `${word},\n` : `${word} `).join("");
    events.push({ kind: "sample", step, prompt: "ROMEO:", text: `\n${text}` });
    events.push({ kind: "saved", step, what: "state", path: "out/state.safetensors" });
  }
  events.push({ kind: "saved", step: numDone, what: "last", path: "out/last" });
  const reason = numDone === numSteps ? "finished" : "stopped";
  const elapsedMs = numDone * MS_PER_STEP;
  events.push({ kind: "end", step: numDone, reason, ...best && { best }, elapsedMs });
  return events;
}
