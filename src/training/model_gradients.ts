/**
 * How much what a model says changes with what it computes on the way, and with its weights.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { InvalidArgumentError, NumericalError } from "../base/errors.ts";
import {
  type CapturedActivation,
  capturedActivation,
  type CapturedActivations,
  checkKeptElements,
} from "../engine/activation_record.ts";
import type { Engine } from "../engine/engine.ts";
import { checkTargets, checkText } from "../engine/forward.ts";
import { matchingNames } from "../engine/matching_names.ts";
import { startAdapters } from "../engine/start_adapters.ts";
import { activationSites } from "../model/activation_sites.ts";
import { adaptParameters } from "../model/adapt_parameters.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import { IGNORED_TARGET } from "../model/loss.ts";
import type { Model } from "../model/model.ts";
import { type GPT2Parameters, type ParameterSpec, parameterSpecs } from "../model/parameters.ts";
import { numElements } from "../tensor/shape.ts";
import { toRows } from "../tokenizer/token_ids.ts";
import { GradientGraph } from "./gradient_graph.ts";
import { GRADIENTS_ACTION as ACTION, type GradientsOptions } from "./gradients_options.ts";
import { LogitDifference, MeanLoss, type Measure } from "./measure.ts";
import { NO_TARGET } from "./target_loss.ts";
import { TrainingHooks } from "./training_hooks.ts";

/** What `GPT2.gradients()` gives. */
export interface ModelGradients {
  /**
   * What the gradients are of: the mean cross-entropy of all targets in nats, or the logit of `answer`, less that of `against`,
   * summed over the texts.
   */
  readonly value: number;
  /**
   * By name: how much the value changes with each element. Those of activations have the axes of captured ones; those of
   * weights the axes `out in`, `out`, `embed`, `vocab embed` or `context embed`.
   */
  readonly gradients: CapturedActivations;
  /** What `capture` asked for, by name. */
  readonly activations?: CapturedActivations;
}

/** So many tokens are computed together at most, unless one text has more: what is needed on the way back takes much memory. */
const TOKENS_AT_ONCE = 1024;

/**
 * Computes gradients.
 *
 * @param texts the tokens of each
 * @param options checked by `gradientsRules`
 * @throws {TypeError} if an argument has the wrong type, the model is on a device, or an intervention has no gradient
 * @throws {RangeError} if there is no such activation, weight, token or position, or more is asked for than can be kept
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function modelGradients(
  engine: Engine,
  texts: readonly (readonly number[])[],
  options: Readonly<GradientsOptions>,
): Promise<ModelGradients> {
  const { signal, capture, intervene } = options;
  const { model } = engine;
  const { config } = model;
  checkPlace(model);
  for (const text of texts) checkText(text, config.contextLength, config.vocabSize);
  const measure = measureOf(texts, options, config.vocabSize);
  const { activations, weights } = wantedOf(model, options.of);
  const seq = texts.reduce((longest, { length }) => Math.max(longest, length), 0);
  const wanted = { capture, intervene, gradients: new Set(activations) };
  const hooks = new TrainingHooks(ACTION, wanted, config, { numTexts: texts.length, seq });
  const given = await startAdapters(ACTION, model, options);
  const adapters = given === undefined ? engine.adapters : given;
  signal?.throwIfAborted();

  const kept = texts.map(({ length }, text) => hooks.open(text, length));
  const sums = weights.map(({ shape }) => new Float32Array(numElements(shape)));
  let value = 0;
  for (const group of groupsOf(texts)) {
    value += await engine.betweenPasses(async () => {
      using graph = new GradientGraph({
        model,
        parameters: parametersFor(model, adapters),
        weights: weights.map(({ name }) => name),
        hooks,
        batch: group.length,
        seq: texts[group[0]].length,
        measure,
      });
      const own = group.map((text) => ({ tokens: texts[text], kept: kept[text] }));
      const share = await graph.run(group, own, signal);
      graph.readWeights().forEach((gradient, i) => addTo(sums[i], gradient));
      return share;
    });
  }
  if (!Number.isFinite(value)) {
    throw new NumericalError(
      `Cannot ${ACTION}: the model computes something that is not a finite number: received ${value}. ` +
        "Check the model's weights, and what intervene makes of them.",
    );
  }
  const parts = kept.flatMap(({ gradients }) =>
    activations.flatMap((name) => gradients.partsOf(name).map(({ data }) => ({ name, data })))
  );
  checkFinite([...parts, ...weights.map(({ name }, i) => ({ name, data: sums[i] }))]);
  const found = hooks.assemble(kept);
  const ofWeights = weights.map((spec, i): [string, CapturedActivation] => [
    spec.name,
    capturedActivation(axesOf(spec), spec.shape, sums[i]),
  ]);
  return {
    value,
    gradients: new Map([...found.gradients ?? [], ...ofWeights]),
    ...found.activations !== undefined && { activations: found.activations },
  };
}

/** Throws if a gradient is too large to be a number, though what it is of is one. */
function checkFinite(gradients: readonly { name: string; data: Float32Array }[]): void {
  // An infinite number less itself is none.
  const wrong = gradients.find(({ data }) => data.some((x) => x - x !== 0));
  if (wrong === undefined) return;
  throw new NumericalError(
    `Cannot ${ACTION}: that of ${wrong.name} has elements that are not finite numbers. ` +
      "Check the model's weights, its adapters and their scales, and what intervene makes of them.",
  );
}

