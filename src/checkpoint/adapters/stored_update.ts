/**
 * The matrices of an adapter, from whichever file they are in.
 *
 * @module
 */
import { formatError, quote } from "../../base/describe.ts";
import type { FileFormatError } from "../../base/errors.ts";
import {
  type AdaptedWeight,
  ADAPTER_TARGETS,
  type AdapterTarget,
} from "../../model/adapter_weights.ts";
import { tensorBytes } from "../../formats/tensor_type.ts";
import { formatShape, numElements } from "../../tensor/shape.ts";
import type { FoundTensor } from "../locate_weights.ts";
import { dequantize, findNonFinite, isWeightType } from "../quantize.ts";

/** What files are read as, for messages. */
export const ADAPTER = "an adapter for GPT-2";

/** Which weight of a model a matrix belongs to, and on which side of the product it is. */
export interface UpdateSide {
  /** Index of the block. */
  readonly layer: number;
  /** Which weight of the block it is. */
  readonly target: AdapterTarget;
  /** The one that is multiplied first, (rank in), or the other one, (out rank). */
  readonly side: "down" | "up";
}

/** What is added to one weight, as a file holds it. */
export interface StoredUpdate extends Omit<UpdateSide, "side"> {
  /** (rank in) */
  readonly down: FoundTensor;
  /** (out rank) */
  readonly up: FoundTensor;
}

/**
 * Finds the two matrices of each weight.
 *
 * @param sideOf what a tensor is by its name; throws for one that is none of an adapter's
 * @returns in the order in which the forward pass meets them
 * @throws {FileFormatError} if there are none, one of the two is missing, or they do not fit together
 */
export function pairUpdates(
  path: string,
  tensors: readonly FoundTensor[],
  sideOf: (tensor: FoundTensor) => UpdateSide,
): StoredUpdate[] {
  const found = new Map<string, { place: UpdateSide; down?: FoundTensor; up?: FoundTensor }>();
  for (const tensor of tensors) {
    const place = sideOf(tensor);
    const key = `${place.layer} ${place.target}`;
    const pair = found.get(key) ?? { place };
    const other = pair[place.side];
    if (other !== undefined) {
      throw formatError(
        ADAPTER,
        path,
        `two tensors are the same matrix, ${quote(other.storedName)} and`,
        tensor.storedName,
      );
    }
    pair[place.side] = tensor;
    found.set(key, pair);
  }
  if (found.size === 0) {
    throw formatError(
      ADAPTER,
      path,
      "it has no tensor",
      0,
      "Pass what PEFT's save_pretrained() or llama.cpp's convert_lora_to_gguf.py wrote.",
    );
  }
  const updates = Array.from(found.values(), ({ place: { layer, target }, down, up }) => {
    if (down === undefined || up === undefined) {
      const { storedName } = (down ?? up)!;
      throw formatError(
        ADAPTER,
        path,
        `the other matrix that belongs to ${quote(storedName)} is missing`,
        `${tensors.length} tensors`,
      );
    }
    checkShapes(path, down, up);
    return { layer, target, down, up };
  });
  const order = ({ layer, target }: StoredUpdate) =>
    layer * ADAPTER_TARGETS.length + ADAPTER_TARGETS.indexOf(target);
  return updates.sort((a, b) => order(a) - order(b));
}

function checkShapes(path: string, down: FoundTensor, up: FoundTensor): void {
  for (const { storedName, shape } of [down, up]) {
    if (shape.length === 2 && shape.every((size) => size > 0)) continue;
    throw formatError(ADAPTER, path, `${quote(storedName)} must be a matrix`, formatShape(shape));
  }
  if (down.shape[0] === up.shape[1]) return;
  throw formatError(
    ADAPTER,
    path,
    `the ranks of ${quote(down.storedName)}, ${down.shape[0]}, and ${
      quote(up.storedName)
    } must be the same`,
    up.shape[1],
  );
}

/**
 * Reads the matrices.
 *
 * @param alphaOf the alpha of a weight
 * @throws {FileFormatError} if one holds an infinity or NaN, or has a type that cannot be read
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function readUpdates(
  path: string,
  updates: readonly StoredUpdate[],
  alphaOf: (update: StoredUpdate) => number,
  signal: AbortSignal | undefined,
): Promise<AdaptedWeight[]> {
  const weights: AdaptedWeight[] = [];
  for (const update of updates) {
    signal?.throwIfAborted();
    const { layer, target, down, up } = update;
    weights.push({
      name: `blocks.${layer}.${target}`,
      layer,
      target,
      rank: down.shape[0],
      alpha: alphaOf(update),
      down: await readMatrix(path, down),
      up: await readMatrix(path, up),
    });
  }
  return weights;
}

async function readMatrix(
  path: string,
  { storedName, shape, type, source, offset }: FoundTensor,
): Promise<Float32Array<ArrayBuffer>> {
  if (!isWeightType(type)) throw otherType(path, storedName, type);
  // A copy, at an address that a typed array may begin at.
  const bytes = source.read(offset, tensorBytes(type, shape)).slice();
  const index = await findNonFinite(bytes, type);
  if (index !== undefined) {
    throw formatError(
      ADAPTER,
      path,
      `${quote(storedName)} holds what is not a finite number`,
      `infinity or NaN at element ${index}`,
      "Get the adapter again; if it is as it was saved, its training has failed.",
    );
  }
  if (type === "f32") return new Float32Array(bytes.buffer);
  const values = new Float32Array(numElements(shape));
  await dequantize(bytes, type, values);
  return values;
}

function otherType(path: string, storedName: string, type: string): FileFormatError {
  return formatError(
    ADAPTER,
    path,
    `${quote(storedName)} has a type that cannot be computed with`,
    type,
    "Save the adapter again as F32, F16 or BF16.",
  );
}
