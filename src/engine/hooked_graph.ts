/**
 * What is captured and changed in one graph.
 *
 * @module
 */
import { type ActivationSite, activationSites } from "../model/activation_sites.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Graph } from "../tensor/graph.ts";
import { add, multiply } from "../tensor/ops.ts";
import { sameShape, type Shape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { contiguous, slice } from "../tensor/views.ts";
import type { GraphHooks, HookedSpan } from "./hooked_text.ts";
import type { ActivationPlace, InterventionContext, InterventionFunction } from "./intervention.ts";

/** What is to be captured and changed. */
export interface WantedHooks {
  /** The names of the activations to keep. */
  readonly captured: ReadonlySet<string>;
  /** At which positions, and which row of the result each is. */
  readonly positions: "all" | "last" | ReadonlyMap<number, number>;
  /** See {@linkcode InterventionContext.numTexts}. */
  readonly numTexts: number;
  /** See {@linkcode InterventionContext.length}. */
  readonly length: number;
  /** By the name of the activation. */
  readonly interventions: ReadonlyMap<string, readonly InterventionFunction[]>;
}

/** A token of a pass. */
type TokenPlace = Omit<ActivationPlace, "head">;

/** How the rows of an activation lie: (batch seq), or (batch heads seq). */
interface Rows {
  readonly batch: number;
  /** 1 where there is no such axis. */
  readonly heads: number;
  readonly seq: number;
  readonly hasHeads: boolean;
}

/** Builds captures and interventions into a graph, and carries them out in each of its runs. */
export class HookedGraph implements GraphHooks {
  readonly #hooks: WantedHooks;
  readonly #graph: Graph;
  readonly #config: GPT2Config;
  readonly #sites: ReadonlyMap<string, ActivationSite>;
  readonly #captured: [name: string, activation: Tensor][] = [];
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
      if (name === "logits") x = contiguous(slice(x, 2, 0, this.#config.vocabSize));
      const before = x;
      x = apply(before, this.#contextOf(site, before));
      checkReplacement(name, before, x);
    }
    if (this.#hooks.captured.has(name)) {
      this.#captured.push([name, this.#graph.output(contiguous(x))]);
    }
    return x;
  }

  #contextOf(site: ActivationSite, x: Tensor): InterventionContext {
    const { name, axes, layer } = site;
    const rows = rowsOf(x.shape);
    const maskShape = x.shape.with(-1, 1);
    const choose = (
      chosen: Tensor,
      otherwise: Tensor,
      isChosen: (place: ActivationPlace, row: number) => boolean,
    ) => {
      const taken = this.#input(maskShape, (places) => maskOf(rows, places, isChosen, 1, 0));
      const kept = this.#input(maskShape, (places) => maskOf(rows, places, isChosen, 0, 1));
      return add(multiply(otherwise, kept), multiply(chosen, taken));
    };
    return {
      name,
      axes,
      layer,
      config: this.#config,
      numTexts: this.#hooks.numTexts,
      length: this.#hooks.length,
      input: (shape, values) => this.#input(shape, () => Float32Array.from(values())),
      choose: (chosen, otherwise, isChosen) =>
        choose(chosen, otherwise, (place) => isChosen(place)),
      writeRows: (x, write) => {
        const width = x.shape.at(-1)!;
        const written = new Set<number>();
        const values = this.#input(x.shape, (places) => {
          written.clear();
          const values = new Float32Array(x.size);
          eachRow(rows, places, (place, row) => {
            const own = values.subarray(row * width, (row + 1) * width);
            if (write(place, own)) written.add(row);
            else own.fill(0);
          });
          return values;
        });
        return choose(values, x, (_, row) => written.has(row));
      },
    };
  }

  /** An input that is written before each run. */
  #input(
    shape: Shape,
    values: (places: readonly TokenPlace[]) => Float32Array<ArrayBuffer>,
  ): Tensor {
    const input = this.#graph.input(shape, "f32", "intervention");
    this.#writers.push((places) => {
      const written = values(places);
      if (written.length !== input.size) {
        throw new TypeError(`Cannot write ${input}: received ${written.length} numbers`);
      }
      this.#graph.write(input, written);
    });
    return input;
  }

  /** Writes what the interventions need for one run. */
  write(spans: readonly HookedSpan[]): void {
    const places = spans.flatMap(({ hooked: { text, promptLength }, start, tokens }) =>
      tokens.map((_, i) => ({ text, position: start + i, isPrompt: start + i < promptLength }))
    );
    for (const write of this.#writers) write(places);
  }

  /** Keeps what was computed for each text. */
  keep(spans: readonly HookedSpan[]): void {
    for (const [name, activation] of this.#captured) {
      const wanted = spans.map((span) => this.#wantedOf(span));
      if (wanted.every(({ length }) => length === 0)) continue;
      const values = this.#graph.readF32(activation);
      const { hasHeads, heads, seq } = rowsOf(activation.shape);
      const width = activation.shape.at(-1)!;
      const isPairs = name.endsWith(".scores") || name.endsWith(".weights");
      const numColumns = name === "logits" ? this.#config.vocabSize : width;
      let begin = 0;
      spans.forEach(({ start, tokens, hooked: { record } }, i) => {
        for (const [index, position] of wanted[i]) {
          const token = begin + position - start;
          // No position looks at later ones.
          const numKept = isPairs ? position + 1 : numColumns;
          const data = new Float32Array(heads * numKept);
          for (let head = 0; head < heads; head++) {
            const row = hasHeads
              ? (Math.floor(token / seq) * heads + head) * seq + token % seq
              : token;
            data.set(values.subarray(row * width, row * width + numKept), head * numKept);
          }
          record.add(name, index, data);
        }
        begin += tokens.length;
      });
    }
  }

  /** The positions of new tokens that are to be kept, and which row of the result each is. */
  #wantedOf({ start, tokens, endsReading }: HookedSpan): [index: number, position: number][] {
    const { positions } = this.#hooks;
    const all = tokens.map((_, i) => start + i);
    if (positions === "all") return all.map((position) => [position, position]);
    if (positions === "last") return endsReading ? [[0, all.at(-1)!]] : [];
    return all.flatMap((position) => {
      const index = positions.get(position);
      return index === undefined ? [] : [[index, position] as [number, number]];
    });
  }
}

