/**
 * Rows of text in columns.
 *
 * @module
 */

/** A heading and rows below each other, all columns as wide as their widest cell. */
export function table(title: string, rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, cell.length));
  }
  const lines = rows.map((row) =>
    "  " + row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd() + "\n"
  );
  return `${title}\n${lines.join("")}`;
}
