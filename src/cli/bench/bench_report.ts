/**
 * The results of `bench` in each of its formats.
 *
 * @module
 */
import { table as plainTable } from "../terminal/table.ts";
import { jsonText, lineText } from "../terminal/terminal_text.ts";
import { bytesText, countText } from "../terminal/units.ts";
import type { ModelResult, TestResult } from "./run_bench.ts";

/** Tables in Markdown, which can be read as they are. */
export function markdownReport(results: readonly ModelResult[]): string {
  const loads = results.map((result) => [
    ...modelCells(result),
    result.loadMs.toFixed(0),
    result.firstTokenMs.toFixed(0),
    (result.loadMs + result.firstTokenMs).toFixed(0),
    bytesText(result.peakBytes),
  ]);
  const tests = results.flatMap((result) =>
    result.tests.map((test) => [
      ...modelCells(result),
      `${test.kind} ${test.numTokens}`,
      String(test.depth),
      String(test.batch),
      speedText(test),
    ])
  );
  return [
    table(
      [
        "model",
        "type",
        "device",
        "threads",
        "load ms",
        "first token ms",
        "together ms",
        "peak memory",
      ],
      loads,
    ),
    ...(tests.length === 0 ? [] : [
      table(["model", "type", "device", "threads", "test", "depth", "batch", "tokens/s"], tests),
    ]),
    ...results.flatMap((result) => result.tests.flatMap((test) => profileTable(result, test))),
  ].join("\n");
}

/** The same for a terminal that has no room for these tables: what a model is stands once, above its rows. */
export function narrowReport(results: readonly ModelResult[]): string {
  return results.flatMap((result) => [
    plainTable(lineText(modelCells(result, countText(result.threads, "thread")).join(", ")), [
      ["load", `${result.loadMs.toFixed(0)} ms`],
      ["first token", `${result.firstTokenMs.toFixed(0)} ms`],
      ["together", `${(result.loadMs + result.firstTokenMs).toFixed(0)} ms`],
      ["peak memory", bytesText(result.peakBytes)],
    ]),
    ...result.tests.length === 0 ? [] : [
      plainTable("", [
        ["test", "depth", "batch", "tokens/s"],
        ...result.tests.map((test) => [
          `${test.kind} ${test.numTokens}`,
          String(test.depth),
          String(test.batch),
          speedText(test),
        ]),
      ]).slice("\n".length),
    ],
    ...result.tests.flatMap((test) => profileTable(result, test)),
  ]).join("\n");
}

const CSV_COLUMNS = [
  "model",
  "type",
  "device",
  "threads",
  "loadMs",
  "firstTokenMs",
  "peakBytes",
  "kind",
  "numTokens",
  "depth",
  "batch",
  "tokensPerSecond",
  "deviation",
] as const;

/** One row for each test. */
export function csvReport(results: readonly ModelResult[]): string {
  const rows = results.flatMap(({ tests, ...model }) =>
    tests.map((test) => {
      const values: Record<string, unknown> = { ...model, ...test };
      return CSV_COLUMNS.map((column) => csvCell(String(values[column] ?? ""))).join(",");
    })
  );
  return [CSV_COLUMNS.join(","), ...rows].join("\n") + "\n";
}

/** Everything, with every sample. */
export function jsonReport(results: readonly ModelResult[]): string {
  return jsonText({ results }, 2) + "\n";
}

/** With at most five digits that mean something; with a deviation only if there is more than one sample. */
function speedText({ tokensPerSecond, deviation, samples }: TestResult): string {
  const speed = Number(tokensPerSecond.toPrecision(5));
  const numDecimals = speed < 1000 ? 2 : speed < 10_000 ? 1 : 0;
  return [speed, ...(samples.length > 1 ? [deviation] : [])]
    .map((value) => value.toFixed(numDecimals)).join(" ± ");
}

function modelCells(
  { model, type, device, threads }: ModelResult,
  threadsText = String(threads),
): string[] {
  return [model, type ?? "as stored", device, threadsText];
}

function profileTable(result: ModelResult, { profile, ...test }: TestResult): string[] {
  if (profile === undefined) return [];
  const totalMs = profile.reduce((sum, { ms }) => sum + ms, 0);
  const rows = profile.map(({ kind, count, ms }) => [
    kind,
    String(count),
    (ms * 1000).toFixed(1),
    `${(ms / totalMs * 100).toFixed(1)} %`,
  ]);
  const { kind, numTokens, depth, batch } = test;
  return [
    `One pass of ${kind} ${numTokens}, depth ${depth}, batch ${batch}, of ${
      modelCells(result).slice(0, 2).join(", ")
    }: ${(totalMs * 1000).toFixed(0)} us when computed one operation at a time\n`,
    table(["operation", "count", "us", "share"], rows),
  ];
}

/** A table whose columns are as wide as their widest cell; numbers are on the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => lineText(cell).replaceAll("|", "\\|"))
  );
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const isNumeric = head.map((_, column) =>
    rows.every((row) => /^\d/.test(row[column])) && rows.length > 0
  );
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
      ).join(" | ")
    } |\n`;
  const rule = widths.map((width, column) =>
    isNumeric[column] ? "-".repeat(width + 1) + ":" : "-".repeat(width + 2)
  );
  return line(cells[0]) + `|${rule.join("|")}|\n` + cells.slice(1).map(line).join("");
}

function csvCell(cell: string): string {
  const text = lineText(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
