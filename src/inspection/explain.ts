/**
 * What can be told about one prediction.
 *
 * @module
 */
import {
  abortSignal,
  anything,
  checkOptions,
  integer,
  type OptionRules,
} from "../base/check_options.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { type AttentionPatterns, attentionPatterns } from "./attention_patterns.ts";
import { type DirectLogitAttribution, directLogitAttribution } from "./direct_logit_attribution.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import { type LensLayer, logitLens } from "./logit_lens.ts";
import { checkTokenOption, oneText, positionIn } from "./one_text.ts";
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";

/** Options of {@linkcode explain}. */
export interface ExplainOptions {
  /** What follows this position is explained; counted from the end if negative. Default: the last one. */
  position?: number;
  /** How many of the likeliest tokens, and of the strongest links, to name. Default: 10. */
  top?: number;
  /** The token that is attributed to parts of the model. Default: the likeliest. */
  answer?: number;
  /** The token that it is compared with. Default: the likeliest other one. */
  against?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** A token of the text, and whether it could be expected. */
export interface ExplainedToken extends ReadableToken {
  /** How likely it was after those before it, from 0 to 1; nothing for the first. */
  readonly probability?: number;
  /** How many tokens were likelier. */
  readonly rank?: number;
}

/** What {@linkcode explain} finds. */
export interface Explanation {
  /** The text. */
  readonly tokens: readonly ExplainedToken[];
  /** What follows this position is explained. */
  readonly position: number;
  /** What each layer would have said, at each position of the text. */
  readonly lens: readonly LensLayer[];
  /** Which heads look where, up to the position. */
  readonly attention: AttentionPatterns;
  /** What speaks for the answer after the position, and against the other token. */
  readonly attribution: DirectLogitAttribution;
}

const ACTION = "explain";
const RULES: OptionRules<ExplainOptions> = {
  position: { meaning: "a number", isType: (value) => typeof value === "number" },
  top: integer(1, 1000),
  answer: anything,
  against: anything,
  signal: abortSignal,
};

/**
 * Explains what a model expects after a text: with {@linkcode logitLens}, {@linkcode attentionPatterns} and
 * {@linkcode directLogitAttribution}, as the command `explain` shows it.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { explain } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const { tokens, lens, attribution } = await explain(model, model.tokenizer!.encode("The cat sat on the"));
 * console.log(tokens.map(({ text, probability }) => [text, probability]));
 * console.log(lens.map(({ name, positions }) => [name, positions.at(-1)!.answer.rank]));
 * console.log(attribution.answer.text, "rather than", attribution.against?.text);
 * ```
 *
 * @param model a `GPT2`
 * @param tokens one text
 * @param options see {@linkcode ExplainOptions}
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if a token is not in the vocabulary, there are more than the context length, or there is no such
 * position
 * @throws {NumericalError} if a logit is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function explain(
  model: InspectableModel,
  tokens: TokenIds,
  options: ExplainOptions = {},
): Promise<Explanation> {
  engineFor(ACTION, model);
  const { top = 10, position: asked, answer, against, signal } = checkOptions(
    ACTION,
    options,
    RULES,
  );
  const text = oneText(ACTION, tokens, model);
  const position = positionIn(ACTION, asked, text.length);
  // Before the work begins.
  if (answer !== undefined) checkTokenOption(ACTION, "answer", answer, model);
  if (against !== undefined) checkTokenOption(ACTION, "against", against, model);
  const lens = await logitLens(model, text, { top: Math.max(top, 2), signal });
  const said = lens.at(-1)!.positions;
  const [best, second] = said[position].top.map(({ id }) => id);
  const chosen = answer ?? best;
  const rival = against ?? (chosen === best ? second : best);
  return {
    position,
    tokens: text.map((id, i) => {
      const expected = said[i - 1]?.next;
      const token = readableToken(model, id);
      return expected === undefined
        ? token
        : { ...token, probability: expected.probability, rank: expected.rank };
    }),
    lens,
    attention: await attentionPatterns(model, text.slice(0, position + 1), { top, signal }),
    attribution: await directLogitAttribution(model, text, {
      position,
      answer: chosen,
      against: rival,
      signal,
    }),
  };
}
