/**
 * Writes texts that are generated side by side one below the other.
 *
 * @module
 */
import type { Output } from "../terminal/io.ts";

/**
 * Streams the first text as it comes, and holds back the others until those before them have ended. A single text stands
 * alone; several are numbered. Nothing is written before the first token is there: until then something can be wrong.
 */
export class SequencePrinter {
  readonly #output: Output;
  readonly #prompt: string;
  readonly #numSequences: number;
  /** What there is of each text that is not written yet. */
  readonly #held: string[];
  readonly #hasEnded: boolean[];
  #hasBegun = false;
  /** The text that is being written. */
  #current = 0;
  #isLineOpen = false;

  /** @param options `prompt` is written before each text, in bold where that is possible */
  constructor(output: Output, options: { prompt: string; numSequences: number }) {
    this.#output = output;
    this.#prompt = options.prompt;
    this.#numSequences = options.numSequences;
    this.#held = new Array(options.numSequences).fill("");
    this.#hasEnded = new Array(options.numSequences).fill(false);
  }

  /** Takes what was added to a text, and whether that was the last of it. */
  async add(sequence: number, text: string, hasEnded: boolean): Promise<void> {
    await this.#begin();
    this.#held[sequence] += text;
    this.#hasEnded[sequence] = hasEnded;
    if (sequence === this.#current) await this.#writeHeld();
  }

  /** Writes what is left, and ends the last line. */
  async end(): Promise<void> {
    await this.#begin();
    this.#hasEnded.fill(true);
    await this.#writeHeld();
    await this.#endLine();
  }

  async #begin(): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    await this.#beginText(0);
  }

  async #writeHeld(): Promise<void> {
    await this.#write(this.#held[this.#current]);
    this.#held[this.#current] = "";
    if (this.#hasEnded[this.#current] && this.#current < this.#numSequences - 1) {
      await this.#beginText(this.#current + 1);
      await this.#writeHeld();
    }
  }

  async #beginText(index: number): Promise<void> {
    this.#current = index;
    if (this.#numSequences > 1) {
      await this.#endLine();
      await this.#write(`=== ${index + 1} of ${this.#numSequences} ===\n`);
    }
    await this.#write(this.#prompt, "bold");
  }

  async #endLine(): Promise<void> {
    if (this.#isLineOpen) await this.#write("\n");
  }

  async #write(text: string, style?: "bold"): Promise<void> {
    if (text === "") return;
    this.#isLineOpen = !text.endsWith("\n");
    await this.#output.write(text, style);
  }
}
