/**
 * The activations that were captured of a text.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import type { ActivationSite } from "../model/activation_sites.ts";
import type { GPT2Config } from "../model/config.ts";

/** An activation as it was computed. */
export interface CapturedActivation {
  /** What its axes are, outermost first: `batch heads seq_q seq_k`. */
  readonly axes: string;
  /** The sizes of the axes. */
  readonly shape: readonly number[];
  /**
   * The elements, row by row. Where a text has no such position they are NaN. What no query may look at has a weight of 0
   * and a score of -Infinity.
   */
  readonly data: Float32Array<ArrayBuffer>;
}

/** By their names. */
export type CapturedActivations = ReadonlyMap<string, CapturedActivation>;

/** So much is kept at most: more is refused before anything is computed. */
const MAX_CAPTURED_BYTES = 2 ** 31;

/** An activation at one position. */
interface CapturedRow {
  /** Which row of the result it is. */
  readonly index: number;
  /** (width), or (heads width). */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Keeps the activations of a text. */
export class ActivationRecord {
  readonly #rows = new Map<string, CapturedRow[]>();

  /** Adds those of the next position. */
  add(name: string, index: number, data: Float32Array<ArrayBuffer>): void {
    const rows = this.#rows.get(name);
    if (rows === undefined) this.#rows.set(name, [{ index, data }]);
    else rows.push({ index, data });
  }

  /** Those of an activation. */
  rowsOf(name: string): readonly CapturedRow[] {
    return this.#rows.get(name) ?? [];
  }

  /** A copy. */
  copy(): ActivationRecord {
    const copy = new ActivationRecord();
    for (const [name, rows] of this.#rows) copy.#rows.set(name, [...rows]);
    return copy;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#rows.clear();
  }
}

/**
 * What was captured of texts, side by side.
 *
 * @param numRows how many positions of each there are in the result. Default: as many as the longest record has
 */
export function assembleActivations(
  captured: readonly ActivationSite[],
  records: readonly ActivationRecord[],
  numRows: number | undefined,
  { numHeads }: GPT2Config,
): CapturedActivations {
  return new Map(
    captured.map((site) => [site.name, assemble(site, records, numHeads, numRows)]),
  );
}

function assemble(
  { name, axes }: ActivationSite,
  records: readonly ActivationRecord[],
  numHeads: number,
  numRows: number | undefined,
): CapturedActivation {
  const texts = records.map((record) => record.rowsOf(name));
  const heads = axes.includes("heads") ? numHeads : 1;
  const seq = numRows ?? Math.max(0, ...texts.map(({ length }) => length));
  const widthOf = (data: Float32Array) => data.length / heads;
  const width = texts.flat().reduce((most, { data }) => Math.max(most, widthOf(data)), 0);
  const result = new Float32Array(records.length * heads * seq * width).fill(NaN);
  const unseen = name.endsWith(".scores") ? -Infinity : 0;
  texts.forEach((rows, text) => {
    rows.forEach(({ index, data }, i) => {
      const own = widthOf(data);
      for (let head = 0; head < heads; head++) {
        const at = ((text * heads + head) * seq + (numRows === undefined ? i : index)) * width;
        result.set(data.subarray(head * own, (head + 1) * own), at);
        result.fill(unseen, at + own, at + width);
      }
    });
  });
  const shape = axes.includes("heads")
    ? [records.length, heads, seq, width]
    : [records.length, seq, width];
  return { axes, shape, data: result };
}

/**
 * Checks that what is to be captured can be kept.
 *
 * @param numTexts how many texts there are
 * @param seq how many positions of each are kept
 * @param numKeys how many positions each may look at
 * @throws {RangeError} if it is more than 2 GiB
 */
export function checkCapturedBytes(
  action: string,
  captured: readonly ActivationSite[],
  numTexts: number,
  seq: number,
  numKeys: number,
  config: GPT2Config,
): void {
  const numElements = captured.reduce(
    (sum, site) => sum + numTexts * seq * elementsPerPosition(site, numKeys, config),
    0,
  );
  const bytes = numElements * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= MAX_CAPTURED_BYTES) return;
  throw new InvalidArgumentError(
    `Cannot ${action}: the captured activations would take ${(bytes / 2 ** 30).toFixed(1)} GiB, ` +
      `and ${MAX_CAPTURED_BYTES / 2 ** 30} are kept at most. Capture fewer of them, or only some ` +
      `positions, or give fewer texts at a time.`,
  );
}

function elementsPerPosition(
  { axes }: ActivationSite,
  numKeys: number,
  { embeddingDim, hiddenDim, vocabSize, numHeads }: GPT2Config,
): number {
  const last = axes.split(" ").at(-1);
  if (last === "seq_k") return numHeads * numKeys;
  return last === "hidden" ? hiddenDim : last === "vocab" ? vocabSize : embeddingDim;
}
