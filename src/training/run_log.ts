/**
 * The log of a training run: a file with one event in each line, as JSON.
 *
 * @module
 */
import { readTextIfAny } from "../base/files.ts";
import { storageError } from "../base/storage_error.ts";
import { writeFileAtomically } from "../base/atomic_file.ts";
import { isTrainingEvent } from "./is_training_event.ts";
import type { RunEnds, TrainingEvent } from "./training_event.ts";

/** Appends events to a file. */
export class RunLog implements Disposable {
  /** All events, those of earlier runs first. */
  readonly events: TrainingEvent[];
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, events: TrainingEvent[]) {
    this.#path = path;
    this.events = events;
    try {
      this.#file = Deno.openSync(path, { append: true, create: true });
    } catch (error) {
      throw storageError(path, error);
    }
  }

  /**
   * Opens a log.
   *
   * @param step events after so many steps are forgotten: training goes on from there
   * @throws {StorageError} if it cannot be written
   */
  static async open(path: string, step: number): Promise<RunLog> {
    const events = step === 0 ? [] : readEvents(path).filter((event) => event.step <= step);
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    const bytes = new TextEncoder().encode(text);
    await writeFileAtomically(path, bytes.length, [bytes]);
    return new RunLog(path, events);
  }

  /**
   * Appends an event.
   *
   * @throws {StorageError} if it cannot be written
   */
  add(event: TrainingEvent): void {
    this.events.push(event);
    const bytes = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
    try {
      for (let start = 0; start < bytes.length;) {
        start += this.#file.writeSync(bytes.subarray(start));
      }
    } catch (error) {
      throw storageError(this.#path, error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** The end of a run that has written all that it was to write after so many steps, if it has. */
export function finishedEnd(path: string, numSteps: number): RunEnds | undefined {
  return readEvents(path).find((event): event is RunEnds =>
    event.kind === "end" && event.step === numSteps && event.reason === "finished"
  );
}

/** The events of a log. What is none is left out, and so a last line that was not written to its end. */
export function readEvents(path: string): TrainingEvent[] {
  const lines = (readTextIfAny(path) ?? "").split("\n");
  // Behind the last line end there is nothing, or half a line of a process that was killed.
  return lines.slice(0, -1).flatMap((line): TrainingEvent[] => {
    try {
      const event: unknown = JSON.parse(line);
      return isTrainingEvent(event) ? [event] : [];
    } catch {
      return []; // Half a line, behind which another process has gone on.
    }
  });
}
