/**
 * Rows of text in columns.
 *
 * @module
 */

import { lineText } from "./terminal_text.ts";
import { padTextEnd, textWidth } from "./text_width.ts";

/** A heading and rows below each other, all columns as wide as their widest cell. No cell can leave its line. */
export function table(title: string, cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map((cell) => lineText(cell)));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, textWidth(cell)));
  }
  const lines = rows.map((row) =>
    "  " + row.map((cell, column) => padTextEnd(cell, widths[column])).join("  ").trimEnd() + "\n"
  );
  return `${title}\n${lines.join("")}`;
}
