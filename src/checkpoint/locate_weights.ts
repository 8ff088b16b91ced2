/**
 * Finds the weights of a model among the tensors of a file.
 *
 * @module
 */
import type { FileFormatError } from "../base/errors.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { formatError, quote } from "../base/describe.ts";
import type { GPT2Config } from "../model/config.ts";
import { type ParameterPath, type ParameterSpec, parameterSpecs } from "../model/parameters.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { isWeightType } from "./quantize.ts";
import { byteLengthOf, type StoredWeight } from "./weight_source.ts";

/** A tensor as it was found in a file. */
export interface FoundTensor {
  /** Its name in the file. */
  readonly storedName: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  /** The type of its elements: ggml's name, or another one for a type that ggml does not have. */
  readonly type: string;
  /** Where its bytes are. */
  readonly source: ByteSource;
  /** Where they begin. */
  readonly offset: number;
}

/** A weight, and where its bytes are. */
export interface LocatedWeight extends StoredWeight {
  /** The open file that holds it. */
  readonly source: ByteSource;
  /** Where its bytes begin. */
  readonly offset: number;
}

/** How a kind of file stores weights. */
export interface Layout {
  /** The name of a weight in such a file. */
  nameOf(spec: ParameterPath): string;
  /** Whether such a file holds a weight as (in out). */
  isTransposed(spec: ParameterSpec): boolean;
  /** What to do with a file whose weights have a type that cannot be computed with. */
  readonly typeAdvice: string;
}

const MAX_LISTED = 10;
const COMPARED_BYTES = 2 ** 22;

/**
 * Finds every weight of a model.
 *
 * @param config sizes of the model
 * @param found the tensors of the file, by their names in `layout`
 * @param layout how the file stores weights
 * @param path where the tensors come from, for messages
 * @throws {FileFormatError} if tensors have a type that cannot be computed with, or naming up to ten that are missing,
 *   have another shape, or are not GPT-2's
 */
export function locateWeights(
  config: GPT2Config,
  found: ReadonlyMap<string, FoundTensor>,
  layout: Layout,
  path: string,
): Map<string, LocatedWeight> {
  const problems: string[] = [];
  const ofOtherTypes: FoundTensor[] = [];
  const located = new Map<string, LocatedWeight>();
  const unexpected = new Map(found);
  const tied = !found.has(layout.nameOf({ part: "vocabularyProjection" }));
  for (const spec of parameterSpecs(config, { tied })) {
    const name = layout.nameOf(spec);
    unexpected.delete(name);
    const tensor = found.get(name);
    const isTransposed = layout.isTransposed(spec);
    const problem = tensor === undefined
      ? `${quote(name)} is missing`
      : shapeProblem(tensor, isTransposed ? spec.shape.toReversed() : spec.shape);
    if (tensor === undefined || problem !== undefined) problems.push(problem!);
    else if (!isWeightType(tensor.type)) ofOtherTypes.push(tensor);
    else {
      const { storedName, type: dtype, source, offset } = tensor;
      located.set(spec.name, { spec, storedName, dtype, isTransposed, source, offset });
    }
  }
  for (const { storedName } of unexpected.values()) {
    problems.push(`${quote(storedName)} is none of GPT-2's`);
  }
  // Before the rest: weights of such types come with tensors that are none of GPT-2's, such as their scales.
  if (ofOtherTypes.length > 0) throw otherTypes(path, ofOtherTypes, layout.typeAdvice);
  if (problems.length > 0) throw mismatch(path, problems, found.size);
  if (!tied && repeatsTokenEmbedding(located)) located.delete("vocabularyProjection");
  return located;
}

/** What is wrong with the shape of a tensor, if anything is. */
function shapeProblem(
  { storedName, shape }: FoundTensor,
  expected: readonly number[],
): string | undefined {
  if (sameShape(shape, expected)) return undefined;
  return `${quote(storedName)} is ${formatShape(shape)}, not ${formatShape(expected)}`;
}

function otherTypes(
  path: string,
  tensors: readonly FoundTensor[],
  advice: string,
): FileFormatError {
  const [{ storedName }, ...others] = tensors;
  const types = [...new Set(tensors.map(({ type }) => type))].slice(0, MAX_LISTED).join(", ");
  const which = others.length === 0 ? "has" : `and ${others.length} more have`;
  return formatError(
    "GPT-2",
    path,
    `${quote(storedName)} ${which} a type that cannot be computed with`,
    types,
    advice,
  );
}

function mismatch(path: string, problems: readonly string[], numTensors: number): FileFormatError {
  const listed = problems.slice(0, MAX_LISTED);
  if (problems.length > MAX_LISTED) listed.push(`and ${problems.length - MAX_LISTED} more`);
  return formatError(
    "GPT-2",
    path,
    `its tensors are not those of its configuration: ${listed.join("; ")}`,
    `${numTensors} tensors`,
    "Use the whole checkpoint of a GPT-2 language model, unchanged.",
  );
}

/** Whether the vocabulary projection holds the same bytes as the token embedding, as older checkpoints do. */
function repeatsTokenEmbedding(weights: ReadonlyMap<string, LocatedWeight>): boolean {
  const a = weights.get("tokenEmbedding")!;
  const b = weights.get("vocabularyProjection")!;
  if (a.dtype !== b.dtype) return false;
  const size = byteLengthOf(a.spec, a.dtype);
  for (let start = 0; start < size; start += COMPARED_BYTES) {
    const length = Math.min(COMPARED_BYTES, size - start);
    const left = a.source.read(a.offset + start, length);
    const right = b.source.read(b.offset + start, length);
    for (let i = 0; i < length; i++) {
      if (left[i] !== right[i]) return false;
    }
  }
  return true;
}
