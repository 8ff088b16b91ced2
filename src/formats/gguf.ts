/**
 * Reads GGUF files, version 3 (and 2, which has the same layout).
 *
 * A GGUF file is a header (metadata, then a list of tensors), padding, and the tensors' bytes. Only the header is read
 * here, and everything it says is checked: after that, reading the bytes of any tensor cannot go wrong. See
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for the format.
 *
 * Stricter than the format's description: sizes of 0 and arrays of arrays are refused; texts must be valid UTF-8; a header
 * takes at most 64 MiB, with at most 65,536 keys and as many tensors. Laxer than llama.cpp: there may be gaps between tensors.
 *
 * @module
 */

import type { ByteSource } from "../base/byte_source.ts";
import { quote } from "../base/describe.ts";
import { recognizeForeignContent } from "../base/foreign_content.ts";
import { NumberKeys } from "../base/number_keys.ts";
import { GgufCursor, type StoredTexts } from "./gguf_cursor.ts";
import {
  GGUF_ARRAY_TYPE_ID,
  GGUF_SCALAR_TYPES,
  type GgufScalarType,
  type GgufValue,
} from "./gguf_value.ts";
import { tensorBytes, type TensorType, tensorTypeInfo, tensorTypeOfId } from "./tensor_type.ts";

/** Where the bytes of a tensor are, and what they mean. */
export interface GgufTensor {
  /** Its name. */
  readonly name: string;
  /** Its sizes, outermost axis first: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly type: TensorType;
  /** Where its bytes begin, counted from the beginning of the file. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly byteLength: number;
}

/** The header of a GGUF file. */
export interface GgufFile {
  /** Where it was read from; nothing for bytes in memory. */
  readonly path?: string;
  /** The version of the format: 2 or 3. */
  readonly version: number;
  /** What the tensors' offsets are multiples of, in bytes. */
  readonly alignment: number;
  /**
   * The metadata by key, in the order of the file. A long array of texts is decoded when its value is first asked for,
   * and that throws a `FileFormatError` if one is not valid UTF-8.
   */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /**
   * The arrays of texts among the metadata as the file holds them, by key: each text behind its length in bytes, a 64-bit
   * number. To know one by its bytes is ten times faster than to decode it.
   */
  readonly textArrays: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** The tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the tensors' bytes begin, counted from the beginning of the file. */
  readonly dataOffset: number;
}

/** "GGUF" as a little-endian number. */
export const GGUF_MAGIC = 0x46554747;

/** The key of the metadata that gives the alignment. */
export const GGUF_ALIGNMENT_KEY = "general.alignment";

/** The alignment of a file that does not give one. */
export const GGUF_DEFAULT_ALIGNMENT = 32;

/** ggml keeps names in 64 bytes, the last of which is 0. */
export const GGUF_MAX_TENSOR_NAME_BYTES = 63;

/** As many axes as ggml's tensors have. */
export const GGUF_MAX_AXES = 4;

const MAX_KEYS = 65_536;
const MAX_TENSORS = 65_536;
/** Arrays of fewer texts are decoded at once. */
const MANY_TEXTS = 1000;
const ALIKE = "is one of too many that are numbers alike";
const MAX_ALIGNMENT = 2 ** 20;
const MIN_ALIGNMENT = 8;

/**
 * Reads and checks the header of a GGUF file. Reads only the header's bytes.
 *
 * @throws {FileFormatError} if the file is damaged, cut off, hostile, or not a GGUF file of version 2 or 3
 */
export function readGgufHeader(source: ByteSource): GgufFile {
  const cursor = new GgufCursor(source);
  const version = readVersion(cursor, source);
  const numTensors = cursor.count("has a number of tensors that", MAX_TENSORS);
  const numKeys = cursor.count("has a number of keys that", MAX_KEYS);
  const { metadata, textArrays } = readMetadata(cursor, numKeys);
  const alignment = alignmentOf(cursor, metadata);
  const placed = readTensors(cursor, numTensors, alignment);
  const dataOffset = Math.ceil(cursor.offset / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of placed) {
    tensors.set(tensor.name, { ...tensor, offset: dataOffset + tensor.offset });
  }
  requireDistinctSpans(cursor, source.size, tensors);
  return { path: source.path, version, alignment, metadata, textArrays, tensors, dataOffset };
}

function readVersion(cursor: GgufCursor, source: ByteSource): number {
  cursor.beginReading("the beginning");
  const magic = cursor.u32();
  if (magic !== GGUF_MAGIC) {
    throw recognizeForeignContent("GGUF", source) ??
      cursor.error(
        "is not GGUF",
        String.fromCharCode(...source.read(0, 4)),
        "Pass a file whose name ends in .gguf, as `convert` writes it.",
      );
  }
  const version = cursor.u32();
  cursor.beginReading("the header");
  if (version === 2 || version === 3) return version;
  if ((version & 0xffff) === 0) {
    throw cursor.error("is big-endian", version, "Convert the model again, as little-endian.");
  }
  throw cursor.error(
    "has a version that is not supported (2 and 3 are)",
    version,
    version < 2
      ? "Convert the model again with a current converter."
      : "Use a newer version of this program.",
  );
}

function readMetadata(
  cursor: GgufCursor,
  numKeys: number,
): Pick<GgufFile, "metadata" | "textArrays"> {
  const metadata = new Map<string, GgufValue>();
  const textArrays = new Map<string, Uint8Array<ArrayBuffer>>();
  const numberKeys = new NumberKeys();
  for (let i = 0; i < numKeys; i++) {
    cursor.beginReading(`metadata key ${i + 1} of ${numKeys}`);
    const key = cursor.text();
    if (key === "") throw cursor.error("is empty", key);
    if (numberKeys.isFlooded(key)) throw cursor.error(ALIKE, key);
    if (metadata.has(key)) throw cursor.error("was there before", key);
    cursor.beginReading(`metadata ${quote(key)}`);
    metadata.set(key, readValue(cursor, (bytes) => textArrays.set(key, bytes)));
  }
  return { metadata, textArrays };
}

function readValue(
  cursor: GgufCursor,
  keepTexts: (bytes: Uint8Array<ArrayBuffer>) => void,
): GgufValue {
  const typeId = cursor.u32();
  const isArray = typeId === GGUF_ARRAY_TYPE_ID;
  const elementTypeId = isArray ? cursor.u32() : typeId;
  const type = GGUF_SCALAR_TYPES[elementTypeId];
  if (type === undefined) {
    const what = elementTypeId === GGUF_ARRAY_TYPE_ID
      ? "is an array of arrays"
      : "has an unknown type";
    throw cursor.error(what, elementTypeId);
  }
  if (!isArray) return { type, value: readScalar(cursor, type) } as GgufValue;
  const count = cursor.count("has a length that", Number.MAX_SAFE_INTEGER);
  if (type === "string") {
    const texts = cursor.texts(count);
    keepTexts(texts.bytes);
    return count < MANY_TEXTS ? { type: "string[]", value: texts.decode() } : decodedLater(texts);
  }
  const value = type === "bool" ? cursor.bools(count) : cursor.numbers(type, count);
  return { type: `${type}[]`, value } as GgufValue;
}

function readScalar(cursor: GgufCursor, type: GgufScalarType): GgufValue["value"] {
  if (type === "string") return cursor.text();
  return type === "bool" ? cursor.bools(1)[0] === 1 : cursor.number(type);
}

function decodedLater(texts: StoredTexts): GgufValue {
  let value: string[] | undefined;
  return {
    type: "string[]",
    get value() {
      return value ??= texts.decode();
    },
  };
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const found = metadata.get(GGUF_ALIGNMENT_KEY);
  if (found === undefined) return GGUF_DEFAULT_ALIGNMENT;
  cursor.beginReading(`metadata ${quote(GGUF_ALIGNMENT_KEY)}`);
  if (found.type !== "u32") throw cursor.error("must have the type u32", found.type);
  if (!isValidAlignment(found.value)) {
    throw cursor.error(
      `must be a power of two from ${MIN_ALIGNMENT} to ${MAX_ALIGNMENT}`,
      found.value,
    );
  }
  return found.value;
}

/** Whether a file may have this alignment: a power of two from 8 to 2^20. */
export function isValidAlignment(alignment: number): boolean {
  return alignment >= MIN_ALIGNMENT && alignment <= MAX_ALIGNMENT &&
    Number.isInteger(Math.log2(alignment));
}

/** The tensors, each with the offset that the file gives: counted from the first tensor's bytes. */
function readTensors(cursor: GgufCursor, numTensors: number, alignment: number): GgufTensor[] {
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  const numberKeys = new NumberKeys();
  for (let i = 0; i < numTensors; i++) {
    cursor.beginReading(`tensor ${i + 1} of ${numTensors}`);
    const tensor = readTensor(cursor, alignment);
    if (numberKeys.isFlooded(tensor.name)) throw cursor.error(ALIKE, tensor.name);
    if (names.has(tensor.name)) throw cursor.error("was there before", tensor.name);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

function readTensor(cursor: GgufCursor, alignment: number): GgufTensor {
  const name = cursor.text();
  cursor.beginReading(`tensor ${quote(name)}`);
  const nameBytes = new TextEncoder().encode(name).length;
  if (nameBytes < 1 || nameBytes > GGUF_MAX_TENSOR_NAME_BYTES) {
    throw cursor.error(`must have a name of 1 to ${GGUF_MAX_TENSOR_NAME_BYTES} bytes`, nameBytes);
  }
  const numAxes = cursor.u32();
  if (numAxes < 1 || numAxes > GGUF_MAX_AXES) {
    throw cursor.error(`must have 1 to ${GGUF_MAX_AXES} axes`, numAxes);
  }
  // Innermost first in the file.
  const shape = Array.from(
    { length: numAxes },
    () => cursor.count("has a size that", Number.MAX_SAFE_INTEGER),
  )
    .reverse();
  const typeId = cursor.u32();
  const type = tensorTypeOfId(typeId);
  if (type === undefined) {
    throw cursor.error(
      "has an element type that is not supported",
      typeId,
      "Convert the model again with one of the types that `convert --help` lists.",
    );
  }
  const byteLength = sizeOf(cursor, type, shape);
  const offset = cursor.count("has an offset that", Number.MAX_SAFE_INTEGER);
  if (offset % alignment !== 0) {
    throw cursor.error(`has an offset that is no multiple of ${alignment}`, offset);
  }
  return { name, shape, type, offset, byteLength };
}

function sizeOf(cursor: GgufCursor, type: TensorType, shape: readonly number[]): number {
  try {
    return tensorBytes(type, shape);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { blockSize } = tensorTypeInfo(type);
    throw cursor.error(
      `has an impossible shape: sizes must be positive, rows of ${type} multiples of ${blockSize}, and the bytes below 2^53`,
      shape,
    );
  }
}

/** Requires that every tensor lies within the file and shares no byte with another. */
function requireDistinctSpans(
  cursor: GgufCursor,
  fileSize: number,
  tensors: ReadonlyMap<string, GgufTensor>,
): void {
  const byOffset = [...tensors.values()].sort((a, b) => a.offset - b.offset);
  let previous: GgufTensor | undefined;
  for (const tensor of byOffset) {
    const { name, offset, byteLength } = tensor;
    cursor.beginReading(`tensor ${quote(name)}`);
    if (offset + byteLength > fileSize) {
      throw cursor.error(
        `needs ${byteLength} bytes from offset ${offset}, but the file has fewer`,
        fileSize,
      );
    }
    if (previous !== undefined && offset < previous.offset + previous.byteLength) {
      throw cursor.error(`begins inside tensor ${quote(previous.name)}`, offset);
    }
    previous = tensor;
  }
}
