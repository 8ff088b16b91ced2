/**
 * Shows a training run while it goes on: on a terminal, in a log, or to a program.
 *
 * @module
 */
import type { TrainingEvent } from "../../training/training_event.ts";
import type { Output } from "../terminal/io.ts";
import { jsonText } from "../terminal/terminal_text.ts";
import { UpdatingLine } from "../terminal/updating_line.ts";
import { logLines } from "./training_log.ts";
import { INITIAL_STATUS, nextStatus, trainingLine } from "./training_line.ts";

/** How a run is shown. */
export interface TrainingDisplayOptions {
  /** Steps between two that are told of where no line can change in place. */
  readonly logEvery: number;
  /** Whether each event is a JSON object in a line, as in `log.jsonl`. */
  readonly isJson: boolean;
}

/**
 * Shows a run. On a terminal one line changes in place, and evaluations, samples and the end stay above it; elsewhere every
 * so many steps and everything else is a line.
 */
export class TrainingDisplay {
  readonly #output: Output;
  readonly #options: TrainingDisplayOptions;
  readonly #line: UpdatingLine;
  #status = INITIAL_STATUS;
  #isFirstStep = true;
  /** The last step that has a line. */
  #toldStep: number | undefined;

  /** @param output where it is shown */
  constructor(output: Output, options: TrainingDisplayOptions) {
    this.#output = output;
    this.#options = options;
    this.#line = new UpdatingLine(output);
  }

  /**
   * Shows what has happened.
   *
   * @throws {OutputClosedError} if nobody reads it any more
   */
  async show(event: TrainingEvent): Promise<void> {
    this.#status = nextStatus(this.#status, event);
    const isTold = this.#isTold(event);
    if (event.kind === "step") this.#isFirstStep = false;
    if (this.#options.isJson) {
      if (isTold) await this.#output.write(`${jsonText(event)}\n`);
      return;
    }
    if (isTold) {
      await this.#line.clear();
      const width = this.#output.numColumns - 1;
      const isStepTold = event.step === this.#toldStep;
      await this.#output.writeLines(logLines(event, this.#status, width, isStepTold));
      if (event.kind === "step") this.#toldStep = event.step;
    }
    if (event.kind !== "end") {
      this.#line.show(() => trainingLine(this.#status, this.#output.numColumns - 1));
    }
  }

  /** Takes the line that changes away. */
  async clear(): Promise<void> {
    await this.#line.clear();
  }

  #isTold(event: TrainingEvent): boolean {
    const isChanging = this.#output.isDecorated && !this.#options.isJson;
    // Who watches need not know of each file.
    if (event.kind === "saved") return !isChanging || event.what === "last";
    if (event.kind !== "step") return true;
    if (isChanging) return false;
    const { step } = event;
    return this.#isFirstStep || step % this.#options.logEvery === 0 ||
      step === this.#status.numSteps;
  }
}
