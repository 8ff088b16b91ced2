/**
 * What is compared when activations of one prompt are put into the run of another.
 *
 * @module
 */
import { anything, oneOf, type OptionRule, type OptionRules } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { textOfTokens } from "../tokenizer/model_tokens.ts";
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import type { InspectableModel } from "./inspectable_model.ts";
import { checkTokenOption, oneText } from "./one_text.ts";

/**
 * What is patched: the residual stream that a block reads, or what its attention or its MLP adds to it, each at one
 * position; or what one head gathers, at all positions.
 */
export type PatchingSites = "residual" | "attention" | "mlp" | "heads";

/** The token that is right, and the one that is not. */
interface Answers {
  readonly answer: number;
  readonly against: number;
}

/** Two prompts, and what they are told apart by. */
export interface PatchedPrompts {
  /** The tokens of a prompt after which the model says the right thing. */
  clean: TokenIds;
  /** The tokens of a prompt like it, and as long, after which it does not. */
  corrupted: TokenIds;
  /** See {@linkcode PatchingSites}. Default: `"residual"`. */
  sites?: PatchingSites;
  /** The token that is right. Default: the likeliest after the clean prompt. */
  answer?: number;
  /** The one that is not. Default: the likeliest after the corrupted prompt. */
  against?: number;
}

const token: OptionRule = {
  meaning: "a token, which is a number: model.tokenizer.encode(text)[0] is the first of a text",
  isType: (value) => typeof value === "number",
};

/** What these options must be. */
export const promptRules: OptionRules<PatchedPrompts> = {
  clean: anything,
  corrupted: anything,
  sites: oneOf("residual", "attention", "mlp", "heads"),
  answer: token,
  against: token,
};

/** The name of the activation of a layer that is patched. */
export const SITES: Readonly<Record<PatchingSites, (layer: number) => string>> = {
  residual: (layer) => layer === 0 ? "embedding" : `blocks.${layer - 1}.residual`,
  attention: (layer) => `blocks.${layer}.attention.output`,
  mlp: (layer) => `blocks.${layer}.mlp.output`,
  heads: (layer) => `blocks.${layer}.attention.attended`,
};

/**
 * The tokens of both prompts.
 *
 * @param action what cannot be done otherwise: `patch activations`
 * @throws {TypeError} if one is no text
 * @throws {RangeError} if they differ in length, one has no token or too many, or a token is not in the vocabulary
 */
export function checkPrompts(
  action: string,
  model: InspectableModel,
  { clean, corrupted, answer, against }: Readonly<PatchedPrompts>,
): [clean: number[], corrupted: number[]] {
  const texts: [number[], number[]] = [
    oneText(action, clean, model),
    oneText(action, corrupted, model),
  ];
  const lengths = texts.map(({ length }) => length);
  if (lengths[0] !== lengths[1]) {
    throw new InvalidArgumentError(
      `Cannot ${action}: the two prompts must have the same number of tokens: received ` +
        `${lengths.join(" and ")}. Try other words.`,
    );
  }
  if (answer !== undefined) checkTokenOption(action, "answer", answer, model);
  if (against !== undefined) checkTokenOption(action, "against", against, model);
  return texts;
}

/**
 * The right answer and the wrong one: as they were named, or the likeliest.
 *
 * @param clean the logits after the clean prompt
 * @param corrupted those after the other
 * @throws {RangeError} if both are the same
 */
export function answersOf(
  action: string,
  { tokenizer }: InspectableModel,
  options: Readonly<PatchedPrompts>,
  clean: Float32Array,
  corrupted: Float32Array,
): Answers {
  const { answer = likeliest(clean), against = likeliest(corrupted) } = options;
  if (answer !== against) return { answer, against };
  const text = tokenizer === undefined ? "" : `, ${describe(textOfTokens(tokenizer, [answer]))}`;
  throw new InvalidArgumentError(
    `Cannot ${action}: the right answer and the wrong one must differ: received ${answer}${text}, ` +
      `for both. Name them in \`answer\` and \`against\`, or choose another prompt.`,
  );
}

/** Both with their texts. */
export function readableAnswers(
  model: InspectableModel,
  { answer, against }: Answers,
): { answer: ReadableToken; against: ReadableToken } {
  return { answer: readableToken(model, answer), against: readableToken(model, against) };
}

function likeliest(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => logit > logits[best] ? id : best, 0);
}