function rowsOf(shape: Shape): Rows {
  const hasHeads = shape.length === 4;
  const [batch, second, third] = shape;
  return { batch, heads: hasHeads ? second : 1, seq: hasHeads ? third : second, hasHeads };
}

/** Calls `visit` for each row of an activation, in order. */
function eachRow(
  { batch, heads, seq, hasHeads }: Rows,
  places: readonly TokenPlace[],
  visit: (place: ActivationPlace, row: number) => void,
): void {
  for (let text = 0; text < batch; text++) {
    for (let head = 0; head < heads; head++) {
      for (let s = 0; s < seq; s++) {
        const place = { ...places[text * seq + s], head: hasHeads ? head : undefined };
        visit(place, (text * heads + head) * seq + s);
      }
    }
  }
}

function maskOf(
  rows: Rows,
  places: readonly TokenPlace[],
  isChosen: (place: ActivationPlace, row: number) => boolean,
  yes: number,
  no: number,
): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(rows.batch * rows.heads * rows.seq);
  eachRow(rows, places, (place, row) => mask[row] = isChosen(place, row) ? yes : no);
  return mask;
}

function checkReplacement(name: string, before: Tensor, after: unknown): asserts after is Tensor {
  const fits = after instanceof Tensor && after.dtype === "f32" &&
    sameShape(after.shape, before.shape);
  if (fits) return;
  const received = after instanceof Tensor ? after : typeof after;
  throw new TypeError(
    `Cannot intervene in ${name}: the function must return a tensor like the one it was given, ` +
      `${before}: received ${received}`,
  );
}
