/**
 * Which values of a log are events of a training run.
 *
 * @module
 */
import { checkOptions } from "../base/check_options.ts";
import { trainerRules } from "./trainer_options.ts";
import type { TrainingEvent } from "./training_event.ts";

type TypeName = "number" | "string" | "boolean" | "object";

/** The type of each field; with a question mark, of one that may be missing. */
const FIELDS: Readonly<
  Record<TrainingEvent["kind"], Readonly<Record<string, TypeName | `${TypeName}?`>>>
> = {
  begin: {
    time: "string",
    settings: "object",
    config: "object",
    numParameters: "number",
    numTrained: "number",
    numTrainTokens: "number?",
    numValidationTokens: "number?",
    memoryBytes: "number",
    elapsedMs: "number?",
  },
  step: {
    loss: "number",
    learningRate: "number",
    gradientNorm: "number",
    tokensPerSecond: "number",
    elapsedMs: "number",
    remainingMs: "number",
  },
  evaluation: { loss: "number", bitsPerByte: "number?", numTokens: "number", isBest: "boolean" },
  sample: { prompt: "string", text: "string" },
  saved: { what: "string", path: "string" },
  end: { reason: "string", best: "object?", elapsedMs: "number" },
};

/** Whether a value is an event: a log may have been damaged, or changed by hand. */
export function isTrainingEvent(value: unknown): value is TrainingEvent {
  if (!isRecord(value) || !Number.isSafeInteger(value.step) || (value.step as number) < 0) {
    return false;
  }
  const { kind } = value;
  if (typeof kind !== "string" || !Object.hasOwn(FIELDS, kind)) return false;
  const hasTypes = Object.entries(FIELDS[kind as TrainingEvent["kind"]]).every(([name, type]) => {
    const field = value[name];
    if (field === undefined) return type.endsWith("?");
    const found: string = isRecord(field) ? "object" : typeof field;
    return Array.isArray(field) ? false : found === type.replace("?", "");
  });
  return hasTypes && (kind !== "begin" || hasSettings(value.settings)) &&
    (kind !== "end" || value.best === undefined || isResult(value.best));
}

function hasSettings(settings: unknown): boolean {
  try {
    checkOptions("read", settings as object, trainerRules);
    return typeof (settings as { numSteps?: unknown }).numSteps === "number";
  } catch {
    return false;
  }
}

/** Whether a value is a loss, and the step after which it was that. */
export function isResult(value: unknown): value is { step: number; loss: number } {
  return isRecord(value) && typeof value.step === "number" && typeof value.loss === "number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
