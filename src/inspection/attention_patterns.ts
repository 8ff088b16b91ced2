/**
 * Where heads look.
 *
 * @module
 */
import { abortSignal, checkOptions, integer, type OptionRules } from "../base/check_options.ts";
import type { CapturedActivation } from "../engine/activation_record.ts";
import type { TokenIds } from "../tokenizer/token_ids.ts";
import { engineFor, type InspectableModel } from "./inspectable_model.ts";
import { oneText } from "./one_text.ts";

/** Options of {@linkcode attentionPatterns}. */
export interface AttentionPatternsOptions {
  /** How many of the strongest links to return. Default: 20. */
  top?: number;
  /** Stops the computation with an `AbortError`. */
  signal?: AbortSignal;
}

/** A look of one head from one position back to another. */
export interface AttentionLink {
  /** The index of the block. */
  readonly layer: number;
  /** Which head of it. */
  readonly head: number;
  /** The position that looks. */
  readonly query: number;
  /** The position that is looked at. */
  readonly key: number;
  /** How much of the attention goes there, from 0 to 1. */
  readonly weight: number;
}

/**
 * How much of its attention a head gives to what it would give it to if it did nothing else, from 0 to 1: the mean over
 * all positions that have such a thing to look at. NaN if none has.
 */
export interface AttentionScores {
  /** The index of the block. */
  readonly layer: number;
  /** Which head of it. */
  readonly head: number;
  /** To the position before. */
  readonly previousToken: number;
  /** To the first position, where many heads look that find nothing to look for; not counting the first position itself. */
  readonly firstToken: number;
  /** To earlier positions with the same token. */
  readonly sameTokenBefore: number;
  /** To positions right after earlier ones with the same token: what induction heads do. */
  readonly afterSameTokenBefore: number;
}

/** What the scores of a head are called where they are shown. */
export const attentionScoreNames: Readonly<
  Record<Exclude<keyof AttentionScores, "layer" | "head">, string>
> = {
  previousToken: "previous token",
  firstToken: "first token",
  sameTokenBefore: "same token before",
  afterSameTokenBefore: "after the same token before",
};

/** What a head is called where it is shown: `head 3.5` is the one with index 5 of block 3. */
export function headName({ layer, head }: Pick<AttentionScores, "layer" | "head">): string {
  return `head ${layer}.${head}`;
}

/** What {@linkcode attentionPatterns} finds. */
export interface AttentionPatterns {
  /** The strongest looks back to another position than the first, the strongest first. */
  readonly links: readonly AttentionLink[];
  /** The scores of all heads, layer by layer. */
  readonly scores: readonly AttentionScores[];
}

const ACTION = "look at attention";
const RULES: OptionRules<AttentionPatternsOptions> = { top: integer(0), signal: abortSignal };

/** The weights of so many layers are captured at once as take about this much memory. */
const CAPTURED_BYTES = 2 ** 28;

