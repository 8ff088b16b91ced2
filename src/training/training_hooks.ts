/**
 * What is captured and changed in a forward pass of which gradients are computed, and the gradients of its activations.
 *
 * @module
 */
import {
  ActivationRecord,
  assembleActivations,
  type CapturedActivations,
  checkCapturedBytes,
} from "../engine/activation_record.ts";
import type { HookOptions } from "../engine/hook_options.ts";
import type { GraphHooks, HookedSpan, HookedText, Hooks } from "../engine/hooked_text.ts";
import { checkHooks } from "../engine/hooks.ts";
import { matchingNames } from "../engine/matching_names.ts";
import { wantsHooks } from "../engine/start_hooks.ts";
import { type ActivationSite, activationSites, isOfPairs } from "../model/activation_sites.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguous } from "../tensor/views.ts";

/** What is looked at and changed. */
export interface WantedTrainingHooks extends HookOptions {
  /** The activations whose gradients are kept, by name. */
  readonly gradients: ReadonlySet<string>;
}

/** How large a call is. */
export interface TrainingCall {
  /** How many texts there are. */
  readonly numTexts: number;
  /** How many tokens each has, at most. */
  readonly seq: number;
}

/** A text, and what is kept of it. */
export interface TrainingText {
  /** How many tokens it has. */
  readonly length: number;
  /** Captures and interventions; nothing if there are none. */
  readonly hooked: HookedText | undefined;
  /** The gradients of its activations. */
  readonly gradients: ActivationRecord;
}

/** The hooks of a call. */
export class TrainingHooks {
  /** The blocks whose attention has to be spelled out. */
  readonly spelledLayers: ReadonlySet<number>;
  readonly #hooks: Hooks | undefined;
  readonly #sites: readonly ActivationSite[];
  readonly #config: GPT2Config;

