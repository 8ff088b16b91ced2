/**
 * What a caller wants to see of a computation, and to change in it: checked, and ready to be built into graphs.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { checkOptions, oneOf, type OptionRules } from "../base/check_options.ts";
import { type ActivationSite, activationSites, isOfPairs } from "../model/activation_sites.ts";
import type { GPT2Config } from "../model/config.ts";
import type { Graph } from "../tensor/graph.ts";
import {
  ActivationRecord,
  assembleActivations,
  type CapturedActivations,
  checkCapturedBytes,
} from "./activation_record.ts";
import type { CaptureOptions, HookOptions } from "./hook_options.ts";
import { HookedGraph } from "./hooked_graph.ts";
import type { GraphHooks, HookedCall, HookedText, Hooks } from "./hooked_text.ts";
import { type Intervention, type InterventionFunction, restricted } from "./intervention.ts";
import { matchingNames } from "./matching_names.ts";

let numIntervening = 0;

/** The hooks of one call. */
class CheckedHooks implements Hooks {
  readonly id: string;
  readonly spelledLayers: ReadonlySet<number>;
  readonly selectsAfter: string | undefined;
  readonly #captured: readonly ActivationSite[];
  /** Which positions are kept, and which row of the result each is. */
  readonly #positions: "all" | "last" | ReadonlyMap<number, number>;
  readonly #interventions: ReadonlyMap<string, readonly InterventionFunction[]>;
  readonly #config: GPT2Config;
  #call = { numTexts: Infinity, promptLength: Infinity, length: Infinity };

  constructor(
    captured: ReadonlySet<ActivationSite>,
    positions: "all" | "last" | readonly number[],
    interventions: ReadonlyMap<string, readonly InterventionFunction[]>,
    sites: readonly ActivationSite[],
    config: GPT2Config,
  ) {
    this.#captured = sites.filter((site) => captured.has(site));
    this.#positions = typeof positions === "string"
      ? positions
      : new Map(positions.map((position, index) => [position, index]));
    this.#interventions = interventions;
    this.#config = config;
    // What a function builds may be another thing in each call; captures are the same if their names are.
    this.id = interventions.size > 0
      ? `interventions of call ${++numIntervening}`
      : `captures ${JSON.stringify([this.#captured.map(({ name }) => name), positions])}`;
    const hooked = sites.filter((site) => captured.has(site) || interventions.has(site.name));
    const spelled = hooked.filter(isOfPairs).map(({ layer }) => layer!);
    this.spelledLayers = new Set(spelled);
    const last = hooked.findLast(({ isSelected }) => isSelected);
    // What is left out in one branch of the last block has to be left out in the other, so not before they join.
    this.selectsAfter = last?.layer === undefined ? last?.name : `blocks.${last.layer}.residual`;
  }

