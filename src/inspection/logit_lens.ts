/**
 * What each layer would have said.
 *
 * @module
 */
import { abortSignal, checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import { oneText } from "./one_text.ts";
import { type ReadableToken, readableToken } from "./token_text.ts";
import { eachVocabularyLogits } from "./vocabulary_logits.ts";

/** Options of {@linkcode logitLens}. */
export interface LogitLensOptions {
  /** How many of the likeliest tokens to name at each place. Default: 5. */
  top?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** A token among those that may come next. */
export interface RankedToken extends ReadableToken {
  /** From 0 to 1. */
  readonly probability: number;
  /** How many tokens are likelier. */
  readonly rank: number;
}

/** What one layer would have said at one position. */
export interface LensReading {
  /** The likeliest tokens, the likeliest first; of equal ones that with the lower id. */
  readonly top: readonly RankedToken[];
  /** How undecided the layer is, in nats: 0 for one certain token, log(vocab) for no idea. */
  readonly entropy: number;
  /** How this layer sees the token that the last one finds likeliest here. */
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
const RULES: OptionRules<LogitLensOptions> = { top: integer(1, 1000), signal: abortSignal };

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
  const { top = 5, signal } = checkOptions(ACTION, options, RULES);
  const text = oneText(ACTION, tokens, model);
  const capture = ["embedding", "blocks.*.residual"];
  const { activations } = await model.forward(text, { capture, logits: "none", signal });

  // The last layer first: it tells which token is the answer.
  const layers = [...activations!].reverse();
  const layerSize = text.length * model.config.embeddingDim;
  const streams = new Float32Array(layers.length * layerSize);
  layers.forEach(([, { data }], i) => streams.set(data, i * layerSize));
  const answers: number[] = [];
  const readings: LensReading[][] = layers.map(() => []);
  await eachVocabularyLogits(engine, streams, (logits, row) => {
    const position = row % text.length;
    const standings = new Standings(model, logits);
    const best = standings.largest(top);
    answers[position] ??= best[0].id;
    const next = text[position + 1];
    readings[Math.floor(row / text.length)].push({
      top: best,
      entropy: standings.entropy,
      answer: standings.of(answers[position]),
      ...next !== undefined && { next: standings.of(next) },
    });
  }, signal);
  return layers.map(([name], i) => ({ name, positions: readings[i] })).reverse();
}

/** How likely tokens are by some logits. */
class Standings {
  readonly #model: InspectableModel;
  readonly #logits: Float32Array;
  readonly #logSum: number;
  /** -sum(p log p), with log p = logit - logSum. */
  readonly entropy: number;

  constructor(model: InspectableModel, logits: Float32Array) {
    this.#model = model;
    this.#logits = logits;
    // Here and below: of so many logits, loops with an index take a third of the time of others.
    let max = -Infinity;
    for (let id = 0; id < logits.length; id++) max = Math.max(max, logits[id]);
    let sum = 0;
    let sumOfGaps = 0;
    for (let id = 0; id < logits.length; id++) {
      const gap = max - logits[id];
      const weight = Math.exp(-gap);
      sum += weight;
      sumOfGaps += weight * gap;
    }
    this.#logSum = max + Math.log(sum);
    this.entropy = Math.log(sum) + sumOfGaps / sum;
  }

  of(id: number): RankedToken {
    const logits = this.#logits;
    const logit = logits[id];
    let rank = 0;
    for (let other = 0; other < logits.length; other++) rank += Number(logits[other] > logit);
    return this.#ranked(id, rank);
  }

  largest(count: number): RankedToken[] {
    const logits = this.#logits;
    const best: number[] = [];
    let least = -Infinity;
    for (let id = 0; id < logits.length; id++) {
      if (logits[id] <= least) continue;
      const after = best.findIndex((other) => logits[other] < logits[id]);
      best.splice(after < 0 ? best.length : after, 0, id);
      if (best.length > count) best.pop();
      if (best.length === count) least = logits[best[count - 1]];
    }
    return best.map((id) =>
      this.#ranked(id, best.findIndex((other) => logits[other] === logits[id]))
    );
  }

  #ranked(id: number, rank: number): RankedToken {
    const probability = Math.exp(this.#logits[id] - this.#logSum);
    return { ...readableToken(this.#model, id), probability, rank };
  }
}
