/**
 * Writes safetensors files.
 *
 * @module
 */

import { type AtomicWriteOptions, writeFileAtomically } from "../base/atomic_file.ts";
import { quote } from "../base/describe.ts";
import {
  dtypeBytes,
  SAFETENSORS_MAX_HEADER_BYTES,
  SAFETENSORS_METADATA_KEY,
  SAFETENSORS_PREFIX_BYTES,
  type SafetensorsDType,
} from "./safetensors.ts";
import { type StreamedTensor, streamTensor } from "./tensor_stream.ts";

/** A tensor to write. */
export interface SafetensorsTensorToWrite extends StreamedTensor {
  /** The type of its elements. */
  readonly dtype: SafetensorsDType;
  /** Its sizes, outermost axis first; none for a single number. */
  readonly shape: readonly number[];
}

const HEADER_ALIGNMENT = 8;

/**
 * Writes a safetensors file, complete or not at all (see {@linkcode writeFileAtomically}). Tensors with larger elements come
 * first, otherwise in the given order, as the reference implementation does it: every element is then aligned to its size.
 * They are produced one after the other, so that no more than one is in memory.
 *
 * @param metadata free text by key. Hugging Face transformers wants `format: pt`
 * @throws {RangeError | TypeError} if a name or shape cannot be stored; nothing is written then
 * @throws {StorageError} if the file cannot be written
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly SafetensorsTensorToWrite[],
  metadata: ReadonlyMap<string, string> = new Map(),
  options: AtomicWriteOptions = {},
): Promise<void> {
  const plan = planSafetensors(tensors, metadata);
  await writeFileAtomically(path, plan.totalBytes, safetensorsChunks(plan), options);
}

/** A file before its tensors' bytes exist. */
interface SafetensorsPlan {
  readonly header: Uint8Array;
  readonly tensors: readonly {
    readonly tensor: SafetensorsTensorToWrite;
    readonly byteLength: number;
  }[];
  readonly totalBytes: number;
}

function planSafetensors(
  tensors: readonly SafetensorsTensorToWrite[],
  metadata: ReadonlyMap<string, string>,
): SafetensorsPlan {
  // Joined by hand: an object would put keys that look like numbers first, and loses `__proto__`.
  const entries: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`);
    entries.push(`${jsonText(SAFETENSORS_METADATA_KEY)}:{${pairs.join(",")}}`);
  }
  requireDistinctNames(tensors);
  const ordered = tensors.toSorted((a, b) => dtypeBytes(b.dtype) - dtypeBytes(a.dtype));
  const planned = ordered.map((tensor) => ({ tensor, byteLength: sizeOf(tensor) }));
  let offset = 0;
  for (const { tensor: { name, dtype, shape }, byteLength } of planned) {
    const span = [offset, offset + byteLength];
    entries.push(`${jsonText(name)}:${JSON.stringify({ dtype, shape, data_offsets: span })}`);
    offset += byteLength;
  }
  const header = encodeHeader(`{${entries.join(",")}}`);
  return { header, tensors: planned, totalBytes: header.length + offset };
}

/** The header with its length in front, filled up with spaces as the reference implementation does it. */
function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const numBytes = Math.ceil(text.length / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  if (numBytes > SAFETENSORS_MAX_HEADER_BYTES) {
    throw new RangeError(
      `Cannot write safetensors: the header may have ${SAFETENSORS_MAX_HEADER_BYTES} bytes: received ${numBytes}`,
    );
  }
  const bytes = new Uint8Array(SAFETENSORS_PREFIX_BYTES + numBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(numBytes), true);
  bytes.set(text, SAFETENSORS_PREFIX_BYTES);
  return bytes;
}

async function* safetensorsChunks(
  { header, tensors }: SafetensorsPlan,
): AsyncGenerator<Uint8Array> {
  yield header;
  for (const { tensor, byteLength } of tensors) yield* streamTensor(tensor, byteLength);
}

function requireDistinctNames(tensors: readonly SafetensorsTensorToWrite[]): void {
  const names = new Set<string>([SAFETENSORS_METADATA_KEY, "__proto__"]);
  for (const { name } of tensors) {
    if (names.has(name)) {
      throw new RangeError(
        "Cannot write safetensors: tensor names must be distinct and not reserved: " +
          `received ${quote(name)}`,
      );
    }
    names.add(name);
  }
}

function sizeOf({ name, dtype, shape }: SafetensorsTensorToWrite): number {
  let bytes: number = dtypeBytes(dtype);
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(bytes)) {
      throw new RangeError(
        `Cannot write safetensors: the sizes of tensor ${quote(name)} must be counts ` +
          `and its bytes below 2^53: received shape [${shape}].`,
      );
    }
  }
  return bytes;
}

function jsonText(text: string): string {
  if (!text.isWellFormed()) {
    throw new TypeError(
      `Cannot write safetensors: a text has half a surrogate pair: received ${quote(text)}`,
    );
  }
  return JSON.stringify(text);
}
