/**
 * Beam search in one text: which beginnings are followed, and which texts are the best so far. It knows nothing of how
 * logits are computed.
 *
 * @module
 */
import type { ConstraintState } from "./constraints/constraint.ts";
import type { TokenLogProbability } from "../engine/target_scores.ts";
import type { FinishReason } from "./generated_token.ts";
import { checkBestLogit } from "./sampling/candidates.ts";
import { likeliest, logProbabilitiesOf } from "./sampling/log_probability.ts";
import type { LogitsProcessor } from "./sampling/logits_processors.ts";
import { hasToken } from "./sampling/token_mask.ts";

/** How beams are followed. */
export interface BeamSettings {
  readonly numBeams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
  /** Those that end a text. */
  readonly endOfText: ReadonlySet<number>;
  /** The most tokens to write, and the positions of the model. */
  readonly maxNewTokens: number;
  readonly contextLength: number;
  /** What changes log-probabilities before the best are chosen. */
  readonly processors: readonly LogitsProcessor[];
  /** Where the text begins in a constraint, if there is one. */
  readonly constraint: ConstraintState | undefined;
  /** How many of the likeliest tokens to name beside each. */
  readonly topLogProbabilities: number;
}

/** A new token. */
export interface BeamToken extends TokenLogProbability {
  readonly topLogProbabilities?: readonly TokenLogProbability[];
}

/** A beginning that is followed. */
export interface Beam {
  /** Which of the beams before it continues; 0 for the first. */
  readonly parent: number;
  /** What it adds to the prompt. */
  readonly newTokens: readonly BeamToken[];
  /** The sum of the log-probabilities, as the processors left them. */
  readonly sum: number;
  readonly constraint: ConstraintState | undefined;
}

/** A text that is complete. */
export interface FinishedBeam extends Beam {
  readonly finishReason: FinishReason;
  /** The sum, penalized by length. */
  readonly score: number;
}

/** What a beam may go on with. */
interface Candidate {
  readonly parent: number;
  readonly id: number;
  readonly logProbability: number;
  readonly sum: number;
}

/** Follows the beams of one prompt, in the way of Hugging Face's `generate(num_beams=..., do_sample=False)`. */
export class Beams {
  readonly #prompt: readonly number[];
  readonly #settings: BeamSettings;
  /** The most new tokens that there is room for. */
  readonly #maxLength: number;
  #running: readonly Beam[];
  #finished: readonly FinishedBeam[] = [];
  #isFinished = false;

  /** @param prompt at least one token, and not more than the context has positions */
  constructor(prompt: readonly number[], settings: BeamSettings) {
    this.#prompt = prompt;
    this.#settings = settings;
    // The last position gives one more token.
    this.#maxLength = Math.min(
      settings.maxNewTokens,
      settings.contextLength - prompt.length + 1,
    );
    this.#running = [{ parent: 0, newTokens: [], sum: 0, constraint: settings.constraint }];
  }

  /** The beams, the likeliest first. All are equally long. */
  get running(): readonly Beam[] {
    return this.#running;
  }

  /** The best complete texts so far, the best first, at most as many as beams. */
  get finished(): readonly FinishedBeam[] {
    return this.#finished;
  }

  /** Whether none better is to come. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /**
   * Goes on by one token.
   *
   * @param logits after each beam
   * @throws {NumericalError} if the model computes something that is not a number, or no text is left and none complete
   */
  advance(logits: readonly Float32Array[]): void {
    const { numBeams, lengthPenalty } = this.#settings;
    const extended = this.#extend(this.#bestCandidates(logits), logits);
    // A text that ends counts only if it is among the best that go on or end; the others are there to replace them.
    const ended = extended.slice(0, numBeams).flatMap((beam) => {
      const finishReason = this.#finishReason(beam);
      const score = beam.sum / beam.newTokens.length ** lengthPenalty;
      return finishReason === undefined ? [] : [{ ...beam, finishReason, score }];
    });
    this.#running = extended
      .filter((beam) => this.#finishReason(beam) === undefined)
      .slice(0, numBeams);
    this.#finished = [...this.#finished, ...ended]
      .toSorted((a, b) => b.score - a.score)
      .slice(0, numBeams);
    if (this.#running.length === 0 && this.#finished.length === 0) checkBestLogit(-Infinity, 0);
    this.#isFinished = this.#running.length === 0 || !this.#canImprove();
  }

  /** The best candidates of all beams, the best first: enough that as many as there are beams do not end. */
  #bestCandidates(logits: readonly Float32Array[]): Candidate[] {
    const { numBeams, endOfText, processors } = this.#settings;
    const count = numBeams * Math.max(2, 1 + endOfText.size);
    const best: Candidate[] = [];
    for (const [parent, beam] of this.#running.entries()) {
      const logProbabilities = logProbabilitiesOf(logits[parent]);
      const scores = Float32Array.from(logProbabilities);
      const history = [...this.#prompt, ...beam.newTokens.map(({ id }) => id)];
      for (const process of processors) process(scores, history, this.#prompt.length);
      const allowed = beam.constraint?.allowed;
      let least = best.length < count ? -Infinity : best[count - 1].sum;
      for (let id = 0; id < scores.length; id++) {
        const sum = beam.sum + scores[id];
        if (!(sum > least) || (allowed !== undefined && !hasToken(allowed, id))) continue;
        if (sum === Infinity) checkBestLogit(sum, id);
        insert(best, { parent, id, logProbability: logProbabilities[id], sum });
        if (best.length > count) best.pop();
        if (best.length === count) least = best[count - 1].sum;
      }
    }
    return best;
  }

  #extend(candidates: readonly Candidate[], logits: readonly Float32Array[]): Beam[] {
    const { topLogProbabilities: count } = this.#settings;
    const tops = logits.map((each) => count === 0 ? undefined : likeliest(each, count));
    return candidates.map(({ parent, id, logProbability, sum }) => {
      const { newTokens, constraint } = this.#running[parent];
      const top = tops[parent];
      const token = { id, logProbability, ...top && { topLogProbabilities: top } };
      return {
        parent,
        newTokens: [...newTokens, token],
        sum,
        constraint: constraint?.after(id),
      };
    });
  }

  #finishReason({ newTokens, constraint }: Beam): FinishReason | undefined {
    const { endOfText, maxNewTokens } = this.#settings;
    const isEnd = endOfText.has(newTokens.at(-1)!.id);
    if (isEnd || constraint?.isFinished) return "endOfText";
    if (newTokens.length < this.#maxLength) return undefined;
    return newTokens.length === maxNewTokens ? "maxNewTokens" : "contextLength";
  }

  /** Whether what is followed may become better than the worst complete text that would be kept. */
  #canImprove(): boolean {
    const { numBeams, earlyStopping, lengthPenalty } = this.#settings;
    if (this.#finished.length < numBeams) return true;
    if (earlyStopping === true) return false;
    const [{ sum, newTokens }] = this.#running;
    const isLongerBetter = earlyStopping === "never" && lengthPenalty > 0;
    const length = isLongerBetter ? this.#maxLength : newTokens.length;
    return sum / length ** lengthPenalty > this.#finished[numBeams - 1].score;
  }
}

/** Inserts a candidate behind those that are as good. */
function insert(sorted: Candidate[], candidate: Candidate): void {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle].sum >= candidate.sum) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, candidate);
}