/**
 * Which heads look where in one text: the strongest links, and how much each head does of what heads are known to do
 * (Elhage et al., 2021; Olsson et al., 2022, "In-context Learning and Induction Heads"). What is typical of a head on any
 * text, `headScores()` tells.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { attentionPatterns } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const { links, scores } = await attentionPatterns(model, model.tokenizer!.encode("ROMEO:\nMy love, my"));
 * console.log(links[0]);
 * console.log(scores.toSorted((a, b) => b.previousToken - a.previousToken)[0]);
 * ```
 *
 * @param model a `GPT2`
 * @param tokens one text
 * @param options see {@linkcode AttentionPatternsOptions}
 * @throws {TypeError} if an argument has the wrong type
 * @throws {RangeError} if a token is not in the vocabulary, or there are more than the context length
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function attentionPatterns(
  model: InspectableModel,
  tokens: TokenIds,
  options: AttentionPatternsOptions = {},
): Promise<AttentionPatterns> {
  engineFor(ACTION, model);
  const { top = 20, signal } = checkOptions(ACTION, options, RULES);
  const text = oneText(ACTION, tokens, model);
  const { numLayers, numHeads } = model.config;
  const layerBytes = numHeads * text.length ** 2 * Float32Array.BYTES_PER_ELEMENT;
  const numAtOnce = Math.max(1, Math.floor(CAPTURED_BYTES / layerBytes));
  const targets = scoreTargets(text);

  const scores: AttentionScores[] = [];
  const links = new StrongestLinks(top);
  for (let start = 0; start < numLayers; start += numAtOnce) {
    const layers = Array.from(
      { length: Math.min(numAtOnce, numLayers - start) },
      (_, i) => start + i,
    );
    const capture = layers.map((layer) => `blocks.${layer}.attention.weights`);
    const { activations } = await model.forward(text, { capture, logits: "none", signal });
    for (const layer of layers) {
      const weights = activations!.get(`blocks.${layer}.attention.weights`)!;
      for (let head = 0; head < numHeads; head++) {
        const ofHead = headWeights(weights, head);
        scores.push({ layer, head, ...scoresOf(ofHead, targets) });
        links.addAll(ofHead, text.length, layer, head);
      }
    }
  }
  return { links: links.sorted, scores };
}

/** (seq_q seq_k) of (1 heads seq_q seq_k). */
function headWeights({ data, shape: [, , seq] }: CapturedActivation, head: number): Float32Array {
  return data.subarray(head * seq * seq, (head + 1) * seq * seq);
}

type ScoreName = Exclude<keyof AttentionScores, "layer" | "head">;
/** For each position, the positions that count. */
type Targets = readonly (readonly number[])[];

/** What each score is about. */
function scoreTargets(text: readonly number[]): Record<ScoreName, Targets> {
  const positions = text.map((_, position) => position);
  const sameBefore = positions.map((query) =>
    positions.filter((key) => key < query && text[key] === text[query])
  );
  return {
    previousToken: positions.map((query) => query > 0 ? [query - 1] : []),
    firstToken: positions.map((query) => query > 0 ? [0] : []),
    sameTokenBefore: sameBefore,
    // Right after the same token may be the position itself.
    afterSameTokenBefore: positions.map((query) =>
      sameBefore[query].map((key) => key + 1).filter((key) => key < query)
    ),
  };
}

function scoresOf(
  weights: Float32Array,
  targets: Record<ScoreName, Targets>,
): Record<ScoreName, number> {
  return {
    previousToken: meanWeight(weights, targets.previousToken),
    firstToken: meanWeight(weights, targets.firstToken),
    sameTokenBefore: meanWeight(weights, targets.sameTokenBefore),
    afterSameTokenBefore: meanWeight(weights, targets.afterSameTokenBefore),
  };
}

/** What goes to the targets, all of a position's together; the mean over the positions that have some. */
function meanWeight(weights: Float32Array, targets: Targets): number {
  let sum = 0;
  let count = 0;
  targets.forEach((keys, query) => {
    if (keys.length === 0) return;
    count++;
    for (const key of keys) sum += weights[query * targets.length + key];
  });
  return sum / count;
}

/** Keeps the strongest links of those that it is given. */
class StrongestLinks {
  readonly #count: number;
  #links: AttentionLink[] = [];
  /** Weaker ones are not among them. */
  #least = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get sorted(): AttentionLink[] {
    this.#cut();
    return this.#links;
  }

  /** Those of a head, (seq seq). The first position is left out, and so is a position's look at itself. */
  addAll(weights: Float32Array, seq: number, layer: number, head: number): void {
    for (let query = 2; query < seq; query++) {
      for (let key = 1; key < query; key++) {
        const weight = weights[query * seq + key];
        if (weight > this.#least) this.#links.push({ layer, head, query, key, weight });
      }
    }
    if (this.#links.length > 2 * this.#count) this.#cut();
  }

  #cut(): void {
    this.#links = this.#links.toSorted((a, b) => b.weight - a.weight).slice(0, this.#count);
    if (this.#links.length === this.#count) this.#least = this.#links.at(-1)?.weight ?? Infinity;
  }
}
