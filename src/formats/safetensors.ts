/**
 * Reads safetensors files.
 *
 * A safetensors file is the length of its header (8 bytes), the header (JSON: type, shape and span of each tensor), and the
 * tensors' bytes, which must fill the rest exactly. Only the header is read here, and everything it says is checked: after
 * that, reading the bytes of any tensor cannot go wrong. See https://huggingface.co/docs/safetensors for the format.
 *
 * @module
 */

import type { ByteSource } from "../base/byte_source.ts";
import { describe, formatError, quote } from "../base/describe.ts";
import { recognizeForeignContent } from "../base/foreign_content.ts";
import { decodeJson, type JsonObject, type JsonValue } from "../base/strict_json.ts";

/** The name of an element type, as files spell it. */
export type SafetensorsDType =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E4M3"
  | "F8_E5M2"
  | "U16"
  | "I16"
  | "F16"
  | "BF16"
  | "U32"
  | "I32"
  | "F32"
  | "U64"
  | "I64"
  | "F64";

/** Bytes of an element. */
const DTYPE_BYTES: Readonly<Record<SafetensorsDType, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** Where the bytes of a tensor are, and what they mean. */
export interface SafetensorsTensor {
  /** Its name. */
  readonly name: string;
  /** The type of its elements. */
  readonly dtype: SafetensorsDType;
  /** Its sizes, outermost axis first; none for a single number. A size may be 0. */
  readonly shape: readonly number[];
  /** Where its bytes begin, counted from the beginning of the file. Not always a multiple of the element size. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly byteLength: number;
}

/** The header of a safetensors file. */
export interface SafetensorsFile {
  /** Where it was read from; nothing for bytes in memory. */
  readonly path?: string;
  /** Free text by key, such as `format: pt`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Where the tensors' bytes begin, counted from the beginning of the file. */
  readonly dataOffset: number;
}

/** The key of the header that is no tensor. */
export const SAFETENSORS_METADATA_KEY = "__metadata__";

/** The bytes in front of the header: its length. */
export const SAFETENSORS_PREFIX_BYTES = 8;

/** What the reference implementation allows. */
export const SAFETENSORS_MAX_HEADER_BYTES = 100_000_000;

/** The bytes of an element. */
export function dtypeBytes(dtype: SafetensorsDType): number {
  return DTYPE_BYTES[dtype];
}

/**
 * Reads and checks the header of a safetensors file. Reads only the header's bytes.
 *
 * @throws {FileFormatError} if the file is damaged, cut off, hostile, or not a safetensors file
 */
export function readSafetensorsHeader(source: ByteSource): SafetensorsFile {
  const numHeaderBytes = readHeaderLength(source);
  const dataOffset = SAFETENSORS_PREFIX_BYTES + numHeaderBytes;
  const header = decodeJson(
    "safetensors",
    "the header",
    source,
    source.read(SAFETENSORS_PREFIX_BYTES, numHeaderBytes),
  );
  if (!(header instanceof Map)) throw problem(source, "the header is not a JSON object", header);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, entry] of header) {
    if (name === SAFETENSORS_METADATA_KEY) continue;
    tensors.set(name, readEntry(source, dataOffset, name, entry));
  }
  requireFilledData(source, dataOffset, tensors);
  return { path: source.path, metadata: readMetadata(source, header), tensors, dataOffset };
}

function readHeaderLength(source: ByteSource): number {
  if (source.size < SAFETENSORS_PREFIX_BYTES) {
    throw recognizeForeignContent("safetensors", source) ??
      problem(
        source,
        `the file is shorter than the ${SAFETENSORS_PREFIX_BYTES} bytes before its header`,
        source.size,
      );
  }
  const prefix = source.read(0, SAFETENSORS_PREFIX_BYTES);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const largest = Math.min(SAFETENSORS_MAX_HEADER_BYTES, source.size - SAFETENSORS_PREFIX_BYTES);
  if (length > largest) {
    throw recognizeForeignContent("safetensors", source) ??
      problem(source, `the header is longer than the ${largest} bytes it can have`, length);
  }
  return Number(length);
}

function readMetadata(source: ByteSource, header: JsonObject): Map<string, string> {
  const found = header.get(SAFETENSORS_METADATA_KEY) ?? new Map();
  if (!(found instanceof Map)) {
    throw problem(source, `${SAFETENSORS_METADATA_KEY} is not a JSON object`, found);
  }
  const metadata = new Map<string, string>();
  for (const [key, value] of found) {
    if (typeof value !== "string") {
      throw problem(source, `metadata ${quote(key)} is not text`, value);
    }
    metadata.set(key, value);
  }
  return metadata;
}

function readEntry(
  source: ByteSource,
  dataOffset: number,
  name: string,
  entry: JsonValue,
): SafetensorsTensor {
  const fail = (what: string, received: unknown) =>
    problem(source, `tensor ${quote(name)} ${what}`, received);
  if (!(entry instanceof Map)) throw fail("is not described by a JSON object", entry);
  const dtype = entry.get("dtype");
  const shape = entry.get("shape");
  const span = entry.get("data_offsets");
  if (!isDType(dtype)) throw fail("has an unknown dtype", dtype);
  if (!isListOfCounts(shape)) throw fail("has a shape that is no list of counts", shape);
  if (!isListOfCounts(span) || span.length !== 2) {
    throw fail("has data_offsets that are no two counts", span);
  }
  const [begin, end] = span;
  const byteLength = end - begin;
  let expected: number = dtypeBytes(dtype);
  for (const size of shape) {
    expected *= size;
    // Looked at after each axis: a later 0 would hide that the product was too large.
    if (!Number.isSafeInteger(expected)) throw fail("has a shape of 2^53 bytes or more", shape);
  }
  if (byteLength !== expected) {
    throw fail(
      `has data_offsets of ${byteLength} bytes where ${dtype} ${describe(shape)} takes ${expected}`,
      span,
    );
  }
  return { name, dtype, shape, offset: dataOffset + begin, byteLength };
}

function isDType(value: JsonValue | undefined): value is SafetensorsDType {
  return typeof value === "string" && Object.hasOwn(DTYPE_BYTES, value);
}

function isListOfCounts(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) &&
    value.every((count) =>
      Number.isSafeInteger(count) && (count as number) >= 0 && !Object.is(count, -0)
    );
}

/** Requires that the tensors follow each other without overlap or hole, from the header to the end of the file. */
function requireFilledData(
  source: ByteSource,
  dataOffset: number,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): void {
  const byOffset = [...tensors.values()].sort((a, b) =>
    a.offset - b.offset || a.byteLength - b.byteLength
  );
  let end = dataOffset;
  for (const { name, offset, byteLength } of byOffset) {
    if (offset !== end) {
      const what = offset < end ? "shares bytes with another" : "comes after a hole";
      throw problem(
        source,
        `tensor ${quote(name)} ${what}: its data should begin at ${end - dataOffset}`,
        offset - dataOffset,
      );
    }
    end = offset + byteLength;
  }
  if (end !== source.size) {
    const what = end > source.size
      ? "the tensors' bytes are cut off"
      : "there are bytes after the last tensor";
    throw problem(source, `${what}: the file should have ${end} bytes`, source.size);
  }
}

function problem(source: ByteSource, what: string, received: unknown): Error {
  return formatError("safetensors", source.path, what, received, source.advice);
}
