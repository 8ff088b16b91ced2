/**
 * What the model has written during a training, as a list for a report.
 *
 * @module
 */
import { escapeHtml } from "../../page/standalone_page.ts";
import type { Sampled } from "../training_event.ts";
import { countText, lossText, stepsText } from "./number_texts.ts";
import type { RunHistory } from "./run_history.ts";
import { thinEvenly } from "./thin.ts";

const MAX_SAMPLES = 100;
const MAX_SAMPLE_CHARACTERS = 2000;

/** The samples, the newest first and open, the others closed. */
export function samplesHtml({ samples, evaluations }: RunHistory): string {
  if (samples.length === 0) return "<p>The model was to write nothing.</p>";
  const shown = thinEvenly(samples, MAX_SAMPLES).reverse();
  const note = shown.length < samples.length
    ? `<p>${countText(shown.length)} of ${countText(samples.length)}; all are in the log.</p>\n`
    : "";
  const losses = new Map(evaluations.map(({ step, loss }) => [step, loss]));
  return note + shown.map((sample, i) => sampleHtml(sample, losses.get(sample.step), i === 0))
    .join("\n");
}

function sampleHtml(
  { step, prompt, text }: Sampled,
  loss: number | undefined,
  isOpen: boolean,
): string {
  const validation = loss === undefined ? "" : `, validation loss ${lossText(loss)}`;
  return `<details${isOpen ? " open" : ""}><summary>After ${
    stepsText(step)
  }${validation}</summary>` +
    `<blockquote dir="auto"><b>${escapeHtml(cut(prompt))}</b>${
      escapeHtml(cut(text))
    }</blockquote></details>`;
}

function cut(text: string): string {
  // Not between the two halves of a character.
  return text.length <= MAX_SAMPLE_CHARACTERS
    ? text
    : `${text.slice(0, MAX_SAMPLE_CHARACTERS).replace(/[\ud800-\udbff]$/, "")}…`;
}
