/**
 * From options to speculation.
 *
 * @module
 */
import type { Model } from "../../model/model.ts";
import { numParameters } from "../../model/parameters.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { draftEngineFor, type DraftModel } from "./draft_models.ts";
import { type DraftResult, Speculation } from "./speculation.ts";

/** Which drafts a text gets. */
export interface SpeculationOptions {
  /** See `GenerateOptions`. */
  readonly speculate?: "lookup";
  /** See `GenerateOptions`. */
  readonly draft?: DraftModel;
  /** See `GenerateOptions`. */
  readonly onDraft?: (result: DraftResult) => void;
  /** Stops the computation. */
  readonly signal?: AbortSignal;
}

/**
 * The speculation that options ask for.
 *
 * @param model what writes the texts
 * @param tokenizer what its tokens mean
 * @throws {TypeError} if the options contradict each other
 * @throws {RangeError} if the draft model has other tokens
 */
export function startSpeculation(
  { config }: Model,
  tokenizer: Tokenizer | undefined,
  { speculate, draft, onDraft, signal }: SpeculationOptions,
): Speculation {
  const { vocabSize } = config;
  const settings = { vocabSize, onDraft, signal };
  if (draft === undefined) {
    return new Speculation({ ...settings, draftEngine: undefined, draftCost: 0 });
  }
  if (speculate !== undefined) {
    throw new TypeError(
      `Cannot generate: drafts come either from the text or from a model: received speculate and draft. ` +
        "Leave one out.",
    );
  }
  const draftEngine = draftEngineFor({ config, tokenizer }, draft);
  const draftCost = numParameters(draft.config) / numParameters(config);
  return new Speculation({ ...settings, draftEngine, draftCost });
}
