import type { FileFormatError } from "../base/errors.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { formatError } from "../base/describe.ts";
import { decodeTexts, TEXT_LENGTH_BYTES, UTF8 } from "./gguf_texts.ts";
import { GGUF_NUMERIC_ARRAYS, type GgufNumericType, type GgufValueTypes } from "./gguf_value.ts";

/** A header of a model with a vocabulary of a million tokens takes about 40 MiB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** Holds the header of a model with GPT-2's vocabulary, so that one read is enough. */
const CHUNK_BYTES = 2 * 1024 * 1024;

/** An array of texts as it is in a file. */
export interface StoredTexts {
  /** Each text behind its length. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * The texts.
   *
   * @throws {FileFormatError} if one is not valid UTF-8
   */
  decode(): string[];
}

/**
 * Reads the header of a GGUF file from its beginning, through a buffer of one chunk. What a file claims (a length, a
 * count) is compared with the bytes that are left before anything of that size is allocated.
 *
 * The file is little-endian, and so is every machine that runs Deno: arrays of numbers are copied as they are.
 */
export class GgufCursor {
  #source: ByteSource;
  #end: number;
  /** The chunk in memory, a view over it, and the offset of its first byte in the source. */
  #chunk = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  #chunkOffset = 0;
  /** The next byte to read, as an index into the chunk. */
  #position = 0;
  /** What is being read, for messages. */
  #subject = "the header";

  /** A cursor at the first byte of `source`. */
  constructor(source: ByteSource) {
    this.#source = source;
    this.#end = Math.min(source.size, MAX_HEADER_BYTES);
  }

  /** The offset of the next byte. */
  get offset(): number {
    return this.#chunkOffset + this.#position;
  }

  /** Says what is read next, so that messages can name it. */
  beginReading(subject: string): void {
    this.#subject = subject;
  }

  /** The error for something wrong with what is being read. */
  error(what: string, received: unknown, advice?: string): FileFormatError {
    return formatError("GGUF", this.#source.path, `${this.#subject} ${what}`, received, advice);
  }

  /** An unsigned 32-bit integer. */
  u32(): number {
    const start = this.#take(4);
    return this.#view.getUint32(start, true);
  }

  /**
   * An unsigned 64-bit integer that counts or measures something.
   *
   * @param what what it counts, for the message
   * @throws {FileFormatError} if it is larger than `max`
   */
  count(what: string, max: number): number {
    const start = this.#take(8);
    const low = this.#view.getUint32(start, true);
    const high = this.#view.getUint32(start + 4, true);
    const value = high * 2 ** 32 + low;
    if (value > max) throw this.error(`${what} is too large: at most ${max} is possible`, value);
    return value;
  }

  /** A number of the given type. */
  number<T extends GgufNumericType>(type: T): GgufValueTypes[T] {
    return this.numbers(type, 1)[0] as GgufValueTypes[T];
  }

  /** An array of `count` numbers of the given type. */
  numbers<T extends GgufNumericType>(type: T, count: number): GgufValueTypes[`${T}[]`] {
    const NumericArray = GGUF_NUMERIC_ARRAYS[type];
    const numBytes = count * NumericArray.BYTES_PER_ELEMENT;
    const start = this.#take(numBytes);
    const copy = this.#chunk.slice(start, start + numBytes);
    return new NumericArray(copy.buffer) as GgufValueTypes[`${T}[]`];
  }

  /** An array of `count` truth values: bytes that are 0 or 1. */
  bools(count: number): Uint8Array {
    const bytes = this.numbers("u8", count);
    const wrong = bytes.find((byte) => byte > 1);
    if (wrong !== undefined) throw this.error("has a truth value that is neither 0 nor 1", wrong);
    return bytes;
  }

  /** A text: its length in bytes, then UTF-8. */
  text(): string {
    const numBytes = this.#textLength();
    const start = this.#take(numBytes);
    return this.#decode(this.#chunk.subarray(start, start + numBytes));
  }

  /** An array of `count` texts. Their lengths are checked; what they say is read by `decode()`. */
  texts(count: number): StoredTexts {
    this.#requireLeft(count * TEXT_LENGTH_BYTES);
    let numRead = 0;
    let numBytes = 0;
    while (numRead < count) {
      // A plain loop: calling a function for each of 50,000 texts takes three times as long while it is not yet compiled.
      const view = this.#view;
      const chunkBytes = view.byteLength;
      let next = this.#position + numBytes;
      while (numRead < count && next + TEXT_LENGTH_BYTES <= chunkBytes) {
        const end = next + TEXT_LENGTH_BYTES + view.getUint32(next, true);
        if (end > chunkBytes || view.getUint32(next + 4, true) !== 0) break;
        next = end;
        numRead++;
      }
      numBytes = next - this.#position;
      if (numRead < count) this.#loadNextText(numBytes);
    }
    const start = this.#take(numBytes);
    // A view: nearly all of a header are such texts, and to copy them takes a millisecond.
    const bytes = this.#chunk.subarray(start, start + numBytes);
    const subject = this.#subject;
    const { offset } = this;
    const decode = () => {
      try {
        return decodeTexts(bytes, count);
      } catch {
        this.beginReading(subject);
        throw this.#notUtf8(offset);
      }
    };
    return { bytes, decode };
  }

  #textLength(): number {
    return this.count("has a text whose length", this.#end - this.offset);
  }

  /** Reads a chunk that begins at the next byte, and holds all of the text that begins `numBytes` later. */
  #loadNextText(numBytes: number): void {
    const ahead = numBytes + TEXT_LENGTH_BYTES;
    const numWanted = 2 * this.#chunk.length; // Twice as much each time: no byte is read more than twice on average.
    if (this.#position + ahead > this.#chunk.length) this.#load(ahead, numWanted);
    const position = this.#position;
    this.#position += numBytes;
    const length = this.#textLength();
    this.#position = position;
    if (position + ahead + length > this.#chunk.length) this.#load(ahead + length, numWanted);
  }

  #decode(bytes: Uint8Array): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      throw this.#notUtf8(this.offset);
    }
  }

  #notUtf8(offset: number): FileFormatError {
    return this.error("has text that is not valid UTF-8, ending at this offset", offset);
  }

  /**
   * Steps over `numBytes` bytes, which are then in the chunk, and returns where they begin in it. It may replace the chunk:
   * look at the chunk and its view only afterwards.
   */
  #take(numBytes: number): number {
    if (this.#position + numBytes > this.#chunk.length) this.#load(numBytes);
    const start = this.#position;
    this.#position += numBytes;
    return start;
  }

  /** Reads the chunk that begins at the next byte and holds at least `numBytes`, and `numWanted` if there are so many. */
  #load(numBytes: number, numWanted = CHUNK_BYTES): void {
    this.#requireLeft(numBytes);
    const offset = this.offset;
    // Memory of its own: arrays of texts stay views of it.
    this.#chunk = new Uint8Array(Math.min(Math.max(numBytes, numWanted), this.#end - offset));
    this.#source.readInto(offset, this.#chunk);
    this.#view = new DataView(this.#chunk.buffer, this.#chunk.byteOffset, this.#chunk.length);
    this.#chunkOffset = offset;
    this.#position = 0;
  }

  #requireLeft(numBytes: number): void {
    if (this.offset + numBytes <= this.#end) return;
    if (this.#end < this.#source.size) {
      throw this.error(
        `makes the header larger than ${MAX_HEADER_BYTES} bytes`,
        this.offset + numBytes,
      );
    }
    throw this.error(
      `needs ${numBytes} bytes from offset ${this.offset}, but the file has fewer`,
      this.#source.size,
    );
  }
}
