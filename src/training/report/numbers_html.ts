/**
 * The numbers of a training as a table, for those who do not see the curves, or want to copy them.
 *
 * @module
 */
import type { Evaluated } from "../training_event.ts";
import { countText, lossText, shortText, timeText } from "./number_texts.ts";
import type { RunHistory } from "./run_history.ts";
import { thinEvenly } from "./thin.ts";

const MAX_EVALUATIONS = 60;
const NUM_STEPS = 12;

const HEADINGS = [
  "step",
  "training loss",
  "validation loss",
  "bits per byte",
  "learning rate",
  "gradient norm",
  "tokens/s",
  "time",
];

/**
 * A row for each evaluation and some other steps.
 *
 * @param means of the loss of each step and those before it
 * @param numMeanSteps how many at most
 */
export function numbersHtml(
  history: RunHistory,
  means: readonly number[],
  numMeanSteps: number,
): string {
  const { steps, evaluations, best } = history;
  if (steps.length === 0 && evaluations.length === 0) return "<p>No step was done.</p>";
  const evaluated = new Map(
    thinEvenly(evaluations, MAX_EVALUATIONS, (each) => each === best).map((
      each,
    ) => [each.step, each]),
  );
  const numbers = new Set([
    ...evaluated.keys(),
    ...thinEvenly(steps, NUM_STEPS).map(({ step }) => step),
  ]);
  const placeOf = new Map<number, number>();
  steps.forEach(({ step }, i) => {
    if (numbers.has(step)) placeOf.set(step, i);
  });
  const rows = [...numbers].sort((a, b) => a - b).map((step) =>
    rowHtml(step, history, placeOf.get(step), means, evaluated.get(step))
  );
  const headings = HEADINGS.map((heading) => `<th scope="col">${heading}</th>`).join("");
  const note = numMeanSteps > 1
    ? ` The training loss is the mean of up to ${numMeanSteps} steps, that one included.`
    : "";
  return `<p>Some steps and evaluations; all are in the log.${note}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="numbers-title"><table>
<thead><tr>${headings}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table></div>`;
}

function rowHtml(
  step: number,
  { steps, best }: RunHistory,
  place: number | undefined,
  means: readonly number[],
  evaluation: Evaluated | undefined,
): string {
  const done = place === undefined ? undefined : steps[place];
  const mark = evaluation !== undefined && evaluation === best ? " (best)" : "";
  const cells = [
    place === undefined ? "" : lossText(means[place]),
    evaluation === undefined ? "" : lossText(evaluation.loss) + mark,
    evaluation?.bitsPerByte?.toFixed(4) ?? "",
    done === undefined ? "" : shortText(done.learningRate),
    done === undefined ? "" : shortText(done.gradientNorm),
    done === undefined || Number.isNaN(done.tokensPerSecond) ? "" : countText(done.tokensPerSecond),
    done === undefined ? "" : timeText(done.elapsedMs),
  ].map((cell) => `<td>${cell || "–"}</td>`).join("");
  return `<tr><th scope="row">${countText(step)}</th>${cells}</tr>`;
}
