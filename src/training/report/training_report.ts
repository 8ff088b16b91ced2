/**
 * A page that shows how a training run went: one file, which asks nobody for anything.
 *
 * @module
 */
import { escapeHtml, standalonePage } from "../../page/standalone_page.ts";
import type { TrainingEvent } from "../training_event.ts";
import { configurationHtml } from "./configuration_html.ts";
import { countText, lossText, stepsText, timeText } from "./number_texts.ts";
import { numbersHtml } from "./numbers_html.ts";
import { type RunHistory, runHistory } from "./run_history.ts";
import { samplesHtml } from "./samples_html.ts";
import { runningMeans, thinEvenly, thinSteps } from "./thin.ts";
import { TRAINING_REPORT_SCRIPT } from "./training_report_script.ts";
import { TRAINING_REPORT_STYLE } from "./training_report_style.ts";

/** What a report is to say beside what happened. */
export interface TrainingReportOptions {
  /** What was trained: the name of a model, or of a folder. */
  readonly title: string;
  /** When it is written. Default: now. */
  readonly now?: Date;
}

/** More points than a screen has columns, twice. */
const MAX_STEPS = 2000;
const MAX_EVALUATIONS = 500;
/** Of fewer steps a mean shows nothing that they do not show. */
const MIN_SMOOTHED_STEPS = 40;

/**
 * Writes the page: curves of the losses, the learning rate, the length of the gradients and the speed, what the model has
 * written, and how it was trained.
 *
 * @param events what happened, from the first run on; those of an earlier one that were done anew may be there
 * @returns HTML; of any number of steps less than 1 MB
 */
export function trainingReport(
  events: readonly TrainingEvent[],
  { title, now = new Date() }: TrainingReportOptions,
): string {
  const history = runHistory(events);
  const numMeanSteps = meanSteps(history.steps.length);
  const means = runningMeans(history.steps.map(({ loss }) => loss), numMeanSteps);
  return standalonePage("training-report", {
    title: `${title} - training`,
    style: TRAINING_REPORT_STYLE,
    body: bodyHtml(history, means, numMeanSteps, { title, now }),
    data: pageData(history, means, numMeanSteps),
    script: TRAINING_REPORT_SCRIPT,
  });
}

/** Of how many steps the mean is shown: so few that it is not seen to come after them. */
function meanSteps(numSteps: number): number {
  return numSteps < MIN_SMOOTHED_STEPS ? 1 : Math.min(500, Math.max(10, Math.round(numSteps / 60)));
}

function bodyHtml(
  history: RunHistory,
  means: readonly number[],
  numMeanSteps: number,
  { title, now }: Required<TrainingReportOptions>,
): string {
  const time = now.toISOString();
  return `<header>
<h1>Training of ${escapeHtml(title)}</h1>
<p>${summaryText(history, means)} Written <time datetime="${time}">${
    time.slice(0, 16).replace("T", " ")
  } UTC</time>.</p>
</header>
<main>
${history.steps.length === 0 && history.evaluations.length === 0 ? "" : CURVES_SECTION}
<section aria-labelledby="samples-title">
<h2 id="samples-title">What the model wrote</h2>
${samplesHtml(history)}
</section>
<section aria-labelledby="configuration-title">
<h2 id="configuration-title">Configuration</h2>
<div class="tables">
${configurationHtml(history)}
</div>
</section>
<section aria-labelledby="numbers-title">
<h2 id="numbers-title">Numbers</h2>
${numbersHtml(history, means, numMeanSteps)}
</section>
</main>`;
}

const CURVES_SECTION = `<section aria-labelledby="curves-title">
<h2 id="curves-title">Curves</h2>
<div id="readout"></div>
<div class="bar-of-choices">
<label><input type="checkbox" id="logarithmic"> loss on a logarithmic scale</label>
<span>Point at a curve, or move with the arrow keys, Page Up, Page Down, Home and End.</span>
</div>
<div id="charts"></div>
<input type="range" id="step" aria-label="Step">
</section>`;

/** How far it is, in a few sentences. */
function summaryText({ runs, steps, best }: RunHistory, means: readonly number[]): string {
  const last = runs.at(-1);
  if (last === undefined) return "Nothing has happened yet.";
  const step = last.end?.step ?? steps.at(-1)?.step ?? last.begin.step;
  const { numSteps } = last.begin.settings;
  const done = `${countText(step)} of ${stepsText(numSteps)}`;
  const lastStep = steps.at(-1);
  // At the end the last evaluation and what was saved are counted too, as where the run itself says it.
  const elapsedMs = last.end?.elapsedMs ?? lastStep?.elapsedMs;
  const time = elapsedMs === undefined ? "" : ` in ${timeText(elapsedMs)}`;
  const left = lastStep === undefined || Number.isNaN(lastStep.remainingMs)
    ? ""
    : `, about ${timeText(lastStep.remainingMs)} left`;
  const states = {
    finished: `Finished: ${done}${time}.`,
    stopped: `Stopped after ${done}${time}.`,
    diverged: `Diverged after ${done}${time}: the next loss was no number.`,
    goesOn: `${done}${time} so far${left}.`,
  };
  const loss = means.length === 0 ? "" : ` Training loss ${lossText(means.at(-1)!)}.`;
  const bits = best?.bitsPerByte === undefined
    ? ""
    : ` (${best.bitsPerByte.toFixed(3)} bits per byte)`;
  const validation = best === undefined
    ? ""
    : ` Best validation loss <strong>${lossText(best.loss)}</strong>${bits}, after ${
      stepsText(best.step)
    }.`;
  return states[last.end?.reason ?? "goesOn"] + loss + validation;
}

/** What the script draws. */
function pageData(
  { runs, steps, evaluations, best }: RunHistory,
  means: readonly number[],
  numMeanSteps: number,
): object {
  const places = thinSteps(steps, MAX_STEPS);
  const kept = places.map((i) => steps[i]);
  const shownEvaluations = thinEvenly(evaluations, MAX_EVALUATIONS, (each) => each === best);
  return {
    steps: {
      step: kept.map(({ step }) => step),
      loss: kept.map(({ loss }) => rounded(loss)),
      mean: places.map((i) => rounded(means[i])),
      learningRate: kept.map(({ learningRate }) => rounded(learningRate)),
      gradientNorm: kept.map(({ gradientNorm }) => rounded(gradientNorm)),
      tokensPerSecond: kept.map(({ tokensPerSecond }) => rounded(tokensPerSecond)),
      elapsedMs: kept.map(({ elapsedMs }) => Math.round(elapsedMs)),
    },
    evaluations: {
      step: shownEvaluations.map(({ step }) => step),
      loss: shownEvaluations.map(({ loss }) => rounded(loss)),
    },
    numMeanSteps,
    best: best === undefined ? null : { step: best.step, loss: rounded(best.loss) },
    // Where a run went on.
    seams: runs.slice(1).map(({ begin }) => begin.step),
    gradientClip: runs.at(-1)?.begin.settings.gradientClip ?? 0,
  };
}

/** Five digits are more than anybody sees. What is no number becomes `null` in JSON. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
