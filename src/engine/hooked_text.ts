/**
 * What the engine needs to know of captures and interventions. Who has none does not load what carries them out.
 *
 * @module
 */
import type { Graph } from "../tensor/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ActivationRecord, CapturedActivations } from "./activation_record.ts";

/** How large a call is. */
export interface HookedCall {
  /** How many texts there are. */
  readonly numTexts: number;
  /** How many of them are read side by side. */
  readonly numTogether: number;
  /** How many tokens of each are read at once, at most. */
  readonly numRead: number;
  /** How many tokens of each are given, at most. */
  readonly promptLength: number;
  /** How many tokens each has in the end, at most. */
  readonly length: number;
}

/** What a call looks at and changes. */
export interface Hooks {
  /** Graphs that are built for hooks with another one are other graphs. */
  readonly id: string;
  /** The blocks whose attention has to be spelled out. */
  readonly spelledLayers: ReadonlySet<number>;
  /** After which activation positions may be left out, if not where the model says. */
  readonly selectsAfter: string | undefined;

  /**
   * Tells what the call is about, and checks that what is to be captured of it can be kept.
   *
   * @param action what cannot be done otherwise: `generate`
   * @throws {RangeError} if it is too much, or no text has a position that is asked for
   */
  begin(action: string, call: HookedCall): void;
  /** A text of the call. */
  open(text: number, promptLength: number): HookedText;
  /** What has been captured of texts, side by side; nothing if nothing is to be. */
  assemble(texts: readonly HookedText[]): CapturedActivations | undefined;
  /** Captures and interventions in a graph. */
  build(graph: Graph): GraphHooks;
}

/** A text of a call with hooks. */
export interface HookedText {
  /** What is looked at and changed. */
  readonly hooks: Hooks;
  /** Which text of the call it is: the index that interventions know it by. */
  readonly text: number;
  /** How many of its first tokens were given, not written by the model. */
  promptLength: number;
  /** What has been captured of it. */
  readonly record: ActivationRecord;
}

/** New tokens of a text whose activations are captured or changed. */
export interface HookedSpan {
  readonly start: number;
  readonly tokens: readonly number[];
  /** Whether nothing more of what is read at once follows. */
  readonly endsReading: boolean;
  readonly hooked: HookedText;
}

/** The hooks of one graph. */
export interface GraphHooks {
  /** Changes an activation, and keeps it, as far as that is wanted. */
  observe(name: string, activation: Tensor): Tensor;
  /** Writes what the interventions need for one run. */
  write(spans: readonly HookedSpan[]): void;
  /** Keeps what a run has computed. */
  keep(spans: readonly HookedSpan[]): void;
}
