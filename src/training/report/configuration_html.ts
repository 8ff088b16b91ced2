/**
 * What was trained, on what, and how: tables of a report.
 *
 * @module
 */
import { escapeHtml } from "../../page/standalone_page.ts";
import type { RunEnds } from "../training_event.ts";
import { countText, lossText, megabytesText, shortText, timeText } from "./number_texts.ts";
import type { RunHistory } from "./run_history.ts";

type Row = readonly [name: string, value: string];

/** Tables of the sizes, the data, the settings and the runs; nothing if no run has begun. */
export function configurationHtml(history: RunHistory): string {
  const last = history.runs.at(-1);
  if (last === undefined) return "<p>No run has begun.</p>";
  const { settings, config, numParameters, numTrained, memoryBytes } = last.begin;
  const modelRows: Row[] = [
    ["weights", countText(numParameters)],
    ["weights that are trained", countText(numTrained)],
    ["memory beside the weights", megabytesText(memoryBytes)],
    ...Object.entries(config).map(([name, value]): Row => [name, valueText(value)]),
  ];
  return [
    tableHtml("Model", modelRows),
    tableHtml("Data", dataRows(history)),
    tableHtml(
      "Settings",
      Object.entries(settings).map(([name, value]) => [name, valueText(value)]),
    ),
    ...history.runs.map(({ begin, end }, i) =>
      tableHtml(history.runs.length === 1 ? "Run" : `Run ${i + 1} of ${history.runs.length}`, [
        ["began", timeOfDay(begin.time)],
        ["steps before", countText(begin.step)],
        ...endRows(end, i === history.runs.length - 1),
      ])
    ),
  ].join("\n");
}

function dataRows({ runs, steps }: RunHistory): Row[] {
  const { settings, numTrainTokens, numValidationTokens } = runs.at(-1)!.begin;
  const tokensPerStep = settings.batchSize * settings.accumulation * settings.seqLength;
  const numSeen = (steps.at(-1)?.step ?? 0) * tokensPerStep;
  return [
    ...numTrainTokens === undefined ? [] : [["tokens", countText(numTrainTokens)] as const],
    ...numValidationTokens === undefined
      ? []
      : [["tokens for validation", countText(numValidationTokens)] as const],
    ["tokens in a step", countText(tokensPerStep)],
    ["tokens seen so far", countText(numSeen)],
    ...numTrainTokens === undefined
      ? []
      : [["that is, of the data", `${shortText(numSeen / numTrainTokens)} times`] as const],
  ];
}

function endRows(end: RunEnds | undefined, isLast: boolean): Row[] {
  if (end === undefined) {
    return [["ended", isLast ? "not yet, or it was killed" : "it was killed"]];
  }
  const { reason, step, elapsedMs, best } = end;
  return [
    ["ended", reason === "diverged" ? "diverged: the next loss was no number" : reason],
    ["last step", countText(step)],
    ["time in all", timeText(elapsedMs)],
    ...best === undefined
      ? []
      : [["best validation loss", `${lossText(best.loss)}, step ${countText(best.step)}`] as const],
  ];
}

function tableHtml(title: string, rows: readonly Row[]): string {
  const lines = rows.map(([name, value]) =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`
  );
  return `<table><caption>${title}</caption><tbody>\n${lines.join("\n")}\n</tbody></table>`;
}

/** A setting or a size, which may come from a file. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(valueText).join(", ");
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) && Math.abs(value) >= 10_000 ? countText(value) : String(value);
}

/** The time of an event without what nobody reads: `2026-11-28 18:00 UTC`. */
function timeOfDay(time: string): string {
  return time.replace(/^([\d-]+)T(\d+:\d+).*Z$/, "$1 $2 UTC");
}