/** Adds numbers to others; what comes behind those, rows of padding, is left out. */
function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
}

/** The weights, with what adapters add to them. */
function parametersFor(
  { weights: { parameters, tied } }: Model,
  adapters: AppliedAdapters | null | undefined,
): GPT2Parameters {
  // The token embedding itself is multiplied with, not a copy of it in an order from which there is no way back.
  const plain = tied
    ? { ...parameters, vocabularyProjection: parameters.tokenEmbedding }
    : parameters;
  adapters?.checkUsable();
  return adapters ? adaptParameters(plain, adapters.updates) : plain;
}

function checkPlace({ backend }: Model): void {
  if (!backend.usesDevices) return;
  throw new TypeError(
    `Cannot ${ACTION} on ${backend.name}: they are computed on the processor. ` +
      'Load the model with device: "cpu".',
  );
}

/** The activations and weights that names mean. */
function wantedOf(
  { config, weights: { tied } }: Model,
  patterns: readonly string[] | undefined,
): { activations: readonly string[]; weights: readonly ParameterSpec[] } {
  if (patterns === undefined || patterns.length === 0) {
    throw new TypeError(
      `Cannot ${ACTION}: of must be an array of names of activations and weights: received ` +
        `${
          patterns === undefined ? "nothing" : "none"
        }. Write for example of: ["blocks.*.residual"].`,
    );
  }
  const activations = activationSites(config).map(({ name }) => name);
  const specs = parameterSpecs(config, { tied });
  const names = [...activations, ...specs.map(({ name }) => name)];
  const found = new Set(
    patterns.flatMap((pattern) => matchingNames(ACTION, pattern, names, "activation or weight")),
  );
  const weights = specs.filter(({ name }) => found.has(name));
  const size = weights.reduce((sum, { shape }) => sum + numElements(shape), 0);
  checkKeptElements(ACTION, size, "gradients of weights");
  return { activations: activations.filter((name) => found.has(name)), weights };
}