  begin(
    action: string,
    { numTexts, numTogether, numRead, promptLength, length }: HookedCall,
  ): void {
    this.#call = { numTexts, promptLength, length };
    checkPositionsOf(action, this.#positions, promptLength, length);
    const seq = this.#positions === "all"
      ? numRead
      : this.#positions === "last"
      ? 1
      : this.#positions.size;
    checkCapturedBytes(action, this.#captured, numTogether, seq, length, this.#config);
  }

  open(text: number, promptLength: number): HookedText {
    return { hooks: this, text, promptLength, record: new ActivationRecord() };
  }

  assemble(texts: readonly HookedText[]): CapturedActivations | undefined {
    if (this.#captured.length === 0) return undefined;
    const numRows = typeof this.#positions === "string" ? undefined : this.#positions.size;
    const records = texts.map(({ record }) => record);
    return assembleActivations(this.#captured, records, numRows, this.#config);
  }

  build(graph: Graph): GraphHooks {
    return new HookedGraph(graph, this.#config, {
      captured: new Set(this.#captured.map(({ name }) => name)),
      positions: this.#positions,
      interventions: this.#interventions,
      ...this.#call,
    });
  }
}

/**
 * Checks what a caller asks for.
 *
 * @param action what cannot be done otherwise: `generate`
 * @returns nothing if nothing is asked for
 * @throws {RangeError} if there is no such activation or position
 * @throws {TypeError} if something has the wrong type
 */
export function checkHooks(
  action: string,
  { capture = [], intervene = {} }: HookOptions,
  config: GPT2Config,
): Hooks | undefined {
  const given = (Array.isArray(capture) ? { names: capture } : capture) as CaptureOptions;
  const { names, positions = "all" } = checkOptions(action, given, CAPTURE_RULES);
  if (names === undefined) {
    throw new TypeError(`Cannot ${action}: names must be an array of texts: received nothing.`);
  }
  const sites = activationSites(config);
  const allNames = sites.map(({ name }) => name);
  const matches = (pattern: string) => matchingNames(action, pattern, allNames, "activation");
  const capturedNames = new Set(names.flatMap(matches));
  const captured = new Set(sites.filter(({ name }) => capturedNames.has(name)));
  const interventions = new Map<string, InterventionFunction[]>();
  for (const [pattern, given] of Object.entries(intervene)) {
    const list = Array.isArray(given) ? given : [given];
    const functions = list.map((each) => functionOf(action, pattern, each));
    for (const name of matches(pattern)) {
      interventions.set(name, [...interventions.get(name) ?? [], ...functions]);
    }
  }
  if (captured.size === 0 && interventions.size === 0) return undefined;
  if (typeof positions !== "string") checkPositions(action, positions, config.contextLength);
  return new CheckedHooks(captured, positions, interventions, sites, config);
}

const CAPTURE_RULES: OptionRules<CaptureOptions> = {
  names: {
    meaning: "an array of texts",
    isType: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  },
  positions: {
    meaning: `"last", or an array of positions`,
    isType: (value) => typeof value === "string" || Array.isArray(value),
    isInRange: (value) => Array.isArray(value) || value === "last",
  },
};

function checkPositions(action: string, positions: readonly number[], contextLength: number) {
  const isSound = positions.length > 0 && new Set(positions).size === positions.length &&
    positions.every((each) => Number.isInteger(each) && Math.abs(each + 0.5) < contextLength);
  if (isSound) return;
  throw new InvalidArgumentError(
    `Cannot ${action}: positions must be different integers from 0 to ${
      contextLength - 1
    }, or below 0, ` +
      `counted from the end of what is given: received ${describe(positions)}.`,
  );
}

function checkPositionsOf(
  action: string,
  positions: "all" | "last" | ReadonlyMap<number, number>,
  promptLength: number,
  length: number,
): void {
  if (typeof positions === "string") return;
  for (const position of positions.keys()) {
    if (position >= -promptLength && position < length) continue;
    const known = position < 0
      ? `of the longest text ${promptLength} tokens are given`
      : `the longest text has ${length} tokens`;
    throw new InvalidArgumentError(
      `Cannot ${action}: there is no such position to capture: received ${position}, and ${known}.`,
    );
  }
}

const INTERVENTION_RULES: OptionRules<Intervention> = {
  change: { meaning: "a function", isType: (value) => typeof value === "function" },
  texts: { meaning: "an array of numbers", isType: Array.isArray },
  positions: { meaning: "an array of positions", isType: Array.isArray },
  during: oneOf("prompt", "continuation"),
};

function functionOf(
  action: string,
  pattern: string,
  given: InterventionFunction | Intervention,
): InterventionFunction {
  if (typeof given === "function") return given;
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      `Cannot ${action}: what is done to ${describe(pattern)} must be a function, or ` +
        `{ change, positions, texts, during } with one in change: received ${describe(given)}.`,
    );
  }
  const doing = `${action}: what is done to ${describe(pattern)}`;
  const intervention = checkOptions(doing, given, INTERVENTION_RULES);
  if (intervention.change === undefined) {
    throw new TypeError(`Cannot ${doing}: change must be a function: received nothing.`);
  }
  return restricted(intervention);
}
