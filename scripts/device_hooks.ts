/**
 * What captures and interventions give on one device, to be compared with another.
 *
 * @module
 */
import type { CapturedActivation, GPT2, Interventions } from "../mod.ts";
import { ablate, freeze, replace, steer } from "../src/inspect.ts";

/** What is read. Its length is no multiple of anything that kernels like. */
const TOKENS = Array.from({ length: 21 }, (_, i) => i * 37 % 250);
/** Whose activations are put into that. */
const OTHERS = TOKENS.toReversed();

const NUM_NEW = 6;

/** What one check gives: numbers by name, and tokens. */
export interface HookResult {
  readonly values: ReadonlyMap<string, ArrayLike<number>>;
  readonly tokens: readonly number[];
}

/** By name, what is done with hooks on a model. Each gives numbers, which devices round otherwise, and tokens. */
export async function runHooks(model: GPT2): Promise<Map<string, HookResult>> {
  const results = new Map<string, HookResult>();
  results.set("captures, all at once", await captureAll(model));
  results.set("captures while writing", await write(model, { capture: ["blocks.*", "logits"] }));
  const { activations } = await model.forward(OTHERS, {
    capture: ["blocks.1.residual", "blocks.0.attention.*"],
  });
  for (const [name, intervene] of Object.entries(interventions(model, activations!))) {
    const { logits } = await model.forward(TOKENS, { intervene });
    const { tokens, values } = await write(model, { intervene, capture: ["logits"] });
    results.set(name, { values: new Map([...values, ["forward", logits]]), tokens });
  }
  return results;
}

async function captureAll(model: GPT2): Promise<HookResult> {
  const { logits, activations } = await model.forward([TOKENS, OTHERS], { capture: ["*"] });
  return { values: new Map([["forward", logits], ...numbersOf(activations!)]), tokens: [] };
}

/** Writes some tokens, with what was captured at each. */
async function write(
  model: GPT2,
  options: { capture: string[]; intervene?: Interventions },
): Promise<HookResult> {
  const values = new Map<string, ArrayLike<number>>();
  const tokens: number[] = [];
  const writing = { ...options, greedy: true, maxNewTokens: NUM_NEW, logProbabilities: false };
  for await (const { id, activations } of model.generate(TOKENS, writing)) {
    for (const [name, data] of numbersOf(activations!)) {
      values.set(`token ${tokens.length}, ${name}`, data);
    }
    tokens.push(id);
  }
  return { values, tokens };
}

function interventions(
  { config: { embeddingDim } }: GPT2,
  others: ReadonlyMap<string, CapturedActivation>,
): Record<string, Interventions> {
  const vector = Float32Array.from({ length: embeddingDim }, (_, i) => Math.sin(i));
  const weights = "blocks.0.attention.weights";
  return {
    "ablate: a head": { "blocks.1.attention.attended": ablate({ heads: [1] }) },
    "ablate: the mean, at positions": {
      "blocks.1.residual": ablate({ mean: others.get("blocks.1.residual"), positions: [3, 5] }),
    },
    "replace: of another text": {
      "blocks.1.residual": replace(others.get("blocks.1.residual")!, { positions: [4] }),
    },
    "steer": { "blocks.*.residual": steer(vector, 0.5) },
    "freeze: where a layer looks": { [weights]: freeze(others.get(weights)!, { heads: [0] }) },
  };
}

/** Scores of keys that come later are -Infinity on every device. */
function numbersOf(
  activations: ReadonlyMap<string, CapturedActivation>,
): [string, ArrayLike<number>][] {
  return Array.from(activations, ([name, { data }]) => [name, data]);
}

/** The largest difference of two results, in parts of the largest number of what is compared; and where it is. */
export function largestDifference(
  expected: HookResult,
  actual: HookResult,
): { difference: number; where: string } {
  let worst = { difference: 0, where: "" };
  for (const [where, numbers] of expected.values) {
    const others = actual.values.get(where);
    if (others?.length !== numbers.length) return { difference: Infinity, where };
    let largest = 0;
    let distance = 0;
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] === others[i]) continue;
      // Written so that NaN counts as a difference.
      const here = Math.abs(numbers[i] - others[i]);
      distance = here <= distance ? distance : here;
    }
    for (let i = 0; i < numbers.length; i++) {
      if (Number.isFinite(numbers[i])) largest = Math.max(largest, Math.abs(numbers[i]));
    }
    const difference = distance === 0 ? 0 : distance / largest;
    if (!(difference <= worst.difference)) worst = { difference, where };
  }
  return worst;
}
