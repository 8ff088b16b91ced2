/**
 * Metadata of GGUF files: values that keep the type they have in the file, so that a file can be written again as it was.
 *
 * @module
 */

import { formatError, quote } from "../base/describe.ts";

/** What JavaScript holds for each type of value. 64-bit integers are always `bigint`; arrays of numbers are typed arrays. */
export interface GgufValueTypes {
  /** An unsigned 8-bit integer. */
  u8: number;
  /** A signed 8-bit integer. */
  i8: number;
  /** An unsigned 16-bit integer. */
  u16: number;
  /** A signed 16-bit integer. */
  i16: number;
  /** An unsigned 32-bit integer. */
  u32: number;
  /** A signed 32-bit integer. */
  i32: number;
  /** A single-precision number, widened. */
  f32: number;
  /** A truth value. */
  bool: boolean;
  /** Text. */
  string: string;
  /** An unsigned 64-bit integer. */
  u64: bigint;
  /** A signed 64-bit integer. */
  i64: bigint;
  /** A double-precision number. */
  f64: number;
  /** An array of u8. */
  "u8[]": Uint8Array;
  /** An array of i8. */
  "i8[]": Int8Array;
  /** An array of u16. */
  "u16[]": Uint16Array;
  /** An array of i16. */
  "i16[]": Int16Array;
  /** An array of u32. */
  "u32[]": Uint32Array;
  /** An array of i32. */
  "i32[]": Int32Array;
  /** An array of f32. */
  "f32[]": Float32Array;
  /** An array of bool: a byte each, 0 or 1. */
  "bool[]": Uint8Array;
  /** An array of string. */
  "string[]": readonly string[];
  /** An array of u64. */
  "u64[]": BigUint64Array;
  /** An array of i64. */
  "i64[]": BigInt64Array;
  /** An array of f64. */
  "f64[]": Float64Array;
}

/** A value with its type: `{ type: "u32", value: 12 }`, `{ type: "string[]", value: ["a", "b"] }`. */
export type GgufValue = {
  [T in keyof GgufValueTypes]: {
    /** The type in the file. */
    readonly type: T;
    /** The value. */
    readonly value: GgufValueTypes[T];
  };
}[keyof GgufValueTypes];

/** The scalar types in the order of their numbers in files (`enum gguf_type`); 9 says that an array follows. */
export const GGUF_SCALAR_TYPES = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  undefined,
  "u64",
  "i64",
  "f64",
] as const;

/** The number that says that an array follows: its element type, its length, its elements. */
export const GGUF_ARRAY_TYPE_ID = 9;

/** The name of a scalar type. */
export type GgufScalarType = NonNullable<typeof GGUF_SCALAR_TYPES[number]>;

/** The name of a numeric scalar type. */
export type GgufNumericType = Exclude<GgufScalarType, "bool" | "string">;

/** The typed array that holds the elements of an array of numbers. */
export const GGUF_NUMERIC_ARRAYS = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f64: Float64Array,
} as const satisfies Record<GgufNumericType, unknown>;

/** What the functions below read from: a GGUF file, or something like one. */
export interface MetadataHolder {
  /** Where it was read from, for messages. */
  readonly path?: string;
  /** The values by key. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
}

/**
 * The number stored under `key`, of whatever numeric type; nothing if the key is absent.
 *
 * @throws {FileFormatError} if the value is not a number, or a 64-bit integer beyond 2^53
 */
export function metadataNumber(holder: MetadataHolder, key: string): number | undefined {
  const found = holder.metadata.get(key);
  if (found === undefined) return undefined;
  if (typeof found.value === "number") return found.value;
  if (typeof found.value === "bigint" && Number.isSafeInteger(Number(found.value))) {
    return Number(found.value);
  }
  throw wrongType(holder, key, "a number", found);
}

/**
 * The text stored under `key`; nothing if the key is absent.
 *
 * @throws {FileFormatError} if the value is not text
 */
export function metadataString(holder: MetadataHolder, key: string): string | undefined {
  const found = holder.metadata.get(key);
  if (found === undefined || found.type === "string") return found?.value;
  throw wrongType(holder, key, "text", found);
}

/**
 * The array of texts stored under `key`; nothing if the key is absent.
 *
 * @throws {FileFormatError} if the value is not an array of texts
 */
export function metadataStrings(
  holder: MetadataHolder,
  key: string,
): readonly string[] | undefined {
  const found = holder.metadata.get(key);
  if (found === undefined || found.type === "string[]") return found?.value;
  throw wrongType(holder, key, "an array of texts", found);
}

function wrongType(holder: MetadataHolder, key: string, expected: string, found: GgufValue): Error {
  return formatError(
    "GGUF",
    holder.path,
    `metadata ${quote(key)} must be ${expected}, but has the type ${found.type}`,
    found.value,
  );
}
