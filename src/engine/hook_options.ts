/**
 * How a caller says what is captured and changed.
 *
 * @module
 */
import type { OptionRules } from "../base/check_options.ts";
import type { Intervention, Interventions } from "./intervention.ts";

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
    copy: copyInterventions,
  },
};

function copyCapture(capture: unknown): unknown {
  if (Array.isArray(capture)) return Array.from(capture);
  const entries = Object.entries(capture as CaptureOptions);
  return Object.fromEntries(entries.map(([name, value]) => [name, copyList(value)]));
}

function copyInterventions(interventions: unknown): unknown {
  const entries = Object.entries(interventions as Interventions);
  return Object.fromEntries(entries.map(([name, given]) => [
    name,
    Array.isArray(given) ? Array.from(given, copyIntervention) : copyIntervention(given),
  ]));
}

/** Also what it has from its prototype, as a caller's code would read it; and what is misspelt, for the check that follows. */
function copyIntervention(given: unknown): unknown {
  if (!isObject(given) || Array.isArray(given)) return given;
  const { change, texts, positions, during } = given as Intervention;
  const copy: Record<string, unknown> = {};
  for (const name in given as Intervention) copy[name] = (given as Record<string, unknown>)[name];
  return Object.assign(copy, {
    change,
    texts: copyList(texts),
    positions: copyList(positions),
    during,
  });
}

function copyList(value: unknown): unknown {
  return Array.isArray(value) ? Array.from(value) : value;
}
