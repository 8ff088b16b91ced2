/**
 * What patching has found, as a table: layers go down, positions or heads go right.
 *
 * @module
 */
import type { ActivationPatching } from "../../inspection/activation_patching.ts";
import type { StyledText } from "../terminal/io.ts";
import { padTextStart } from "../terminal/text_width.ts";
import { heading, type Line } from "./layout.ts";

const CELL_WIDTH = 8;
const LABEL_WIDTH = 10;
const SHADES = [" ", "░", "▒", "▓", "█"];

/**
 * The table, in parts side by side that fit into the columns.
 *
 * @param title what was patched
 * @param remarks what its numbers are
 * @param labels what each column is: a token, or the number of a head
 * @param first the first column that is of interest
 */
export function patchingTable(
  { shape: [numLayers, size], data }: ActivationPatching,
  { title, remarks }: { readonly title: string; readonly remarks: readonly string[] },
  labels: readonly string[],
  first: number,
  numColumns: number,
): Line[] {
  const numCells = Math.max(1, Math.floor((numColumns - LABEL_WIDTH) / CELL_WIDTH));
  const lines: Line[] = heading(title, ...remarks);
  for (let start = first; start < size; start += numCells) {
    const shown = Array.from({ length: Math.min(numCells, size - start) }, (_, i) => start + i);
    if (start > first) lines.push([]);
    lines.push([[
      " ".repeat(LABEL_WIDTH) + shown.map((i) => padTextStart(labels[i], CELL_WIDTH)).join(""),
      "faint",
    ]]);
    for (let layer = 0; layer < numLayers; layer++) {
      lines.push([
        `  block ${layer}`.padEnd(LABEL_WIDTH),
        ...shown.map((i) => cell(data[layer * size + i])),
      ]);
    }
  }
  return lines;
}

/** A number, and a shade of it for the eye. */
function cell(value: number): StyledText {
  if (Number.isNaN(value)) return "-".padStart(CELL_WIDTH);
  const shade = SHADES[Math.round(4 * Math.min(1, Math.max(0, value)))];
  const text = `${value.toFixed(2)} ${shade}`.padStart(CELL_WIDTH);
  return value >= 0.5 ? [text, "good"] : value <= -0.5 ? [text, "bad"] : text;
}
