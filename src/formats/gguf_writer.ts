/**
 * Writes GGUF files, version 3.
 *
 * @module
 */

import { writeFileAtomically, type WriteOptions } from "../base/atomic_file.ts";
import { quote } from "../base/describe.ts";
import {
  GGUF_ALIGNMENT_KEY,
  GGUF_DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  GGUF_MAX_AXES,
  GGUF_MAX_TENSOR_NAME_BYTES,
  isValidAlignment,
} from "./gguf.ts";
import { GgufHeaderBytes } from "./gguf_header_bytes.ts";
import type { GgufValue } from "./gguf_value.ts";
import { type StreamedTensor, streamTensor } from "./tensor_stream.ts";
import { tensorBytes, type TensorType, tensorTypeInfo } from "./tensor_type.ts";

/** A tensor to write. */
export interface GgufTensorToWrite extends StreamedTensor {
  /** Its sizes, outermost axis first. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly type: TensorType;
}

/** What goes into a GGUF file. */
export interface GgufContent {
  /** The metadata by key. `general.alignment`, where present, is the alignment that is used. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** The tensors, in the order in which they are written. */
  readonly tensors: readonly GgufTensorToWrite[];
}

const GGUF_VERSION = 3;

/**
 * Writes a GGUF file, complete or not at all (see {@linkcode writeFileAtomically}). Tensors are produced one after the
 * other, so that no more than one is in memory.
 *
 * @throws {RangeError | TypeError} if the metadata or a tensor cannot be stored in a GGUF file; nothing is written then
 * @throws {StorageError} if the file cannot be written
 *
 * @example
 * ```ts
 * import { writeGguf } from "./gguf_writer.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".gguf" });
 * await writeGguf(path, {
 *   metadata: new Map([["general.architecture", { type: "string", value: "gpt2" }]]),
 *   tensors: [{
 *     name: "output_norm.bias",
 *     shape: [4],
 *     type: "f32",
 *     produce: () => new Uint8Array(16),
 *   }],
 * });
 * await Deno.remove(path);
 * ```
 */
export async function writeGguf(
  path: string,
  content: GgufContent,
  options: WriteOptions = {},
): Promise<void> {
  const plan = planGguf(content);
  await writeFileAtomically(path, plan.totalBytes, ggufChunks(plan), options);
}

/** A file before its tensors' bytes exist. */
interface GgufPlan {
  readonly header: Uint8Array;
  readonly alignment: number;
  readonly tensors: readonly { readonly tensor: GgufTensorToWrite; readonly byteLength: number }[];
  readonly totalBytes: number;
}

function planGguf({ metadata, tensors }: GgufContent): GgufPlan {
  const alignment = alignmentOf(metadata);
  requireDistinctNames(tensors);
  const header = new GgufHeaderBytes();
  header.u32(GGUF_MAGIC);
  header.u32(GGUF_VERSION);
  header.count(tensors.length);
  header.count(metadata.size);
  for (const [key, value] of metadata) header.entry(key, value);
  const planned = tensors.map((tensor) => ({ tensor, byteLength: sizeOf(tensor) }));
  let offset = 0;
  for (const { tensor, byteLength } of planned) {
    header.text(tensor.name);
    header.u32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) header.count(size); // Innermost first in the file.
    header.u32(tensorTypeInfo(tensor.type).id);
    header.count(offset);
    offset += paddedLength(byteLength, alignment);
  }
  const bytes = header.finish();
  const totalBytes = paddedLength(bytes.length, alignment) + offset;
  return { header: bytes, alignment, tensors: planned, totalBytes };
}

async function* ggufChunks({ header, alignment, tensors }: GgufPlan): AsyncGenerator<Uint8Array> {
  yield header;
  yield paddingAfter(header.length, alignment);
  for (const { tensor, byteLength } of tensors) {
    yield* streamTensor(tensor, byteLength);
    // The last one is padded as well: ggml reads the tensors as one span of whole units.
    yield paddingAfter(byteLength, alignment);
  }
}

function paddedLength(length: number, alignment: number): number {
  return Math.ceil(length / alignment) * alignment;
}

function paddingAfter(length: number, alignment: number): Uint8Array {
  return new Uint8Array(paddedLength(length, alignment) - length);
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const found = metadata.get(GGUF_ALIGNMENT_KEY);
  if (found === undefined) return GGUF_DEFAULT_ALIGNMENT;
  if (found.type !== "u32" || !isValidAlignment(found.value)) {
    throw new RangeError(
      `Cannot write GGUF: ${GGUF_ALIGNMENT_KEY} must be a u32, a power of two from 8 to 2^20: ` +
        `received ${found.type} ${found.value}`,
    );
  }
  return found.value;
}

function requireDistinctNames(tensors: readonly GgufTensorToWrite[]): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    const numBytes = new TextEncoder().encode(name).length;
    if (numBytes < 1 || numBytes > GGUF_MAX_TENSOR_NAME_BYTES) {
      throw new RangeError(
        `Cannot write GGUF: tensor names take 1 to ${GGUF_MAX_TENSOR_NAME_BYTES} bytes: ` +
          `received ${quote(name)}`,
      );
    }
    if (names.has(name)) {
      throw new RangeError(
        `Cannot write GGUF: tensor names must be distinct: received ${
          quote(name)
        } twice. Rename one.`,
      );
    }
    names.add(name);
  }
}

function sizeOf({ name, shape, type }: GgufTensorToWrite): number {
  if (shape.length < 1 || shape.length > GGUF_MAX_AXES) {
    throw new RangeError(
      `Cannot write GGUF: tensor ${quote(name)} must have 1 to ${GGUF_MAX_AXES} axes: ` +
        `received shape [${shape}].`,
    );
  }
  return tensorBytes(type, shape);
}
