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
import { isWeightType, weightTypes } from "./quantize.ts";
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
 * @throws {FileFormatError} naming up to ten tensors that are missing, have another shape or type, or are not GPT-2's
 */
export function locateWeights(
  config: GPT2Config,
  found: ReadonlyMap<string, FoundTensor>,
  layout: Layout,
  path: string,
): Map<string, LocatedWeight> {
  const problems: string[] = [];
  const located = new Map<string, LocatedWeight>();
  const unexpected = new Map(found);
  const tied = !found.has(layout.nameOf({ part: "vocabularyProjection" }));
  for (const spec of parameterSpecs(config, { tied })) {
    const name = layout.nameOf(spec);
    unexpected.delete(name);
    const tensor = found.get(name);
    const weight = tensor && matchTensor(tensor, spec, layout.isTransposed(spec));
    if (typeof weight === "object") located.set(spec.name, weight);
    else problems.push(weight ?? `${quote(name)} is missing`);
  }
  for (const { storedName } of unexpected.values()) {
    problems.push(`${quote(storedName)} is none of GPT-2's`);
  }
  if (problems.length > 0) throw mismatch(path, problems, found.size);
  if (!tied && repeatsTokenEmbedding(located)) located.delete("vocabularyProjection");
  return located;
}

/** The weight that a tensor holds, or what is wrong with it. */
function matchTensor(
  { storedName, shape, type, source, offset }: FoundTensor,
  spec: ParameterSpec,
  isTransposed: boolean,
): LocatedWeight | string {
  const expected = isTransposed ? spec.shape.toReversed() : spec.shape;
  if (!sameShape(shape, expected)) {
    return `${quote(storedName)} is ${formatShape(shape)}, not ${formatShape(expected)}`;
  }
  if (!isWeightType(type)) {
    return `${quote(storedName)} has type ${type}, not one of ${weightTypes.join(" ")}`;
  }
  return { spec, storedName, dtype: type, isTransposed, source, offset };
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
