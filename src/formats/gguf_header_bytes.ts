import { quote } from "../base/describe.ts";
import {
  GGUF_ARRAY_TYPE_ID,
  GGUF_NUMERIC_ARRAYS,
  GGUF_SCALAR_TYPES,
  type GgufNumericType,
  type GgufScalarType,
  type GgufValue,
} from "./gguf_value.ts";

/** UTF-8 takes at most this many bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/** Builds the header of a GGUF file: a growing array of bytes. */
export class GgufHeaderBytes {
  #bytes = new Uint8Array(64 * 1024);
  #view: DataView<ArrayBuffer> = new DataView(this.#bytes.buffer);
  #length = 0;
  #encoder = new TextEncoder();

  /** An unsigned 32-bit integer. */
  u32(value: number): void {
    const start = this.#reserve(4);
    this.#view.setUint32(start, value, true);
  }

  /** A count or length: an unsigned 64-bit integer. */
  count(value: number): void {
    const start = this.#reserve(8);
    this.#view.setBigUint64(start, BigInt(value), true);
  }

  /**
   * A text: its length in bytes, then UTF-8.
   *
   * @throws {TypeError} if it holds half a surrogate pair, which has no UTF-8
   */
  text(text: string): void {
    if (!text.isWellFormed()) {
      throw new TypeError(
        `Cannot write text to GGUF: it has half a surrogate pair: received ${quote(text)}`,
      );
    }
    const start = this.#reserve(8 + MAX_BYTES_PER_UNIT * text.length);
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(start + 8));
    this.#view.setBigUint64(start, BigInt(written), true);
    this.#length = start + 8 + written;
  }

  /**
   * A key with its value.
   *
   * @throws {RangeError} if the key is empty or a value does not fit its type
   */
  entry(key: string, { type, value }: GgufValue): void {
    if (key === "") {
      throw new RangeError(
        'Cannot write GGUF metadata: a key must not be empty: received "". Name it.',
      );
    }
    this.text(key);
    const isArray = type.endsWith("[]");
    const elementType = (isArray ? type.slice(0, -2) : type) as GgufScalarType;
    if (!isArray) {
      this.u32(typeIdOf(elementType));
      this.#elements(key, elementType, [value as Element]);
      return;
    }
    const elements = value as ArrayLike<Element>;
    this.u32(GGUF_ARRAY_TYPE_ID);
    this.u32(typeIdOf(elementType));
    this.count(elements.length);
    this.#elements(key, elementType, elements);
  }

  /** The bytes so far. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #elements(key: string, type: GgufScalarType, elements: ArrayLike<Element>): void {
    if (type === "string") {
      for (let i = 0; i < elements.length; i++) this.text(elements[i] as string);
    } else if (type === "bool") {
      this.#truths(key, elements);
    } else {
      this.#numbers(key, type, elements as ArrayLike<number | bigint>);
    }
  }

  #truths(key: string, truths: ArrayLike<Element>): void {
    const start = this.#reserve(truths.length);
    for (let i = 0; i < truths.length; i++) {
      const byte = Number(truths[i]);
      if (byte !== 0 && byte !== 1) {
        throw new RangeError(
          `Cannot write GGUF metadata ${quote(key)}: a truth value must be 0 or 1: ` +
            `received ${truths[i]}`,
        );
      }
      this.#bytes[start + i] = byte;
    }
  }

  #numbers(key: string, type: GgufNumericType, numbers: ArrayLike<number | bigint>): void {
    const NumericArray = GGUF_NUMERIC_ARRAYS[type] as unknown as NumericArrayConstructor;
    const stored = new NumericArray(numbers);
    for (let i = 0; i < stored.length; i++) {
      if (!isStoredWell(type, stored[i], numbers[i])) {
        throw new RangeError(
          `Cannot write GGUF metadata ${quote(key)}: the number does not fit ${type}: ` +
            `received ${numbers[i]}`,
        );
      }
    }
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    const start = this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /**
   * Makes room for `numBytes` more bytes, counts them as used, and returns where they begin. It may replace the array: look
   * at the array and its view only afterwards.
   */
  #reserve(numBytes: number): number {
    const start = this.#length;
    this.#length += numBytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

/** Integers wrap around and fractions vanish in typed arrays. An f32 may round, but not to infinity. */
function isStoredWell(
  type: GgufNumericType,
  stored: number | bigint,
  given: number | bigint,
): boolean {
  if (type === "f32") return Number.isFinite(stored) || !Number.isFinite(given);
  return Object.is(stored, given);
}

type Element = string | boolean | number | bigint;

interface NumericArrayConstructor {
  new (
    elements: ArrayLike<number | bigint>,
  ): ArrayLike<number | bigint> & ArrayBufferView<ArrayBuffer>;
}

function typeIdOf(type: GgufScalarType): number {
  return GGUF_SCALAR_TYPES.indexOf(type);
}
