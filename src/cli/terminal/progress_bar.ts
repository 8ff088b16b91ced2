/**
 * How far a long task is, on a terminal.
 *
 * @module
 */
import type { Output } from "./io.ts";
import { lineText } from "./terminal_text.ts";
import { textWidth } from "./text_width.ts";
import { UpdatingLine } from "./updating_line.ts";

const MIN_BAR_WIDTH = 10;
const MAX_BAR_WIDTH = 30;
/** Two brackets, and a space before them. */
const BAR_EXTRA_WIDTH = 3;
const MAX_LABEL_CHARACTERS = 60;

/** A line that changes in place where that is possible, and nothing elsewhere. */
export class ProgressBar {
  readonly #output: Output;
  readonly #line: UpdatingLine;
  readonly #label: string;

  /** @param label what is being done */
  constructor(output: Output, label: string) {
    this.#output = output;
    this.#line = new UpdatingLine(output);
    this.#label = lineText(label, MAX_LABEL_CHARACTERS);
  }

  /**
   * Shows which part is done, 0 to 1, and what else there is to say; a few times a second at most. Where there is not room
   * for all, the bar is shorter, then the last details are left out, and then the bar.
   */
  show(part: number, ...details: readonly string[]): void {
    this.#line.show(() => progressLine(this.#label, part, details, this.#output.numLineColumns));
  }

  /** Takes the line away while something else is written into its place. */
  async aside(write: () => Promise<void>): Promise<void> {
    await this.#line.aside(write);
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    await this.#line.clear();
  }
}

/** The line of a {@linkcode ProgressBar}, which has so many columns. The first of the details comes before the bar. */
export function progressLine(
  label: string,
  part: number,
  details: readonly string[],
  width: number,
): string {
  let text = ` ${String(Math.floor(part * 100)).padStart(3)} %`;
  let left = width - textWidth(label + text);
  const hasBar = left - 2 - textWidth(details[0] ?? "") >= MIN_BAR_WIDTH + BAR_EXTRA_WIDTH;
  const barRoom = hasBar ? MIN_BAR_WIDTH + BAR_EXTRA_WIDTH : 0;
  for (const [i, detail] of details.entries()) {
    if (detail === "") continue;
    if (i > 0 && left < 2 + textWidth(detail) + barRoom) break;
    text += `  ${detail}`;
    left -= 2 + textWidth(detail);
  }
  if (!hasBar) return label + text;
  return `${label} ${barText(part, Math.min(MAX_BAR_WIDTH, left - BAR_EXTRA_WIDTH))}${text}`;
}

/** A bar of so many characters between brackets: `[###-------]`. */
export function barText(part: number, width: number): string {
  const filled = Math.round(part * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}
