/**
 * The forward pass over the tokens that are new, of any texts, with everything before them remembered.
 *
 * @module
 */
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import { causalMask, createInputs, createMask, type Pass, selectRows } from "../model/pass.ts";
import type { Graph } from "../tensor/graph.ts";
import { flashAttention } from "../tensor/flash_attention.ts";
import { raggedAttention } from "../tensor/ragged_attention.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { slice, toF32 } from "../tensor/views.ts";
import type { GraphHooks, HookedSpan, HookedText, Hooks } from "./hooked_text.ts";
import type { KeyValueCache } from "./key_value_cache.ts";
import { NO_TARGET } from "./target_scores.ts";

/** Of which new tokens logits are wanted: with `"targets"`, of those that have one, which is scored instead of reading them. */
export type LogitsWanted = "none" | "last" | "all" | "targets";

/** New tokens of one text. */
export interface Span {
  /** Where the text is remembered. */
  readonly slot: number;
  /** How many tokens of it are. */
  readonly start: number;
  /** The tokens that follow them, at least one. */
  readonly tokens: readonly number[];
  /** Of which of them logits are wanted. */
  readonly logits: LogitsWanted;
  /** Where `logits` is `"targets"`: for each token the one that should follow it, or {@linkcode NO_TARGET}. */
  readonly targets?: readonly number[];
  /** Whether nothing more of what is read at once follows. */
  readonly endsReading: boolean;
  /** What is added to the model's weights; all spans of a pass have the same, or none has any. */
  readonly adapters?: AppliedAdapters;
  /** What of it is captured and changed; all spans of a pass have the same hooks, or none has any. */
  readonly hooked?: HookedText;
}

/** What a graph depends on. */
export interface StepShape {
  /** The axes of the tokens: (1, all of them) where attention is ragged, otherwise (texts, tokens of each). */
  readonly batch: number;
  readonly seq: number;
  /** At how many positions logits are wanted. */
  readonly numLogits: number;
  /** The slots of the texts, one after another, and how many of their rows attention looks at; nothing where it is ragged. */
  readonly rectangle?: { readonly firstSlot: number; readonly numKeys: number };
}

/** Whether the logits after token `i` of a span are wanted. */
function isWanted({ tokens, logits, targets }: Span, i: number): boolean {
  if (logits === "targets") return targets![i] !== NO_TARGET;
  return logits === "all" || (logits === "last" && i === tokens.length - 1);
}

/** How many logits are wanted of a span. */
export function numLogitsOf(span: Span): number {
  const { tokens, logits } = span;
  if (logits === "targets") return tokens.filter((_, i) => isWanted(span, i)).length;
  return logits === "none" ? 0 : logits === "last" ? 1 : tokens.length;
}

/** The targets of all logits that are wanted. */
export function targetsOf(spans: readonly Span[]): number[] {
  return spans.flatMap(({ targets, ...span }) =>
    targets?.filter((target) => target !== NO_TARGET) ??
      Array.from({ length: numLogitsOf(span) }, () => NO_TARGET)
  );
}

/** A pass that writes keys and values into a cache, and of which each position sees those of its text up to its own. */
export class StepPass implements Pass {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor | undefined;
  readonly #cache: KeyValueCache;
  readonly #shape: StepShape;
  /** (1, 1, batch * seq), i32: where each new token is remembered, as a row of (slots rows). */
  readonly #cacheRows: Tensor;
  /** (1, numLogits), i32: the positions whose logits are wanted, as rows of (batch seq). */
  readonly #logitRows: Tensor | undefined;
  /** (seq), i32, where attention is ragged: the slot of each new token, and how many rows of it the token sees. */
  readonly #ragged: { readonly slots: Tensor; readonly counts: Tensor } | undefined;
  /** What is written into these, for each new token. */
  readonly #values: Readonly<
    Record<"ids" | "positions" | "rows" | "slots" | "counts", Int32Array<ArrayBuffer>>
  >;
  readonly #hooks: Hooks | undefined;
  readonly #hooked: GraphHooks | undefined;

