/** What PyTorch computes of a model while it is trained: `tests/fixtures/training`, made by `scripts/make_training_reference.py`. */
import { openRegularFile } from "../../src/base/byte_source.ts";
import { readSafetensorsHeader } from "../../src/formats/safetensors.ts";
import { GPT2 } from "../../src/gpt2.ts";
import type { Batch } from "../../src/training/training_graph.ts";
import {
  createReferenceModel,
  readCase,
  type ReferenceCase,
  referencePath,
} from "../model/reference.ts";

/** The cases. */
export const TRAINING_CASES = ["tied", "odd_untied", "exact_gelu", "steps"] as const;

/** The name of one. */
export type TrainingCaseName = (typeof TRAINING_CASES)[number];

/** What `case.json` says. */
export interface TrainingCase extends ReferenceCase {
  /** How far PyTorch's own gradients in F32 are off, of the largest of a weight. */
  readonly float32_error: number;
  readonly tokens: number[][];
  readonly targets: number[][];
  /** Of the steps, in F32. */
  readonly losses?: number[];
}

/** What PyTorch marks targets with that do not count. */
const IGNORED = -100;

/** The contents of `case.json`. */
export function readTrainingCase(name: TrainingCaseName): TrainingCase {
  return readCase(`../training/${name}`) as TrainingCase;
}

/** The batch of a case. */
export function batchOf({ tokens, targets }: TrainingCase): Batch {
  return {
    tokens: Int32Array.from(tokens.flat()),
    targets: Int32Array.from(targets.flat(), (target) => target === IGNORED ? -1 : target),
  };
}

/** The model of a case as it is before any step. */
export function createTrainingModel(name: TrainingCaseName, threads = 2): GPT2 {
  const model = createReferenceModel(`../training/${name}`, { threads });
  return new GPT2(model.config, {}, { model, tokenizer: undefined, endOfTextIds: undefined });
}

/** The tensors of a file of a case, by our names. */
export function readTensors(
  name: TrainingCaseName,
  file: "gradients" | "trained" | "activations" | "difference",
): Map<string, Float32Array<ArrayBuffer>> {
  using source = openRegularFile(referencePath(`../training/${name}/${file}.safetensors`));
  const { tensors } = readSafetensorsHeader(source);
  return new Map(
    tensors.values().map(({ name, offset, byteLength }) => [
      name,
      new Float32Array(source.read(offset, byteLength).slice().buffer),
    ]),
  );
}

/** How far numbers are from others, as a share of the largest of those. */
export function relativeError(found: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // Of a number that is none, Math.max makes another.
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(found[i] - value)), 0);
  return worst / largest;
}
