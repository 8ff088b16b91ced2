/**
 * What models that were compared are told to be like, as cells of a table.
 *
 * @module
 */
import type { ComparedModel } from "../../evaluation/compare_models.ts";
import type { Estimate } from "../../evaluation/estimate.ts";
import { bytesText } from "../terminal/units.ts";

/** A model with its name, and what its file is like. */
export interface NamedModel extends ComparedModel {
  readonly name: string;
  /** In which most of its weights are held. */
  readonly weightType: string;
  /** Of the file; nothing for a folder. */
  readonly fileBytes?: number;
  /** All bits of the file, divided by the number of weights. */
  readonly bitsPerWeight?: number;
}

/** A column of the table. */
export interface ComparisonColumn {
  readonly title: string;
  /** What is shown of a model; nothing where nothing is known. */
  cell(model: NamedModel): string;
  /** The same as plain numbers, with their names, for other programs. */
  numbers(model: NamedModel): readonly (readonly [name: string, value: number | undefined])[];
}

/** The columns behind the model's name. */
export const comparisonColumns: readonly ComparisonColumn[] = [
  {
    title: "file",
    cell: ({ fileBytes }) => fileBytes === undefined ? "" : bytesText(fileBytes),
    numbers: ({ fileBytes }) => [["file_bytes", fileBytes]],
  },
  number("bits per weight", "bits_per_weight", ({ bitsPerWeight }) => bitsPerWeight, 2),
  estimate("perplexity", "perplexity", ({ perplexity }) => perplexity, 3),
  estimate("ratio", "perplexity_ratio", ({ difference }) => difference?.perplexityRatio, 5),
  estimate("KL divergence", "kl_mean", ({ difference }) => difference?.divergence.mean, 6),
  number("median", "kl_median", ({ difference }) => difference?.divergence.median, 6),
  number("90 %", "kl_90", ({ difference }) => difference?.divergence.percentile90, 6),
  number("95 %", "kl_95", ({ difference }) => difference?.divergence.percentile95, 6),
  number("99 %", "kl_99", ({ difference }) => difference?.divergence.percentile99, 6),
  number("99.9 %", "kl_99.9", ({ difference }) => difference?.divergence.percentile99_9, 6),
  number("max", "kl_max", ({ difference }) => difference?.divergence.max, 6),
  estimate("same top", "same_top", ({ difference }) => difference?.sameTop, 2, 100),
  estimate("mean Δp", "delta_p_mean", ({ difference }) => difference?.probabilityChange, 3, 100),
  estimate("RMS Δp", "delta_p_rms", ({ difference }) => difference?.rmsProbabilityChange, 3, 100),
];

/** A plain number. Of equal files it is a plain 0: digits would say that there is something behind them. */
function number(
  title: string,
  name: string,
  value: (model: NamedModel) => number | undefined,
  digits: number,
): ComparisonColumn {
  return {
    title,
    cell: (model) => {
      const found = value(model);
      return found === 0 ? "0" : found?.toFixed(digits) ?? "";
    },
    numbers: (model) => [[name, value(model)]],
  };
}

/** @param factor 100 for what is shown in percent */
function estimate(
  title: string,
  name: string,
  value: (model: NamedModel) => Estimate | undefined,
  digits: number,
  factor = 1,
): ComparisonColumn {
  const text = (number: number) => (number * factor).toFixed(digits);
  return {
    title,
    cell: (model) => {
      const found = value(model);
      if (found === undefined) return "";
      const { error: exact } = found;
      const error = Number.isNaN(exact) ? "" : ` ± ${exact === 0 ? "0" : text(exact)}`;
      if (found.value === 0 && exact === 0) return factor === 100 ? "0 %" : "0";
      return `${text(found.value)}${error}${factor === 100 ? " %" : ""}`;
    },
    numbers: (model) => [[name, value(model)?.value], [`${name}_error`, value(model)?.error]],
  };
}

/** A row for each model, in Markdown. */
export function markdownTable(models: readonly NamedModel[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const titles = ["model", ...comparisonColumns.map(({ title }) => title)];
  const escaped = (name: string) => name.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    line(titles),
    line(titles.map(() => "---")),
    ...models.map((model) =>
      line([escaped(model.name), ...comparisonColumns.map(({ cell }) => cell(model))])
    ),
  ].join("");
}

/** A row for each model, as comma-separated values with all digits. */
export function csvTable(models: readonly NamedModel[]): string {
  const rows = models.map((model) => [
    ["model", quoted(model.name)] as const,
    ...comparisonColumns.flatMap(({ numbers }) => numbers(model)),
  ]);
  const titles = rows[0].map(([name]) => name);
  return [
    titles,
    ...rows.map((row) => row.map(([, value]) => Number.isNaN(value) ? "" : value ?? "")),
  ]
    .map((cells) => `${cells.join(",")}\n`).join("");
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A column for each model, as many beside each other as have room.
 *
 * @returns the rows of one table after another
 */
export function terminalTables(models: readonly NamedModel[], numColumns: number): string[][][] {
  const titles = ["", ...comparisonColumns.map(({ title }) => title)];
  const columns = models.map((model) => [
    model.name,
    ...comparisonColumns.map(({ cell }) => cell(model)),
  ]);
  const widthOf = (column: readonly string[]) => 2 + Math.max(...column.map((cell) => cell.length));
  const tables: string[][][] = [];
  let shown: string[][] = [];
  let width = Infinity;
  for (const column of columns) {
    if (width + widthOf(column) > numColumns) {
      shown = [titles];
      width = widthOf(titles);
      tables.push(shown);
    }
    shown.push(column);
    width += widthOf(column);
  }
  return tables.map((shown) => titles.map((_, row) => shown.map((column) => column[row])));
}
