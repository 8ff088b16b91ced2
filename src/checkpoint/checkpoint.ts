/**
 * An open checkpoint: a Hugging Face folder or a GGUF file.
 *
 * @module
 */
import type { GgufFile } from "../formats/gguf.ts";
import type { GPT2Config } from "../model/config.ts";
import { rowBytes, tensorTypeInfo } from "../formats/tensor_type.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { LocatedWeight } from "./locate_weights.ts";
import type { Settings } from "./settings.ts";
import { transposeRows } from "./weight_layout.ts";
import { byteLengthOf, rowsOf, type WeightSource } from "./weight_source.ts";

/** What the user should know about a checkpoint that is used all the same. */
export interface CheckpointNotice {
  /** Tells this from the steps by which a model is made ready. */
  readonly step: "notice";
  /** A sentence. */
  readonly text: string;
}

/** What {@linkcode Checkpoint} is made of. */
export interface CheckpointFields {
  /** The folder or file. */
  readonly path: string;
  /** What to call the model, for people. */
  readonly name: string;
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** Where the weights are. */
  readonly weights: ReadonlyMap<string, LocatedWeight>;
  /** Reads the tokenizer. */
  readonly readTokenizer: () => Promise<Tokenizer | undefined>;
  /** What it says beside. */
  readonly settings: Settings;
  /** What the user should know about it, as sentences. Default: nothing. */
  readonly notices?: readonly string[];
  /** The header of the file, if it is a GGUF file. */
  readonly gguf?: GgufFile;
  /** Closes the files. */
  readonly close: () => void;
}

/**
 * A checkpoint whose header has been read and checked: it has every weight of its configuration. The weights themselves
 * are read when asked for. It keeps its files open: dispose it.
 */
export class Checkpoint implements WeightSource, Disposable {
  /** The folder or file. */
  readonly path: string;
  /** What to call the model, for people. */
  readonly name: string;
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** The weights by name, see `parameterSpecs()`. */
  readonly weights: ReadonlyMap<string, LocatedWeight>;
  /** What it says beside. */
  readonly settings: Settings;
  /** What the user should know about it, as sentences. */
  readonly notices: readonly string[];
  /** The header of the file, if it is a GGUF file. */
  readonly gguf?: GgufFile;
  readonly #readTokenizer: () => Promise<Tokenizer | undefined>;
  readonly #close: () => void;
  /** The matrix whose rows were asked for last, as stored: its transpose is made a few rows at a time. */
  #transposing?: { name: string; matrix: Uint8Array<ArrayBuffer> };

  /** Use `openCheckpoint()`. */
  constructor(fields: CheckpointFields) {
    this.path = fields.path;
    this.name = fields.name;
    this.config = fields.config;
    this.weights = fields.weights;
    this.settings = fields.settings;
    this.notices = fields.notices ?? [];
    this.gguf = fields.gguf;
    this.#readTokenizer = fields.readTokenizer;
    this.#close = fields.close;
  }

  /** Whether the vocabulary projection is the token embedding. */
  get tied(): boolean {
    return !this.weights.has("vocabularyProjection");
  }

  /**
   * Reads the tokenizer that belongs to the model; nothing if the checkpoint has none.
   *
   * @throws {FileFormatError} if it is damaged, or has more tokens than the model
   */
  readTokenizer(): Promise<Tokenizer | undefined> {
    return this.#readTokenizer();
  }

  /**
   * Fills `target` with rows of a weight in its stored type. A matrix is (out in), a vector is one row.
   *
   * @param name see `parameterSpecs()`
   * @param firstRow where to begin
   * @param target takes as many whole rows as fit into it; begins at a multiple of the element size in its buffer
   * @throws {TypeError} if there is no weight of this name
   */
  readRows(name: string, firstRow: number, target: Uint8Array<ArrayBuffer>): void {
    const { spec, dtype, source, offset, isTransposed } = this.#weight(name);
    const { numRows, width } = rowsOf(spec);
    if (!isTransposed) {
      source.readInto(offset + firstRow * rowBytes(dtype, width), target);
      return;
    }
    const Elements = tensorTypeInfo(dtype).blockBytes === 2 ? Uint16Array : Uint32Array;
    transposeRows(
      new Elements(this.#readMatrix(name).buffer),
      numRows,
      firstRow,
      new Elements(target.buffer, target.byteOffset, target.length / Elements.BYTES_PER_ELEMENT),
    );
  }

  /** Closes the files. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#transposing = undefined;
    this.#close();
  }

  #weight(name: string): LocatedWeight {
    const weight = this.weights.get(name);
    if (weight === undefined) {
      throw new TypeError(`Cannot read a weight: there is none of that name: received "${name}".`);
    }
    return weight;
  }

  #readMatrix(name: string): Uint8Array<ArrayBuffer> {
    if (this.#transposing?.name !== name) {
      const { spec, dtype, source, offset } = this.#weight(name);
      const matrix = new Uint8Array(byteLengthOf(spec, dtype));
      source.readInto(offset, matrix);
      this.#transposing = { name, matrix };
    }
    return this.#transposing.matrix;
  }
}