  /**
   * @param graph where the model is built
   * @param cache what is remembered
   * @param shape see {@linkcode StepShape}
   * @param hooks what is captured and changed
   */
  constructor(
    graph: Graph,
    cache: KeyValueCache,
    shape: StepShape,
    hooks?: Hooks,
  ) {
    const { batch, seq, numLogits, rectangle } = shape;
    this.graph = graph;
    this.#cache = cache;
    this.#shape = shape;
    this.#hooks = hooks;
    this.#hooked = hooks?.build(graph);
    const ofEach = () => new Int32Array(batch * seq);
    this.#values = {
      ids: ofEach(),
      positions: ofEach(),
      rows: ofEach(),
      slots: ofEach(),
      counts: ofEach(),
    };
    const { tokens, positions } = createInputs(graph, batch, seq);
    this.tokens = tokens;
    this.positions = positions;
    this.#cacheRows = graph.input([1, 1, batch * seq], "i32", "cache_rows");
    if (numLogits > 0 && numLogits < batch * seq) {
      this.#logitRows = graph.input([1, numLogits], "i32", "logit_rows");
    }
    if (rectangle === undefined) {
      const input = (name: string) => graph.input([seq], "i32", name);
      this.#ragged = { slots: input("slots"), counts: input("counts") };
    } else {
      this.mask = createMask(graph, batch, seq, rectangle.numKeys);
    }
  }

  /** Writes the inputs for one run. */
  write(spans: readonly Span[]): void {
    const { graph } = this;
    const { seq, rectangle } = this.#shape;
    const { numRows } = this.#cache;
    const { ids, positions, rows, slots, counts } = this.#values;
    let i = 0;
    for (const { slot, start, tokens } of spans) {
      for (let j = 0; j < tokens.length; i++, j++) {
        ids[i] = tokens[j];
        positions[i] = start + j;
        rows[i] = slot * numRows + start + j;
        slots[i] = slot;
        counts[i] = start + j + 1;
      }
    }
    graph.write(this.tokens, ids);
    graph.write(this.positions, positions);
    graph.write(this.#cacheRows, rows);
    if (this.#ragged !== undefined) {
      graph.write(this.#ragged.slots, slots);
      graph.write(this.#ragged.counts, counts);
    }
    if (this.mask !== undefined) {
      const starts = spans.map(({ start }) => start);
      graph.write(this.mask, causalMask(starts, seq, rectangle!.numKeys));
    }
    if (this.#logitRows !== undefined) graph.write(this.#logitRows, logitRowsOf(spans));
    this.#hooked?.write(spans as readonly HookedSpan[]);
  }

  /** Keeps what was to be captured, after a run. */
  keepActivations(spans: readonly Span[]): void {
    this.#hooked?.keep(spans as readonly HookedSpan[]);
  }

  remember(layer: number, key: Tensor, value: Tensor): [key: Tensor, value: Tensor] {
    const cached = this.#cache.append(layer, key, value, this.#cacheRows);
    const { batch, numLogits, rectangle } = this.#shape;
    // Nothing else is wanted then, and so nothing else is computed.
    if (numLogits === 0) { for (const x of cached) this.graph.expand(x); }
    if (rectangle === undefined) return cached;
    const { firstSlot, numKeys } = rectangle;
    const seen = (x: Tensor) => slice(slice(x, 0, firstSlot, firstSlot + batch), 2, 0, numKeys);
    const [seenKey, seenValue] = cached.map(seen);
    // Products with smaller types round the other operand too, which a fused kernel does not.
    const isSpelled = this.#hooks?.spelledLayers.has(layer);
    return isSpelled ? [toF32(seenKey), toF32(seenValue)] : [seenKey, seenValue];
  }

  attendFused(
    layer: number,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    factor: number,
  ): Tensor | undefined {
    if (this.#hooks?.spelledLayers.has(layer)) return undefined;
    if (this.#ragged !== undefined) {
      const { slots, counts } = this.#ragged;
      return raggedAttention(query, key, value, slots, counts, factor);
    }
    if (this.graph.attention !== "fused") return undefined;
    return flashAttention(query, key, value, this.mask!, factor);
  }

  observe(name: string, activation: Tensor): Tensor {
    if (this.#hooked === undefined) return activation;
    const x = this.#hooked.observe(name, activation);
    return name === this.#hooks?.selectsAfter ? this.#selectRows(x) : x;
  }

  select(x: Tensor): Tensor {
    return this.#hooks?.selectsAfter === undefined ? this.#selectRows(x) : x;
  }

  #selectRows(x: Tensor): Tensor {
    return this.#logitRows === undefined ? x : selectRows(x, this.#logitRows);
  }
}

function logitRowsOf(spans: readonly Span[]): Int32Array<ArrayBuffer> {
  const rows: number[] = [];
  let end = 0;
  for (const span of spans) {
    span.tokens.forEach((_, i) => {
      if (isWanted(span, i)) rows.push(end + i);
    });
    end += span.tokens.length;
  }
  return Int32Array.from(rows);
}
