/**
 * Reads weights from a source in any type, a slab of rows at a time: memory holds one slab, not whole tensors.
 *
 * @module
 */
import { FileFormatError, InvalidArgumentError } from "../base/errors.ts";
import { quote, quotePath } from "../base/describe.ts";
import { rowBytes, tensorTypeInfo } from "../formats/tensor_type.ts";
import {
  dequantize,
  findBeyondScales,
  findNonFinite,
  quantize,
  type WeightType,
} from "./quantize.ts";
import { rowsOf, type StoredWeight, type WeightSource } from "./weight_source.ts";

/** What one slab holds at most. Two processors quantize it to the slowest type in less than 100 ms. */
const MAX_SLAB_ELEMENTS = 2 ** 20;

/**
 * The rows of a weight in type `to`, in slabs. A slab is overwritten when the next one is asked for.
 *
 * @param signal stops the work between two slabs
 * @throws {FileFormatError} if the weight holds an infinity or NaN
 * @throws {RangeError} if a value is too large for the type
 */
export async function* convertedSlabs(
  source: WeightSource,
  name: string,
  to: WeightType,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const converter = new RowConverter(source, name, to);
  const slab = new Uint8Array(converter.slabBytes);
  for (const [firstRow, numRows] of converter.slabs()) {
    signal?.throwIfAborted();
    const rows = slab.subarray(0, numRows * converter.rowBytes);
    await converter.convert(firstRow, rows);
    yield rows;
  }
}

/**
 * Fills `target` with a whole weight in type `to`.
 *
 * @param signal stops the work between two slabs
 * @throws {FileFormatError} if the weight holds an infinity or NaN
 * @throws {RangeError} if a value is too large for the type
 */
export async function readConverted(
  source: WeightSource,
  name: string,
  to: WeightType,
  target: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<void> {
  const converter = new RowConverter(source, name, to);
  for (const [firstRow, numRows] of converter.slabs()) {
    signal?.throwIfAborted();
    const start = firstRow * converter.rowBytes;
    await converter.convert(
      firstRow,
      target.subarray(start, start + numRows * converter.rowBytes),
    );
  }
}

/** Converts the rows of one weight, with memory for one slab. */
class RowConverter {
  /** Bytes of a converted row. */
  readonly rowBytes: number;
  readonly #source: WeightSource;
  readonly #weight: StoredWeight;
  readonly #to: WeightType;
  readonly #numRows: number;
  readonly #width: number;
  readonly #slabRows: number;
  /** Rows in the stored type, if they do not go into the target at once. */
  readonly #stored: Uint8Array<ArrayBuffer>;
  /** The same rows as F32, if they are converted from and to other types. */
  readonly #values: Float32Array<ArrayBuffer>;

  constructor(source: WeightSource, name: string, to: WeightType) {
    this.#source = source;
    this.#weight = source.weights.get(name)!;
    this.#to = to;
    const { spec, dtype } = this.#weight;
    const { numRows, width } = rowsOf(spec);
    this.#numRows = numRows;
    this.#width = width;
    this.rowBytes = rowBytes(to, width);
    this.#slabRows = Math.min(numRows, Math.max(1, Math.floor(MAX_SLAB_ELEMENTS / width)));
    this.#stored = new Uint8Array(dtype === to ? 0 : this.#slabRows * rowBytes(dtype, width));
    this.#values = dtype === "f32"
      ? new Float32Array(this.#stored.buffer)
      : new Float32Array(dtype === to || to === "f32" ? 0 : this.#slabRows * width);
  }

  /** Bytes of the largest converted slab. */
  get slabBytes(): number {
    return this.#slabRows * this.rowBytes;
  }

  *slabs(): Generator<[firstRow: number, numRows: number]> {
    for (let row = 0; row < this.#numRows; row += this.#slabRows) {
      yield [row, Math.min(this.#slabRows, this.#numRows - row)];
    }
  }

  /** Fills `target` with rows from `firstRow`, no more than a slab of them. */
  async convert(firstRow: number, target: Uint8Array<ArrayBuffer>): Promise<void> {
    const { spec, dtype } = this.#weight;
    const numElements = target.byteLength / this.rowBytes * this.#width;
    const rows = dtype === this.#to ? target : this.#stored.subarray(
      0,
      target.byteLength / this.rowBytes * rowBytes(dtype, this.#width),
    );
    await this.#source.readRows(spec.name, firstRow, rows);
    await requireFinite(this.#source, spec.name, rows, firstRow);
    if (dtype === this.#to) return;
    if (this.#to === "f32") {
      await dequantize(
        rows,
        dtype,
        new Float32Array(target.buffer, target.byteOffset, numElements),
      );
      return;
    }
    const values = this.#values.subarray(0, numElements);
    if (dtype !== "f32") await dequantize(rows, dtype, values);
    await quantize(values, this.#to, this.#width, target);
    await this.#requireStorable(values, target, firstRow);
  }

  /** Refuses values beyond the range of the type, which conversion turns into infinities. */
  async #requireStorable(
    values: Float32Array<ArrayBuffer>,
    converted: Uint8Array<ArrayBuffer>,
    firstRow: number,
  ): Promise<void> {
    const index = await findNonFinite(converted, this.#to) ??
      (this.#to === "q6_k" ? await findBeyondScales(values) : undefined);
    if (index === undefined) return;
    const { blockSize } = tensorTypeInfo(this.#to);
    const block = values.subarray(index, index + blockSize);
    const largest = block.reduce((max, value) => Math.abs(value) > Math.abs(max) ? value : max);
    throw new InvalidArgumentError(
      `Cannot store tensor ${
        quote(this.#weight.storedName)
      } as ${this.#to}: a value is too large at ` +
        `${position(this.#weight, firstRow, index + block.indexOf(largest))}: ` +
        `received ${largest}. ` +
        "Choose bf16 or f32.",
    );
  }
}

/**
 * Refuses an infinity or NaN among rows of a weight.
 *
 * @param source which the rows are from
 * @param name of the weight
 * @param rows in the type in which they are stored
 * @param firstRow the number of the first of them
 * @throws {FileFormatError} naming the tensor and the place in it
 */
export async function requireFinite(
  source: WeightSource,
  name: string,
  rows: Uint8Array<ArrayBuffer>,
  firstRow = 0,
): Promise<void> {
  const weight = source.weights.get(name)!;
  const index = await findNonFinite(rows, weight.dtype);
  if (index === undefined) return;
  const { blockSize, blockBytes } = tensorTypeInfo(weight.dtype);
  const block = new Float32Array(blockSize);
  const start = index / blockSize * blockBytes;
  await dequantize(rows.subarray(start, start + blockBytes), weight.dtype, block);
  const inBlock = block.findIndex((value) => !Number.isFinite(value));
  const { path } = source;
  throw new FileFormatError(
    `Cannot use the weights${path === undefined ? "" : ` of ${quotePath(path)}`}: tensor ` +
      `${quote(weight.storedName)} holds what is not a finite number at ` +
      `${position(weight, firstRow, index + inBlock)}: received ${block[inBlock]}. ` +
      "Get the checkpoint again; if it is as it was saved, its training has failed.",
    { path },
  );
}

/** Where an element is, as the source counts: `[3, 14]`. */
function position({ spec, isTransposed }: StoredWeight, firstRow: number, index: number): string {
  const { width } = rowsOf(spec);
  const row = firstRow + Math.floor(index / width);
  const column = index % width;
  if (spec.shape.length === 1) return `[${column}]`;
  return isTransposed ? `[${column}, ${row}]` : `[${row}, ${column}]`;
}
