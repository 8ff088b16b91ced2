/**
 * What a training run has been like so far, from all that happened in it.
 *
 * @module
 */
import type {
  Evaluated,
  RunBegins,
  RunEnds,
  Sampled,
  StepDone,
  TrainingEvent,
} from "../training_event.ts";

/** See each. */
export interface RunHistory {
  /** Each time that training began or went on, and how that ended: nothing if it goes on still, or was killed. */
  readonly runs: readonly { readonly begin: RunBegins; readonly end?: RunEnds }[];
  /** All steps, in their order. */
  readonly steps: readonly StepDone[];
  /** All evaluations, in their order. */
  readonly evaluations: readonly Evaluated[];
  /** The one with the lowest loss, if there is one. */
  readonly best?: Evaluated;
  /** What the model has written, in order. */
  readonly samples: readonly Sampled[];
}

/**
 * Sorts events. Steps that were done anew, since a run went on from before them, count as they were the last time. What is no
 * finite number, in JSON `null`, is `NaN`.
 */
export function runHistory(events: readonly TrainingEvent[]): RunHistory {
  const runs: { begin: RunBegins; end?: RunEnds }[] = [];
  let steps: StepDone[] = [];
  let evaluations: Evaluated[] = [];
  let samples: Sampled[] = [];
  for (const event of events) {
    switch (event.kind) {
      case "begin": {
        const isBefore = ({ step }: { readonly step: number }) => step <= event.step;
        steps = steps.filter(isBefore);
        evaluations = evaluations.filter(isBefore);
        samples = samples.filter(isBefore);
        runs.push({ begin: event });
        break;
      }
      case "step":
        steps.push(finiteStep(event));
        break;
      case "evaluation":
        evaluations.push({ ...event, loss: finite(event.loss) });
        break;
      case "sample":
        samples.push(event);
        break;
      case "end": {
        const run = runs.at(-1);
        if (run !== undefined) run.end = event;
        break;
      }
    }
  }
  const best = evaluations.findLast(({ isBest }) => isBest);
  return { runs, steps, evaluations, ...best && { best }, samples };
}

/** The step itself, if all its numbers are finite, as they almost always are. */
function finiteStep(step: StepDone): StepDone {
  const { loss, gradientNorm, tokensPerSecond, remainingMs } = step;
  if ([loss, gradientNorm, tokensPerSecond, remainingMs].every(Number.isFinite)) return step;
  return {
    ...step,
    loss: finite(loss),
    gradientNorm: finite(gradientNorm),
    tokensPerSecond: finite(tokensPerSecond),
    remainingMs: finite(remainingMs),
  };
}

function finite(value: number | null): number {
  return value !== null && Number.isFinite(value) ? value : NaN;
}
