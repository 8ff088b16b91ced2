/**
 * What is captured and changed in one graph.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { type ActivationSite, activationSites, isOfPairs } from "../model/activation_sites.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Graph } from "../tensor/graph.ts";
import { recorderOf } from "../tensor/recorder.ts";
import { sameShape, type Shape } from "../tensor/shape.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { contiguous, copy, slice } from "../tensor/views.ts";
import { type CapturedPart, unseenValue } from "./activation_record.ts";
import { rowOf, type Rows, rowsOf, type TokenPlace } from "./activation_rows.ts";
import type { GraphHooks, HookedSpan } from "./hooked_text.ts";
import type { InterventionFunction } from "./intervention.ts";
import { interventionContext } from "./intervention_context.ts";

/** What is to be captured and changed. */
export interface WantedHooks {
  /** The names of the activations to keep. */
  readonly captured: ReadonlySet<string>;
  /** At which positions, and which row of the result each is. */
  readonly positions: "all" | "last" | ReadonlyMap<number, number>;
  /** See `InterventionContext.numTexts`. */
  readonly numTexts: number;
  /** See `InterventionContext.promptLength`. */
  readonly promptLength: number;
  /** See `InterventionContext.length`. */
  readonly length: number;
  /** By the name of the activation. */
  readonly interventions: ReadonlyMap<string, readonly InterventionFunction[]>;
}

/** An activation that is kept. */
interface Captured {
  readonly site: ActivationSite;
  readonly activation: Tensor;
  readonly rows: Rows;
  /** How long its rows are in the graph, and how much of them is kept of what is not about pairs. */
  readonly width: number;
  readonly numColumns: number;
}

/** The new tokens of a text of which something is kept: those from `begin` on of the pass. */
interface KeptTokens {
  readonly span: HookedSpan;
  readonly begin: number;
  /** Which of them, counted from the first, and which rows of the result these are. */
  readonly tokens: readonly number[];
  readonly indices: readonly number[];
  /** Whether it is all of the pass, in its order. */
  readonly isAll: boolean;
}

/** Builds captures and interventions into a graph, and carries them out in each of its runs. */
export class HookedGraph implements GraphHooks {
  readonly #hooks: WantedHooks;
  readonly #graph: Graph;
  readonly #config: GPT2Config;
  readonly #sites: ReadonlyMap<string, ActivationSite>;
  readonly #captured: Captured[] = [];
  /** Write what changes from run to run. */
  readonly #writers: ((places: readonly TokenPlace[]) => void)[] = [];

  /**
   * @param graph where the model is built
   * @param config sizes of the model
   * @param hooks see {@linkcode WantedHooks}
   */
  constructor(graph: Graph, config: GPT2Config, hooks: WantedHooks) {
    this.#hooks = hooks;
    this.#graph = graph;
    this.#config = config;
    this.#sites = new Map(activationSites(config).map((site) => [site.name, site]));
  }