  /**
   * @param action what cannot be done otherwise: `train`
   * @throws {RangeError} if there is no such activation or position, or more than can be kept
   * @throws {TypeError} if something has the wrong type
   */
  constructor(
    action: string,
    { gradients, ...wanted }: WantedTrainingHooks,
    config: GPT2Config,
    { numTexts, seq }: TrainingCall,
  ) {
    this.#config = config;
    this.#hooks = checkHooks(action, wanted, config);
    const sizes = { numRead: seq, promptLength: seq, length: seq };
    this.#hooks?.begin(action, { numTexts, numTogether: numTexts, ...sizes });
    this.#sites = activationSites(config).filter(({ name }) => gradients.has(name));
    checkCapturedBytes(action, this.#sites, numTexts, seq, seq, config, "gradients of activations");
    const ofGradients = this.#sites.filter(isOfPairs).map(({ layer }) => layer!);
    this.spelledLayers = new Set([...this.#hooks?.spelledLayers ?? [], ...ofGradients]);
  }

  /** The hooks in a graph. */
  build(graph: Graph): TrainingGraphHooks {
    return new TrainingGraphHooks(graph, this.#hooks?.build(graph), this.#sites, this.#config);
  }

  /** A text of the call: the one with this index. */
  open(index: number, length: number): TrainingText {
    const hooked = this.#hooks?.open(index, length);
    return { length, hooked, gradients: new ActivationRecord() };
  }

  /** What was kept of texts, side by side. What nobody asked for is missing. */
  assemble(
    texts: readonly TrainingText[],
  ): { activations?: CapturedActivations; gradients?: CapturedActivations } {
    const hooked = texts.map(({ hooked }) => hooked).filter((text) => text !== undefined);
    const activations = this.#hooks?.assemble(hooked);
    const records = texts.map(({ gradients }) => gradients);
    // Where no query may look, nothing changes the loss.
    const unseen = () => 0;
    return {
      ...activations !== undefined && { activations },
      ...this.#sites.length > 0 && {
        gradients: assembleActivations(this.#sites, records, undefined, this.#config, unseen),
      },
    };
  }
}

/**
 * What a caller wants to see and to change while a model is trained.
 *
 * @returns nothing if nothing is wanted
 * @throws {RangeError} if there is no such activation or position, or more than can be kept
 * @throws {TypeError} if something has the wrong type
 */
export function startTrainingHooks(
  action: string,
  { captureGradients = [], ...options }: HookOptions & { captureGradients?: readonly string[] },
  config: GPT2Config,
  call: TrainingCall,
): TrainingHooks | undefined {
  if (captureGradients.length === 0 && !wantsHooks(options)) return undefined;
  const names = activationSites(config).map(({ name }) => name);
  const matches = (pattern: string) => matchingNames(action, pattern, names, "activation");
  const gradients = new Set(captureGradients.flatMap(matches));
  return new TrainingHooks(action, { ...options, gradients }, config, call);
}

/** The hooks of a graph that reads some texts of one length. */
export class TrainingGraphHooks {
  readonly #graph: Graph;
  readonly #hooks: GraphHooks | undefined;
  readonly #sites: ReadonlyMap<string, ActivationSite>;
  readonly #config: GPT2Config;
  readonly #activations = new Map<ActivationSite, Tensor>();
  readonly #gradients = new Map<ActivationSite, Tensor>();

  constructor(
    graph: Graph,
    hooks: GraphHooks | undefined,
    sites: readonly ActivationSite[],
    config: GPT2Config,
  ) {
    this.#graph = graph;
    this.#hooks = hooks;
    this.#sites = new Map(sites.map((site) => [site.name, site]));
    this.#config = config;
  }

  /** Changes an activation, and keeps it, as far as that is wanted. */
  observe(name: string, activation: Tensor): Tensor {
    const x = this.#hooks?.observe(name, activation) ?? activation;
    const site = this.#sites.get(name);
    if (site !== undefined) this.#activations.set(site, x);
    return x;
  }

  /** Those whose gradients are wanted. */
  get activations(): readonly Tensor[] {
    return [...this.#activations.values()];
  }

  /** Has their gradients kept, which are in the order of `activations`. */
  output(gradients: readonly Tensor[]): void {
    [...this.#activations.keys()].forEach((site, i) => {
      this.#gradients.set(site, this.#graph.output(contiguous(gradients[i])));
    });
  }

  /** Writes what the interventions need for a run with these texts. */
  write(texts: readonly TrainingText[]): void {
    this.#hooks?.write(spansOf(texts));
  }

  /** Keeps what a run with these texts has computed. */
  keep(texts: readonly TrainingText[]): void {
    this.#hooks?.keep(spansOf(texts));
    for (const [site, gradient] of this.#gradients) {
      const values = this.#graph.readF32(gradient);
      const size = values.length / texts.length;
      const width = gradient.shape.at(-1)!;
      const numColumns = site.name === "logits" ? this.#config.vocabSize : width;
      texts.forEach(({ length, gradients }, i) => {
        const own = texts.length === 1 ? values : values.slice(i * size, (i + 1) * size);
        gradients.add(site.name, {
          indices: Array.from({ length }, (_, position) => position),
          width: numColumns,
          data: firstColumns(own, width, numColumns),
        });
      });
    }
  }
}

function spansOf(texts: readonly TrainingText[]): HookedSpan[] {
  return texts.flatMap(({ length, hooked }) =>
    hooked === undefined
      ? []
      : [{ start: 0, tokens: new Array<number>(length).fill(0), endsReading: true, hooked }]
  );
}

function firstColumns(
  values: Float32Array<ArrayBuffer>,
  width: number,
  numColumns: number,
): Float32Array<ArrayBuffer> {
  if (width === numColumns) return values;
  const rows = values.length / width;
  const result = new Float32Array(rows * numColumns);
  for (let row = 0; row < rows; row++) {
    result.set(values.subarray(row * width, row * width + numColumns), row * numColumns);
  }
  return result;
}
