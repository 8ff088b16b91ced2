/**
 * What a report shows.
 *
 * @module
 */

import { describe } from "../../base/describe.ts";
import type { ActivationDifference } from "../compare_activations.ts";

/** A token that may come next, and how likely it is. */
export interface ReportCandidate {
  /** What it says. */
  readonly text: string;
  /** From 0 to 1. */
  readonly probability: number;
  /** What each stage of sampling leaves of that, in the order of `candidateStages`. */
  readonly afterStages: readonly number[];
}

/** What one layer would have said at one position. */
export interface ReportReading {
  /** The likeliest tokens, the likeliest first, with their probabilities. */
  readonly top: readonly (readonly [text: string, probability: number])[];
  /** The probability that it gives to what the last layer finds likeliest, and how many tokens it finds likelier. */
  readonly answer: readonly [probability: number, rank: number];
  /** In nats. */
  readonly entropy: number;
}

/** How far the activations of another model are from those of the one that the report is about. */
export interface ReportComparison {
  /** The name of the other model. */
  readonly other: string;
  /** In the order in which the activations are computed; see `compareActivations()`. */
  readonly differences: readonly ActivationDifference[];
}

/** All that is in a report of one text. */
export interface ReportData {
  /** The name of the model. */
  readonly model: string;
  /** What each token says. */
  readonly tokens: readonly string[];
  /** The number of blocks. */
  readonly numLayers: number;
  /** The number of heads of each. */
  readonly numHeads: number;
  /** (layers heads seq_q seq_k): from 0 to 1. */
  readonly attention: Float32Array;
  /** What each layer would have said, the embedding first. */
  readonly lens: readonly { readonly name: string; readonly positions: readonly ReportReading[] }[];
  /** What may come next, the likeliest first. */
  readonly candidates: readonly ReportCandidate[];
  /** The names of the stages of sampling, in the order in which they are carried out. */
  readonly candidateStages: readonly string[];
  /** What pushes the logit of a token, in the order of the model. */
  readonly attribution: {
    readonly answer: string;
    /** The token that it is compared with, if there is one. */
    readonly against?: string;
    readonly parts: readonly { readonly name: string; readonly value: number }[];
  };
  /** How far the activations of another model are from those, if they were compared. */
  readonly comparison?: ReportComparison;
  /** (layers heads): how much each head looks at some places in this text, from 0 to 1. */
  readonly headScores: readonly {
    readonly layer: number;
    readonly head: number;
    /** What it is called: `head 3.5`. */
    readonly name: string;
    readonly scores: Readonly<Record<string, number>>;
  }[];
}

/**
 * Throws unless an object has all its parts: they may have been read from a file, or be put together by hand.
 *
 * @param action what cannot be done otherwise: `write a report`
 * @param source where one with all parts comes from
 */
export function requireParts(
  action: string,
  given: unknown,
  names: readonly string[],
  source: string,
): void {
  const isObject = typeof given === "object" && given !== null;
  const missing = isObject ? names.find((name) => !(name in given)) : names[0];
  if (missing === undefined) return;
  throw new TypeError(
    `Cannot ${action}: an object with ${names.join(", ")} is needed: received ${describe(given)}` +
      `${isObject ? ` without ${missing}` : ""}. ${source}.`,
  );
}
