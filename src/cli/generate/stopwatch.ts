/**
 * How long generating takes.
 *
 * @module
 */
import type { DraftResult } from "../../generation/speculation/speculation.ts";
import { countText, numberText } from "../terminal/units.ts";

/** What there is to say about the speed. */
export interface Timings {
  /** From the start until the model was ready. */
  readonly loadMs: number;
  /** From then until the first new token: reading the prompt. */
  readonly firstTokenMs: number;
  /** From then until the last one. */
  readonly decodeMs: number;
  readonly numPromptTokens: number;
  /** In all sequences together. */
  readonly numNewTokens: number;
  /**
   * New tokens, without the first of each sequence, per second of `decodeMs`; none if there are no others. Of texts that come as a
   * whole: all of them, per second since the model was ready.
   */
  readonly tokensPerSecond?: number;
  /** What came of the drafts, where there were to be some. */
  readonly drafts?: DraftResult;
}

/** Notes when the model was ready, and when tokens came. */
export class Stopwatch {
  readonly #started = performance.now();
  #ready = this.#started;
  #firstToken?: number;
  #lastToken?: number;
  #numTokens = 0;
  #drafts: DraftResult | undefined;

  /** The model is ready. */
  startGenerating(): void {
    this.#ready = performance.now();
  }

  /** A token has come. */
  countToken(): void {
    this.#lastToken = performance.now();
    this.#firstToken ??= this.#lastToken;
    this.#numTokens++;
  }

  /** There may be drafts, which is something to tell of also if none comes. */
  expectDrafts(): void {
    this.countDraft({ numDrafted: 0, numAccepted: 0 });
  }

  /** A draft has been checked. */
  countDraft({ numDrafted, numAccepted }: DraftResult): void {
    this.#drafts = {
      numDrafted: (this.#drafts?.numDrafted ?? 0) + numDrafted,
      numAccepted: (this.#drafts?.numAccepted ?? 0) + numAccepted,
    };
  }

  /**
   * @param numSequences how many tokens come from reading the prompt
   * @param areWhole whether texts come when they have ended, and not token by token
   */
  timings(numPromptTokens: number, numSequences: number, areWhole = false): Timings {
    const first = this.#firstToken ?? this.#ready;
    const decodeMs = (this.#lastToken ?? first) - first;
    const numDecoded = this.#numTokens - (areWhole ? 0 : numSequences);
    const tokensMs = areWhole ? first + decodeMs - this.#ready : decodeMs;
    return {
      loadMs: this.#ready - this.#started,
      firstTokenMs: first - this.#ready,
      decodeMs,
      numPromptTokens,
      numNewTokens: this.#numTokens,
      ...(numDecoded > 0 && { tokensPerSecond: numDecoded / tokensMs * 1000 }),
      drafts: this.#drafts,
    };
  }
}

/** The timings as one line. */
export function timingText(timings: Timings): string {
  const { loadMs, firstTokenMs, numPromptTokens, numNewTokens, tokensPerSecond, drafts } = timings;
  return [
    countText(numNewTokens, "token"),
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond.toFixed(1)} tokens/s`]),
    ...(numNewTokens === 0 ? [] : [`first token after ${Math.round(firstTokenMs)} ms`]),
  ].join(", ") +
    `; prompt ${countText(numPromptTokens, "token")}; loaded in ${Math.round(loadMs)} ms` +
    (drafts === undefined ? "" : `; ${draftText(drafts)}`);
}

function draftText({ numDrafted, numAccepted }: DraftResult): string {
  if (numDrafted === 0) return "nothing drafted that would have paid";
  return `${numberText(numAccepted)} of ${countText(numDrafted, "drafted token")} accepted`;
}
