import type { FileFormatError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { formatError } from "./describe.ts";
import { GGUF_NUMERIC_ARRAYS, type GgufNumericType, type GgufValueTypes } from "./gguf_value.ts";

/** A header of a model with a vocabulary of a million tokens takes about 40 MiB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;

/** The bytes in front of each text. */
const TEXT_LENGTH_BYTES = 8;

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

  /**
   * An array of `count` texts.
   *
   * A vocabulary has 50,000 of them, mostly shorter than ten bytes, and a decoder call for each would take longer than
   * everything else together. So they are packed behind each other with a zero byte after each, decoded by one call, and
   * split at the zeros.
   */
  texts(count: number): string[] {
    this.#requireLeft(count * TEXT_LENGTH_BYTES);
    const begin = this.offset;
    const packed = new PackedTexts();
    while (packed.count < count) {
      this.#position = packed.append(this.#chunk, this.#view, this.#position, count);
      if (packed.count < count) this.#loadText();
    }
    const texts = this.#decode(packed.bytes).split("\0");
    texts.pop(); // What follows the last zero: nothing.
    if (texts.length === count) return texts;
    // One of them holds a zero itself: read them again, one by one.
    this.#seekBack(begin);
    return Array.from({ length: count }, () => this.text());
  }

  #textLength(): number {
    return this.count("has a text whose length", this.#end - this.offset);
  }

  /** Reads the chunk that begins with the next text and holds all of it. */
  #loadText(): void {
    const numBytes = TEXT_LENGTH_BYTES + this.#textLength();
    this.#position -= TEXT_LENGTH_BYTES;
    this.#load(numBytes);
  }

  #decode(bytes: Uint8Array): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      throw this.error("has text that is not valid UTF-8, ending at this offset", this.offset);
    }
  }

  /** Goes back to `offset`; what is still in the chunk is not read again. */
  #seekBack(offset: number): void {
    if (offset < this.#chunkOffset) {
      this.#chunk = new Uint8Array(0);
      this.#chunkOffset = offset;
    }
    this.#position = offset - this.#chunkOffset;
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

  /** Reads the chunk that begins at the next byte and holds at least `numBytes`. */
  #load(numBytes: number): void {
    this.#requireLeft(numBytes);
    const offset = this.offset;
    this.#chunk = this.#source.read(
      offset,
      Math.min(Math.max(numBytes, CHUNK_BYTES), this.#end - offset),
    );
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

/** Refuses invalid text, and keeps a byte order mark, so that text is written again as it was. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts behind each other, with a zero byte after each. */
class PackedTexts {
  #bytes = new Uint8Array(0);
  #length = 0;
  #count = 0;

  /** How many texts there are. */
  get count(): number {
    return this.#count;
  }

  /** The packed texts. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * Packs the texts that lie completely in `chunk`, from `position` on, until there are `maxCount`. One loop with local
   * variables, as calls for each text, let alone each byte, would take longer than the copying.
   *
   * @returns the position after the last packed text
   */
  append(chunk: Uint8Array, view: DataView, position: number, maxCount: number): number {
    let bytes = this.#bytes;
    let length = this.#length;
    let count = this.#count;
    while (count < maxCount && position + TEXT_LENGTH_BYTES <= chunk.length) {
      const low = view.getUint32(position, true);
      const high = view.getUint32(position + 4, true);
      const start = position + TEXT_LENGTH_BYTES;
      const end = start + low;
      if (high > 0 || end > chunk.length) break;
      if (length + low + 1 > bytes.length) bytes = enlarged(bytes, length + low + 1);
      for (let i = start; i < end; i++) bytes[length++] = chunk[i];
      bytes[length++] = 0;
      position = end;
      count++;
    }
    this.#bytes = bytes;
    this.#length = length;
    this.#count = count;
    return position;
  }
}

/** A copy with room for `length` bytes and as many again. */
function enlarged(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * length);
  larger.set(bytes);
  return larger;
}
