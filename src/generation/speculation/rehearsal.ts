/**
 * A text goes on as if another model wrote it, and leaves no trace.
 *
 * @module
 */
import { NumericalError } from "../../base/errors.ts";
import type { ConstraintState } from "../constraints/constraint.ts";
import type { Sampler } from "../sampling/sampler.ts";

/**
 * Chooses tokens as the text itself will: with the same options, the same random numbers and the same constraint. So a draft
 * differs from the text only where the models do.
 */
export class Rehearsal {
  readonly #sampler: Sampler;
  readonly #tokens: number[];
  readonly #numPromptTokens: number;
  #constraint: ConstraintState | undefined;

  /**
   * @param sampler has the random numbers that come next; no one else draws from it
   * @param tokens the text so far, the prompt first; they are copied
   */
  constructor(
    sampler: Sampler,
    tokens: readonly number[],
    numPromptTokens: number,
    constraint: ConstraintState | undefined,
  ) {
    this.#sampler = sampler;
    this.#tokens = [...tokens];
    this.#numPromptTokens = numPromptTokens;
    this.#constraint = constraint;
  }

  /** The next token; none if nothing can be drawn, which is for the text itself to complain of. */
  next(logits: Float32Array): number | undefined {
    if (this.#constraint?.isFinished) return undefined;
    try {
      const allowed = this.#constraint?.allowed;
      const id = this.#sampler.sample(logits, this.#tokens, this.#numPromptTokens, allowed);
      this.#tokens.push(id);
      this.#constraint = this.#constraint?.after(id);
      return id;
    } catch (error) {
      if (error instanceof NumericalError) return undefined;
      throw error;
    }
  }
}
