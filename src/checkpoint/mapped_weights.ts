/**
 * The weights of a GGUF file where they are: in the file, mapped into memory.
 *
 * @module
 */
import { loadParts, type Part, TILE_ROWS } from "../ffi/load_parts.ts";
import { MappedFile } from "../ffi/mapped_file.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import { recordOf } from "../tensor/tensor.ts";
import type { Weights, WeightTensor } from "../model/weights.ts";
import { FileFormatError } from "../base/errors.ts";
import { FileSource } from "../base/byte_source.ts";
import { quote, quotePath } from "../base/describe.ts";
import type { ParameterSpec } from "../model/parameters.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { requireFinite } from "./row_converter.ts";
import { exponentsOf, hasExponents, type WeightType } from "./quantize.ts";
import { byteLengthOf, rowsOf } from "./weight_source.ts";

/** What one thread does at a time. */
const PART_BYTES = 2 ** 20;

/** Memory is saturated before this many threads are. */
const MAX_THREADS = 8;

interface WeightPart extends Part {
  readonly spec: ParameterSpec;
}

/** A mapped GGUF file, as the place of those weights that are used in the type in which they are stored. */
export class MappedWeights implements Disposable {
  /** The file. */
  readonly file: MappedFile;
  readonly #checkpoint: Checkpoint;
  readonly #typeOf: (spec: ParameterSpec) => WeightType;

  private constructor(
    file: MappedFile,
    checkpoint: Checkpoint,
    typeOf: (spec: ParameterSpec) => WeightType,
  ) {
    this.file = file;
    this.#checkpoint = checkpoint;
    this.#typeOf = typeOf;
  }

  /**
   * Maps the file of a checkpoint.
   *
   * @param checkpoint has to outlive the result
   * @param typeOf the type in which a weight is to be used
   * @returns undefined if it is no GGUF file, or the system does not map it
   */
  static open(
    checkpoint: Checkpoint,
    typeOf: (spec: ParameterSpec) => WeightType,
  ): MappedWeights | undefined {
    if (checkpoint.gguf === undefined) return undefined;
    const { source } = checkpoint.weights.get("tokenEmbedding")!;
    // A model in several files is read: of these, one could be mapped.
    const isOne = checkpoint.weights.values().every((weight) => weight.source === source);
    if (!isOne || !(source instanceof FileSource)) return undefined;
    const file = MappedFile.open(source.path, source.identity());
    return file && new MappedWeights(file, checkpoint, typeOf);
  }

  /** Where a weight begins in the file; nothing if it is to be used in another type. */
  offsetOf(spec: ParameterSpec): number | undefined {
    const { dtype, isTransposed, offset } = this.#checkpoint.weights.get(spec.name)!;
    return dtype === this.#typeOf(spec) && !isTransposed ? offset : undefined;
  }

  /**
   * Takes all weights into use that are used in the type in which they are stored: looks through them, and packs those
   * that go into packed memory. It works on other threads.
   *
   * @param weights the places of the weights, not yet in use
   * @param signal stops the work
   * @returns the weights that remain to be written
   * @throws {FileFormatError} if one holds an infinity or NaN
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async load(weights: Weights, signal?: AbortSignal): Promise<ParameterSpec[]> {
    const parts: WeightPart[] = [];
    const remaining: ParameterSpec[] = [];
    for (const { spec } of this.#checkpoint.weights.values()) {
      const places = weights.tensorsToFill(spec.name);
      const isVector = spec.shape.length === 1;
      if (
        this.offsetOf(spec) === undefined ||
        !hasExponents(this.#typeOf(spec)) ||
        places.some(({ memory }) => memory === "device" || memory === "plain" && !isVector)
      ) {
        remaining.push(spec);
      } else {
        parts.push(...this.#partsOf(spec, isVector ? undefined : places[0]));
        if (isVector) weights.write(spec.name, this.#view(spec));
      }
    }
    const threads = Math.min(navigator.hardwareConcurrency, MAX_THREADS);
    const found = await loadParts(parts, threads, signal);
    if (found !== undefined) {
      const { spec } = found;
      await requireFinite(this.#checkpoint, spec.name, this.#view(spec));
      const { path } = this.#checkpoint;
      throw new FileFormatError(
        `Cannot use the weights of ${quotePath(path)}: the file was changed while it was read: ` +
          `received another ${quote(found.spec.name)}. Wait until nothing else writes to it.`,
        { path },
      );
    }
    // Of a file whose matrices were packed, only vectors and a few rows of the embeddings are looked at again.
    if (parts.some(({ packing }) => packing !== undefined)) this.file.giveBack();
    return remaining;
  }

  /** The bytes of a weight that is used as it is stored. */
  #view(spec: ParameterSpec): Uint8Array<ArrayBuffer> {
    return this.file.view(this.offsetOf(spec)!, byteLengthOf(spec, this.#typeOf(spec)));
  }

  /** The work on one weight, in pieces that are worth a turn of a thread. */
  *#partsOf(spec: ParameterSpec, place?: WeightTensor): Generator<WeightPart> {
    const dtype = this.#typeOf(spec);
    const offset = this.offsetOf(spec)!;
    const { numRows, width } = rowsOf(spec);
    const bytesPerRow = rowBytes(dtype, width);
    const rows = this.file.address(offset, numRows * bytesPerRow);
    const step = place?.memory === "repacked"
      ? numRows // ggml brings whole matrices in order only.
      : TILE_ROWS * Math.ceil(PART_BYTES / bytesPerRow / TILE_ROWS);
    for (let begin = 0; begin < numRows; begin += step) {
      const end = Math.min(begin + step, numRows);
      const bytes = this.file.view(offset + begin * bytesPerRow, (end - begin) * bytesPerRow);
      const exponents = exponentsOf(bytes, dtype);
      // The last part of a matrix has its rows of zeros as well.
      const last = end === numRows && place ? place.tensor.shape[0] : end;
      const packing = place &&
        { tensor: recordOf(place.tensor).pointer, rows, numRows, begin, end: last };
      for (const [i, words] of exponents.entries()) {
        yield { spec, ...words, packing: i === exponents.length - 1 ? packing : undefined };
      }
    }
  }

  /** Unmaps the file. */
  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }
}
