/**
 * Drafts of a smaller model, which reads the same texts.
 *
 * @module
 */
import type { Engine } from "../../engine/engine.ts";
import type { Sequence } from "../../engine/sequence.ts";
import type { DraftedText } from "./drafted_text.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** What the draft model has read of a text. */
interface Follower {
  readonly sequence: Sequence;
  /** So many tokens of the text are known to it, the last of them as far as `sequence` reaches. */
  numKnown: number;
  /** What it has read behind them: its own draft, which may be right. */
  guessed: readonly number[];
}

/** A draft that is being written. */
interface Draft {
  readonly follower: Follower;
  readonly rehearsal: Rehearsal;
  readonly count: number;
  readonly tokens: number[];
}

/** Has a model draft for texts. */
export class ModelDrafts implements Disposable {
  readonly #engine: Engine;
  readonly #followers = new Map<DraftedText, Follower>();

  /** @param engine of the draft model */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Drafts what comes next, of all texts side by side.
   *
   * @param counts how many tokens to draft of each text; it may be fewer
   * @throws {TypeError} if the draft model has been disposed of
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async draft(
    texts: readonly DraftedText[],
    counts: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<number[][]> {
    const longest = Math.floor(this.#engine.model.config.contextLength / 2);
    const drafts = texts.map((text, i): Draft => ({
      follower: this.#followerOf(text),
      rehearsal: text.rehearse(),
      count: Math.min(counts[i], longest),
      tokens: [],
    }));
    let going = drafts.filter(({ count }) => count > 0);
    let reading = going.map(({ follower, count }) =>
      this.#unread(follower, texts[drafts.findIndex((d) => d.follower === follower)].tokens, count)
    );
    while (going.length > 0) {
      const requests = going.map(({ follower: { sequence } }, i) => (
        { sequence, tokens: reading[i], logits: "last" as const }
      ));
      await this.#engine.step(requests, { signal });
      going = going.filter(({ follower, rehearsal, count, tokens }) => {
        follower.guessed = [...tokens];
        const id = rehearsal.next(follower.sequence.logits);
        if (id !== undefined) tokens.push(id);
        return id !== undefined && tokens.length < count;
      });
      reading = going.map(({ tokens }) => tokens.slice(-1));
    }
    return drafts.map(({ tokens }) => tokens);
  }

  /** Forgets a text. */
  forget(text: DraftedText): void {
    this.#followers.get(text)?.sequence[Symbol.dispose]();
    this.#followers.delete(text);
  }

  /** Forgets all texts. */
  [Symbol.dispose](): void {
    for (const text of [...this.#followers.keys()]) this.forget(text);
  }

  #followerOf(text: DraftedText): Follower {
    const known = this.#followers.get(text);
    if (known !== undefined) return known;
    const follower = { sequence: this.#engine.open(), numKnown: 0, guessed: [] };
    this.#followers.set(text, follower);
    return follower;
  }

  /** Takes back what was guessed wrong, and finds what is to be read before something can be drafted. */
  #unread(follower: Follower, tokens: readonly number[], count: number): readonly number[] {
    const { sequence, numKnown, guessed } = follower;
    // The last token is read again, if need be: what follows it is wanted.
    const mostRight = Math.min(guessed.length, tokens.length - numKnown - 1);
    let numRight = 0;
    while (numRight < mostRight && guessed[numRight] === tokens[numKnown + numRight]) numRight++;
    sequence.truncate(sequence.length - (guessed.length - numRight));
    let unread = tokens.slice(numKnown + numRight);
    const { contextLength } = this.#engine.model.config;
    if (sequence.length + unread.length + count > contextLength) {
      sequence.truncate(0);
      unread = tokens.slice(-Math.ceil(contextLength / 2));
    }
    follower.numKnown = tokens.length;
    follower.guessed = [];
    return unread;
  }
}
