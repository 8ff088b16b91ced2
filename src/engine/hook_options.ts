/**
 * How a caller says what is captured and changed.
 *
 * @module
 */
import type { OptionRules } from "../base/check_options.ts";
import type { Interventions } from "./intervention.ts";

/** Which activations to keep. */
export interface CaptureOptions {
  /**
   * Their names, in which `*` stands for any characters: `blocks.*.residual`, `blocks.3.*`, `*Norm`. `activationNames()` lists
   * all.
   */
  names: readonly string[];
  /**
   * At which positions of each text: those with these numbers, or the last one of what is read at once. Below 0 they are
   * counted from the end of what is given: -1 is the last token of each prompt. Default: at all that are read.
   */
  positions?: "last" | readonly number[];
}

/** What of a computation is looked at and changed. */
export interface HookOptions {
  /** The activations to keep: their names, or {@linkcode CaptureOptions}. */
  capture?: readonly string[] | CaptureOptions;
  /** What is done to activations; see {@linkcode Interventions}. */
  intervene?: Interventions;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;

/** What these options must be. What is in them is checked where the model is known. */
export const hookRules: OptionRules<HookOptions> = {
  capture: {
    meaning: "an array of names of activations, or { names, positions }",
    isType: isObject,
    copy: copyCapture,
  },
  intervene: {
    meaning: "an object with functions by the names of activations",
    // A Map has no properties: it would look as if nothing were to be done.
    isType: (value) => isObject(value) && !(Symbol.iterator in (value as object)),
    copy: copyLists,
  },
};

function copyCapture(capture: unknown): unknown {
  return Array.isArray(capture) ? Array.from(capture) : copyLists(capture);
}

/** An object, and the lists in it. */
function copyLists(value: unknown): unknown {
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(
    entries.map(([name, each]) => [name, Array.isArray(each) ? Array.from(each) : each]),
  );
}