/** What the gradients are of. */
function measureOf(
  texts: readonly (readonly number[])[],
  { answer, against, position, targets }: GradientsOptions,
  vocabSize: number,
): Measure {
  if (answer === undefined) {
    if (against !== undefined || position !== undefined) {
      const name = against === undefined ? "position" : "against";
      throw new TypeError(
        `Cannot ${ACTION}: ${name} belongs to answer: received it without. Name a token in answer.`,
      );
    }
    return lossOf(texts, targets, vocabSize);
  }
  if (targets !== undefined) {
    throw new TypeError(
      `Cannot ${ACTION}: there is one thing to measure: received targets and answer. Give one of them.`,
    );
  }
  const answers = oneForEach("answer", answer, texts);
  const rivals = oneForEach("against", against, texts);
  const positions = oneForEach("position", position, texts);
  const places = texts.map(({ length }, text) => {
    const place = { answer: answers[text]!, against: rivals[text] };
    checkToken("answer", place.answer, vocabSize);
    if (place.against !== undefined) checkToken("against", place.against, vocabSize);
    if (place.answer !== place.against) {
      return { ...place, position: positionIn(positions[text], length) };
    }
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: \`answer\` and \`against\` must differ: received ${place.answer} for both.`,
    );
  });
  return new LogitDifference(places);
}

/** What is said of each text, or of all of them. */
function oneForEach(
  name: string,
  given: number | readonly number[] | undefined,
  texts: readonly unknown[],
): readonly (number | undefined)[] {
  if (typeof given !== "object") return texts.map(() => given);
  if (given.length === texts.length) return given;
  throw new TypeError(
    `Cannot ${ACTION}: ${name} must be one number, or one for each text: received ${given.length} ` +
      `for ${texts.length} texts.`,
  );
}

function lossOf(
  texts: readonly (readonly number[])[],
  given: GradientsOptions["targets"],
  vocabSize: number,
): Measure {
  const targets = given === undefined
    ? texts.map((text) => [...text.slice(1), IGNORED_TARGET])
    : toRows(ACTION, "targets", given).map((row) => Array.from(row));
  checkTargets(texts, targets, vocabSize);
  const numTargets = targets.flat().filter((target) => target !== IGNORED_TARGET).length;
  if (numTargets === 0) {
    throw new InvalidArgumentError(
      `Cannot ${ACTION}: there is nothing to predict: received no target that counts. ` +
        "Give targets, longer texts, or an answer.",
    );
  }
  const ours = (target: number) => target === IGNORED_TARGET ? NO_TARGET : target;
  return new MeanLoss(targets.map((row) => row.map(ours)), numTargets, vocabSize);
}

function checkToken(name: string, token: number, vocabSize: number): void {
  if (Number.isInteger(token) && token >= 0 && token < vocabSize) return;
  throw new InvalidArgumentError(
    `Cannot ${ACTION}: ${name} must be a token, an integer from 0 to ${vocabSize - 1}: ` +
      `received ${describe(token)}.`,
  );
}

function positionIn(position = -1, length: number): number {
  const found = position < 0 ? length + position : position;
  if (Number.isInteger(found) && found >= 0 && found < length) return found;
  throw new InvalidArgumentError(
    `Cannot ${ACTION}: the position must be an integer from 0 to ${
      length - 1
    }, or from -${length} to -1, ` +
      `counted from the end of a text: received ${describe(position)}.`,
  );
}

/** Texts that are computed together: of one length, since nobody needs to know what is behind the end of a text. */
function groupsOf(texts: readonly (readonly number[])[]): number[][] {
  const groups: number[][] = [];
  for (const [length, same] of Map.groupBy(texts.keys(), (text) => texts[text].length)) {
    const size = Math.max(1, Math.floor(TOKENS_AT_ONCE / length));
    for (let start = 0; start < same.length; start += size) {
      groups.push(same.slice(start, start + size));
    }
  }
  return groups;
}

/** The axes of a weight. */
function axesOf({ part, field, kind, shape }: ParameterSpec): string {
  if (part === "tokenEmbedding" || part === "vocabularyProjection") return "vocab embed";
  if (part === "positionEmbedding") return "context embed";
  if (kind === "scale" || part.endsWith("Norm")) return "embed";
  return field === "weight" && shape.length === 2 ? "out in" : "out";
}
