/**
 * How far a long task is, on a terminal.
 *
 * @module
 */
import type { Output } from "./io.ts";
import { lineText } from "./terminal_text.ts";
import { UpdatingLine } from "./updating_line.ts";

const BAR_WIDTH = 30;
const MAX_LABEL_CHARACTERS = 60;

/** A line that changes in place where that is possible, and nothing elsewhere. */
export class ProgressBar {
  readonly #line: UpdatingLine;
  readonly #label: string;

  /** @param label what is being done */
  constructor(output: Output, label: string) {
    this.#line = new UpdatingLine(output);
    this.#label = lineText(label, MAX_LABEL_CHARACTERS);
  }

  /** Shows which part is done, 0 to 1, and what else there is to say; a few times a second at most. */
  show(part: number, details = ""): void {
    this.#line.show(() => {
      const percent = String(Math.floor(part * 100)).padStart(3);
      return `${this.#label} ${barText(part, BAR_WIDTH)} ${percent} %${details && `  ${details}`}`;
    });
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    await this.#line.clear();
  }
}

/** A bar of so many characters between brackets: `[###-------]`. */
export function barText(part: number, width: number): string {
  const filled = Math.round(part * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}
