/**
 * Files of token ids.
 *
 * @module
 */
import { type FileSource, openRegularFile } from "../../base/byte_source.ts";
import {
  abortSignal,
  checkOptions,
  integer,
  oneOf,
  type OptionRules,
} from "../../base/check_options.ts";
import { formatError, quotePath } from "../../base/describe.ts";
import type { FileFormatError } from "../../base/errors.ts";
import { doInTurns } from "../../base/event_loop.ts";
import { openedLibrary } from "../../ffi/library.ts";
import { adviceForRun } from "../../base/run_advice.ts";
import { MappedFile } from "../../ffi/mapped_file.ts";

/** How a token is stored, little-endian: in two bytes, as nanoGPT has it, or in four, for vocabularies of more than 65,536. */
export type TokenType = "uint16" | "uint32";

/** How to open a file. */
export interface TokenFileOptions {
  /** How tokens are stored. Default: `"uint16"`. */
  readonly dtype?: TokenType;
  /** How many tokens the vocabulary has: a file with others is refused. Default: they are not looked at. */
  readonly vocabSize?: number;
  /** Stops looking at them. */
  readonly signal?: AbortSignal;
}

/** Tokens that are read at once, to look at them. */
const TOKENS_PER_STEP = 2 ** 19;

const ARRAYS = { uint16: Uint16Array, uint32: Uint32Array } as const;

const RULES: OptionRules<TokenFileOptions> = {
  dtype: oneOf("uint16", "uint32"),
  vocabSize: integer(1),
  signal: abortSignal,
};

/**
 * Token ids in a file, of which any part can be read at any time. The file is mapped into memory where the native library
 * is open and the system can do that, and read otherwise.
 */
export class TokenFile implements Disposable {
  /** Where it is. */
  readonly path: string;
  /** How many tokens it has. */
  readonly length: number;
  readonly #width: number;
  readonly #dtype: TokenType;
  readonly #source: FileSource;
  readonly #mapped: MappedFile | undefined;
  readonly #tokens: Uint16Array | Uint32Array | undefined;

  private constructor(source: FileSource, dtype: TokenType) {
    this.path = source.path;
    this.#source = source;
    this.#dtype = dtype;
    this.#width = ARRAYS[dtype].BYTES_PER_ELEMENT;
    this.length = source.size / this.#width;
    if (source.size === 0 || openedLibrary() === undefined) return;
    this.#mapped = MappedFile.open(source.path, source.identity());
    const bytes = this.#mapped?.view(0, source.size);
    // Everything that Deno runs on is little-endian.
    this.#tokens = bytes && new ARRAYS[dtype](bytes.buffer, bytes.byteOffset, this.length);
  }

  /**
   * Opens a file, and looks once at all its tokens.
   *
   * @param options others than these, such as the rest of what `prepareData()` returns, are not looked at
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if one is out of range
   * @throws {FileFormatError} if it ends within a token, or has one that is not in the vocabulary
   * @throws {Deno.errors.NotFound} if there is no such file
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  static async open(path: string, options: TokenFileOptions = {}): Promise<TokenFile> {
    const { dtype, vocabSize, signal } = Object(options);
    return await TokenFile.#open(
      path,
      checkOptions("read tokens", { dtype, vocabSize, signal }, RULES),
    );
  }

  static async #open(
    path: string,
    { dtype = "uint16", vocabSize, signal }: TokenFileOptions,
  ): Promise<TokenFile> {
    using stack = new DisposableStack();
    const source = stack.use(openRegularFile(path));
    if (source.size % ARRAYS[dtype].BYTES_PER_ELEMENT !== 0) {
      throw notTokens(path, `it is not a whole number of ${dtype}s`, `${source.size} bytes`);
    }
    const file = stack.adopt(
      new TokenFile(source, dtype),
      (file) => file.#mapped?.[Symbol.dispose](),
    );
    if (vocabSize !== undefined) await doInTurns(file.#check(vocabSize), signal);
    stack.move();
    return file;
  }

  /** Whether it is mapped into memory: then only what is read of it takes memory, which the system takes back at any time. */
  get isMapped(): boolean {
    return this.#mapped !== undefined;
  }

  /**
   * Reads the `count` tokens from `start` into the first elements of `into`.
   *
   * @throws {RangeError} if they are not all in the file, or there is no room for them
   * @throws {StorageError} if the disk fails
   */
  read(start: number, count: number, into: Int32Array): void {
    const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 &&
      count >= 0 && start + count <= this.length;
    if (!isInside || count > into.length) {
      throw new RangeError(
        `Cannot read tokens of ${
          quotePath(this.path)
        }: there are ${this.length}, and room for ${into.length}: ` +
          `received ${count} from ${start} on.`,
      );
    }
    into.set(this.#view(start, count));
  }

  /** Closes the file. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
    this.#mapped?.[Symbol.dispose]();
  }

  #view(start: number, count: number): Uint16Array | Uint32Array {
    if (this.#tokens !== undefined) {
      // What was disposed of has no memory any more.
      this.#mapped!.address(start * this.#width, count * this.#width);
      return this.#tokens.subarray(start, start + count);
    }
    const bytes = this.#source.read(start * this.#width, count * this.#width);
    return new ARRAYS[this.#dtype](bytes.buffer, bytes.byteOffset, count);
  }

  *#check(vocabSize: number): Generator<void> {
    for (let start = 0; start < this.length; start += TOKENS_PER_STEP) {
      const tokens = this.#view(start, Math.min(TOKENS_PER_STEP, this.length - start));
      for (let at = 0; at < tokens.length; at++) {
        if (tokens[at] < vocabSize) continue;
        throw notTokens(
          this.path,
          `it has a token that is not in the vocabulary of ${vocabSize}, at position ${start + at}`,
          tokens[at],
        );
      }
      yield;
    }
  }
}

function notTokens(path: string, what: string, received: unknown): FileFormatError {
  return formatError(
    "tokens",
    path,
    what,
    received,
    adviceForRun(path) ?? "Prepare the data with the tokenizer of the model.",
  );
}
