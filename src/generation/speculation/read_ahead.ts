/**
 * Drafts for a text that others may look at, copy and change between two tokens.
 *
 * @module
 */
import type { Engine } from "../../engine/engine.ts";
import type { SummarizedLogits } from "../../engine/logits_summary.ts";
import type { StepOptions } from "../../engine/reading.ts";
import type { ReadText } from "./drafted_text.ts";
import type { Speculation } from "./speculation.ts";

/** A draft that was read: what follows the text, and what follows each drafted token. */
interface ReadDraft {
  readonly drafted: readonly number[];
  readonly rows: readonly SummarizedLogits[];
}

/**
 * Reads a draft along with the last token of a text. What the model then remembers of the draft is forgotten at once, so that
 * the text is what it would be without; and recalled, token by token, as far as the draft turns out to be right and nothing
 * else was read in between.
 */
export class ReadAhead {
  readonly #engine: Engine;
  readonly #speculation: Speculation;
  readonly #text: ReadText;
  #read: ReadDraft | undefined;
  /** The row of logits that was given last. */
  #place = 0;

  constructor(engine: Engine, speculation: Speculation, text: ReadText) {
    this.#engine = engine;
    this.#speculation = speculation;
    this.#text = text;
  }

  /**
   * What follows the last token, if it is known already or can be read along with a draft.
   *
   * @param isChanged whether others have changed the text since the last time
   * @returns nothing if the last token is to be read on its own, or was
   */
  async after(isChanged: boolean, options: StepOptions): Promise<SummarizedLogits | undefined> {
    const { sequence, tokens } = this.#text;
    if (!isChanged && this.#recallLast()) return this.#read!.rows[++this.#place];
    this.end();
    if (sequence.length !== tokens.length - 1) return undefined;
    await this.#speculation.draft([this.#text]);
    const { reading } = this.#text;
    const draft = this.#text.takeDraft();
    if (draft === undefined) return undefined;
    try {
      await this.#engine.step([reading], options);
    } finally {
      if (!sequence.isDisposed) sequence.truncate(Math.min(sequence.length, tokens.length));
    }
    const { summaries, logits: { length: vocabSize } } = sequence;
    const rows = Array.from({ length: draft.drafted.length + 1 }, (_, i) => ({
      logits: draft.logits.subarray(i * vocabSize, (i + 1) * vocabSize),
      summary: summaries[i],
    }));
    this.#read = { drafted: draft.drafted, rows };
    this.#place = 0;
    return rows[0];
  }

  /** Forgets the draft, and takes note of what became of it. */
  end(): void {
    if (this.#read !== undefined) this.#speculation.learn(this.#text);
    this.#read = undefined;
  }

  /** Whether the last token was drafted where it is, and its memory is there again. */
  #recallLast(): boolean {
    const { sequence, tokens } = this.#text;
    return this.#read !== undefined && sequence.length === tokens.length - 1 &&
      this.#read.drafted[this.#place] === tokens.at(-1) && sequence.rememberNext();
  }
}
