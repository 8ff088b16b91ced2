/**
 * What each layer would have said.
 *
 * @module
 */
import { abortSignal, checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import { NumericalError } from "../base/errors.ts";
import { NO_TARGET, type TokenScore } from "../engine/target_scores.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import { checkTokenOption, oneText } from "./one_text.ts";
import { scoreStreams } from "./stream_scores.ts";
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";

/** Options of {@linkcode logitLens}. */
export interface LogitLensOptions {
  /** How many of the likeliest tokens to name at each place. Default: 5. */
  top?: number;
  /** The token that `answer` is about in each reading. Default: at each position the likeliest of the last layer. */
  answer?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** A token among those that may come next. */
export interface RankedToken extends ReadableToken {
  /** From 0 to 1. */
  readonly probability: number;
  /** How many tokens are likelier; of equally likely ones, those with lower ids count as likelier. */
  readonly rank: number;
}

/** What one layer would have said at one position. */
export interface LensReading {
  /** The likeliest tokens, the likeliest first; of equal ones that with the lower id. */
  readonly top: readonly RankedToken[];
  /** How undecided the layer is, in nats: 0 for one certain token, log(vocab) for no idea. */
  readonly entropy: number;
  /** How this layer sees the token that was asked for, or else the one that the last layer finds likeliest here. */
  readonly answer: RankedToken;
  /** How this layer sees the token that the text goes on with; nothing at its last position. */
  readonly next?: RankedToken;
}

/** The readings of one layer. */
export interface LensLayer {
  /** The residual stream that is read: `embedding`, `blocks.0.residual`, ... */
  readonly name: string;
  /** What it says at each position of the text. */
  readonly positions: readonly LensReading[];
}

const ACTION = "look through the logit lens";
const RULES: OptionRules<LogitLensOptions> = {
  top: integer(1, 1000),
  answer: {
    meaning: "a token, which is a number: model.tokenizer.encode(text)[0] is the first of a text",
    isType: (value) => typeof value === "number",
  },
  signal: abortSignal,
};

/**
 * The logit lens: the residual stream after each layer is read as if it were the last (nostalgebraist, 2020, "interpreting
 * GPT: the logit lens"). The final norm and the projection onto the vocabulary are the model's own, with the weights as
 * they are in memory, quantized or not, so that the last layer says what the model says.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { logitLens } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * for (const { name, positions } of await logitLens(model, model.tokenizer!.encode("ROMEO:\nMy"))) {
 *   const { top: [best], answer, entropy } = positions.at(-1)!;
 *   console.log(name, best.text, answer.rank, entropy.toFixed(1));
 * }
 * ```
 *
 * @param model a `GPT2`
 * @param tokens one text
 * @param options see {@linkcode LogitLensOptions}
 * @returns a layer for the embedding and for each block, from the input to the output
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if a token is not in the vocabulary, there are more than the context length, or an option is out of
 * range
 * @throws {NumericalError} if a logit is not a finite number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function logitLens(
  model: InspectableModel,
  tokens: TokenIds,
  options: LogitLensOptions = {},
): Promise<LensLayer[]> {
  const engine = engineFor(ACTION, model);
  const { top = 5, answer, signal } = checkOptions(ACTION, options, RULES);
  const text = oneText(ACTION, tokens, model);
  if (answer !== undefined) checkTokenOption(ACTION, "answer", answer, model);
  const capture = ["embedding", "blocks.*.residual"];
  const { activations } = await model.forward(text, { capture, logits: "none", signal });

  // The last layer first: it tells which token is the answer, if nobody has said so.
  const layers = [...activations!].reverse();
  const next = [...text.slice(1), NO_TARGET];
  let answers = answer === undefined ? undefined : text.map(() => answer);
  const readings: LensReading[][] = [];
  for (const [name, { data }] of layers) {
    const targets = [answers ?? text, next];
    const [ofAnswer, ofNext] = await scoreStreams(engine, data, targets, top, signal);
    const likeliest = ofAnswer.map(({ topLogProbabilities }, i) =>
      (topLogProbabilities ?? notFinite(name, i)).map(({ id, logProbability }, rank) =>
        rankedToken(model, id, logProbability, rank)
      )
    );
    const isAnswer = answers === undefined;
    answers ??= likeliest.map(([{ id }]) => id);
    readings.push(likeliest.map((top, i) => ({
      top,
      entropy: ofAnswer[i].entropy,
      answer: isAnswer ? top[0] : ofScore(model, ofAnswer[i]),
      ...i + 1 < text.length && { next: ofScore(model, ofNext[i]) },
    })));
  }
  return layers.map(([name], i) => ({ name, positions: readings[i] })).reverse();
}

function ofScore(model: InspectableModel, { id, logProbability, rank }: TokenScore): RankedToken {
  return rankedToken(model, id, logProbability, rank - 1);
}

function rankedToken(
  model: InspectableModel,
  id: number,
  logProbability: number,
  rank: number,
): RankedToken {
  return { ...readableToken(model, id), probability: Math.exp(logProbability), rank };
}

function notFinite(name: string, position: number): never {
  throw new NumericalError(
    `Cannot ${ACTION}: what ${name} says at position ${position} is not a finite number. Check the model's weights.`,
  );
}