  /**
   * Changes an activation, and keeps it, as far as that is wanted.
   *
   * @param name what the model calls it
   * @throws {TypeError} if an intervention returns something else than an activation of this shape
   */
  observe(name: string, activation: Tensor): Tensor {
    const site = this.#sites.get(name)!;
    let x = activation;
    for (const apply of this.#hooks.interventions.get(name) ?? []) {
      // Columns of padding are nobody's business.
      if (name === "logits" && x.shape[2] > this.#config.vocabSize) {
        x = contiguous(slice(x, 2, 0, this.#config.vocabSize));
      }
      const before = x;
      x = apply(before, this.#contextOf(site, before));
      checkReplacement(name, before, x);
    }
    if (this.#hooks.captured.has(name)) {
      // The gradient of a loss is put where the logits were.
      const isOverwritten = name === "logits" && recorderOf(x)!.tape !== undefined;
      const output = this.#graph.output(isOverwritten ? copy(x) : contiguous(x));
      const width = x.shape.at(-1)!;
      const numColumns = name === "logits" ? this.#config.vocabSize : width;
      this.#captured.push({ site, activation: output, rows: rowsOf(x.shape), width, numColumns });
    }
    return x;
  }

  #contextOf(site: ActivationSite, x: Tensor) {
    const { numTexts, promptLength, length } = this.#hooks;
    const call = { config: this.#config, numTexts, promptLength, length };
    return interventionContext(site, x.shape, call, (shape, values) => this.#input(shape, values));
  }

  /** An input that is written before each run. */
  #input(
    shape: Shape,
    values: (places: readonly TokenPlace[]) => Float32Array<ArrayBuffer>,
  ): Tensor {
    const input = this.#graph.input(shape, "f32", "intervention");
    this.#writers.push((places) => this.#graph.write(input, values(places)));
    return input;
  }

  /** Writes what the interventions need for one run. */
  write(spans: readonly HookedSpan[]): void {
    if (this.#writers.length === 0) return;
    const places = spans.flatMap(({ hooked: { text, promptLength }, start, tokens }) =>
      tokens.map((_, i): TokenPlace => {
        const position = start + i;
        const fromEnd = position - promptLength;
        return { text, position, fromEnd, isPrompt: fromEnd < 0 };
      })
    );
    for (const write of this.#writers) write(places);
  }

  /** Keeps what was computed for each text. */
  keep(spans: readonly HookedSpan[]): void {
    if (this.#captured.length === 0) return;
    const kept = this.#keptOf(spans);
    if (kept.length === 0) return;
    for (const captured of this.#captured) {
      const values = this.#graph.readF32(captured.activation);
      for (const tokens of kept) {
        tokens.span.hooked.record.add(captured.site.name, partOf(captured, values, tokens));
      }
    }
  }

  /** What is wanted of the new tokens of each text. */
  #keptOf(spans: readonly HookedSpan[]): KeptTokens[] {
    const found: KeptTokens[] = [];
    let begin = 0;
    for (const span of spans) {
      const [tokens, indices] = this.#wantedOf(span);
      if (tokens.length > 0) {
        const isAll = spans.length === 1 && tokens.length === span.tokens.length &&
          tokens.every((token, i) => token === i);
        found.push({ span, begin, tokens, indices, isAll });
      }
      begin += span.tokens.length;
    }
    return found;
  }

  #wantedOf(
    { start, tokens: { length }, endsReading, hooked: { promptLength } }: HookedSpan,
  ): [tokens: number[], indices: number[]] {
    const { positions } = this.#hooks;
    if (positions === "last") return endsReading ? [[length - 1], [0]] : [[], []];
    const [tokens, indices]: [number[], number[]] = [[], []];
    if (positions === "all") {
      for (let i = 0; i < length; i++) {
        tokens.push(i);
        indices.push(start + i);
      }
      return [tokens, indices];
    }
    for (const [position, index] of positions) {
      const token = (position < 0 ? promptLength + position : position) - start;
      if (token < 0 || token >= length) continue;
      tokens.push(token);
      indices.push(index);
    }
    return [tokens, indices];
  }
}

/**
 * What is kept of an activation for a text.
 *
 * @param values all of it; what is returned may be in the same memory
 */
function partOf(
  { site, rows, width, numColumns }: Captured,
  values: Float32Array<ArrayBuffer>,
  { span: { start }, begin, tokens, indices, isAll }: KeptTokens,
): CapturedPart {
  const isPairs = isOfPairs(site);
  if (isAll && !isPairs && numColumns === width) return { indices, width, data: values };
  // No position looks at later ones.
  const numKept = isPairs
    ? start + 1 + tokens.reduce((last, token) => Math.max(last, token), 0)
    : numColumns;
  const data = new Float32Array(rows.heads * tokens.length * numKept);
  let at = 0;
  for (let head = 0; head < rows.heads; head++) {
    for (const token of tokens) {
      const from = rowOf(rows, begin + token, head) * width;
      data.set(values.subarray(from, from + numKept), at);
      if (isPairs) data.fill(unseenValue(site), at + start + token + 1, at + numKept);
      at += numKept;
    }
  }
  return { indices, width: numKept, data };
}

function checkReplacement(name: string, before: Tensor, after: unknown): asserts after is Tensor {
  const isOwn = isTensor(after) && recorderOf(after) === recorderOf(before);
  if (isOwn && after.dtype === "f32" && sameShape(after.shape, before.shape)) return;
  const received = !isTensor(after)
    ? describe(after)
    : isOwn
    ? String(after)
    : `${after} of another graph`;
  throw new TypeError(
    `Cannot intervene in ${name}: the function must return a tensor like the one it was given, ` +
      `${before}, made of it with the operations of @allformers/gpt2/ops: received ${received}.`,
  );
}
