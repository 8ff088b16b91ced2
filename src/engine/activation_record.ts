/**
 * The activations that were captured of a text.
 *
 * @module
 */
import { InvalidArgumentError } from "../base/errors.ts";
import { showBeginnings } from "../base/show_fields.ts";
import { type ActivationSite, hasHeads, isOfPairs, rowWidth } from "../model/activation_sites.ts";
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

/** Their shapes have at most as many numbers: so many are shown of `data` as well. */
const MAX_AXES = 4;

/** An activation, of which `console.log()` shows the axes, the shape and the first elements. */
export function capturedActivation(
  axes: string,
  shape: readonly number[],
  data: Float32Array<ArrayBuffer>,
): CapturedActivation {
  return showBeginnings({ axes, shape, data }, MAX_AXES);
}

/** By their names. */
export type CapturedActivations = ReadonlyMap<string, CapturedActivation>;

/** So much is kept at most: more is refused before anything is computed. */
const MAX_CAPTURED_BYTES = 2 ** 31;

/** Rows of an activation that were computed together. */
export interface CapturedPart {
  /** Which rows of the result these are, where some positions were asked for; otherwise they follow those before. */
  readonly indices: readonly number[];
  /** How long a row is. */
  readonly width: number;
  /** (heads indices width); a row of `seq_k` has at its end what nobody may look at. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Keeps the activations of a text. */
export class ActivationRecord {
  readonly #parts = new Map<string, CapturedPart[]>();

  /** Adds those of the next positions. */
  add(name: string, part: CapturedPart): void {
    const parts = this.#parts.get(name);
    if (parts === undefined) this.#parts.set(name, [part]);
    else parts.push(part);
  }

  /** Those of an activation. */
  partsOf(name: string): readonly CapturedPart[] {
    return this.#parts.get(name) ?? [];
  }

  /** A copy, which shares no memory. */
  copy(): ActivationRecord {
    const copy = new ActivationRecord();
    for (const [name, parts] of this.#parts) {
      copy.#parts.set(name, parts.map((part) => ({ ...part, data: part.data.slice() })));
    }
    return copy;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#parts.clear();
  }
}

/**
 * What was captured of texts, side by side.
 *
 * @param numRows how many positions of each there are in the result. Default: as many as the longest record has
 * @param unseen what stands where a query may not look
 */
export function assembleActivations(
  captured: readonly ActivationSite[],
  records: readonly ActivationRecord[],
  numRows: number | undefined,
  config: GPT2Config,
  unseen: (site: ActivationSite) => number = unseenValue,
): CapturedActivations {
  return new Map(
    captured.map((site) => [site.name, assemble(site, records, config, numRows, unseen(site))]),
  );
}

function assemble(
  site: ActivationSite,
  records: readonly ActivationRecord[],
  config: GPT2Config,
  numRows: number | undefined,
  unseen: number,
): CapturedActivation {
  const { name, axes } = site;
  const heads = hasHeads(site) ? config.numHeads : 1;
  const texts = records.map((record) => record.partsOf(name));
  const shapeOf = (seq: number, width: number) =>
    hasHeads(site) ? [texts.length, heads, seq, width] : [texts.length, seq, width];
  const [only] = texts[0];
  // The memory that it was read into, if nothing else is to be there: so a step that writes a token costs no copy.
  const isWhole = texts.length === 1 && texts[0].length === 1 &&
    (numRows === undefined ||
      (numRows === only.indices.length && only.indices.every((index, i) => index === i)));
  if (isWhole) {
    return capturedActivation(axes, shapeOf(only.indices.length, only.width), only.data);
  }

  const lengthOf = (parts: readonly CapturedPart[]) =>
    parts.reduce((sum, { indices }) => sum + indices.length, 0);
  const seq = numRows ?? Math.max(...texts.map(lengthOf));
  const width = isOfPairs(site)
    ? texts.flat().reduce((most, { width }) => Math.max(most, width), 0)
    : rowWidth(site, 0, config);
  const result = new Float32Array(records.length * heads * seq * width).fill(NaN);
  texts.forEach((parts, text) => {
    let next = 0;
    for (const { indices, width: own, data } of parts) {
      for (let head = 0; head < heads; head++) {
        indices.forEach((index, i) => {
          const row = numRows === undefined ? next + i : index;
          const at = ((text * heads + head) * seq + row) * width;
          const begin = (head * indices.length + i) * own;
          result.set(data.subarray(begin, begin + own), at);
          result.fill(unseen, at + own, at + width);
        });
      }
      next += indices.length;
    }
  });
  return capturedActivation(axes, shapeOf(seq, width), result);
}

/** What stands where a query may not look. */
export function unseenValue({ name }: ActivationSite): number {
  return name.endsWith(".scores") ? -Infinity : 0;
}

/**
 * Checks that what is to be captured can be kept.
 *
 * @param numTexts how many texts there are
 * @param seq how many positions of each are kept
 * @param numKeys how many positions each may look at
 * @param what is to be kept of them
 * @throws {RangeError} if it is more than 2 GiB
 */
export function checkCapturedBytes(
  action: string,
  captured: readonly ActivationSite[],
  numTexts: number,
  seq: number,
  numKeys: number,
  config: GPT2Config,
  what = "captured activations",
): void {
  const numElements = captured.reduce((sum, site) => {
    const heads = hasHeads(site) ? config.numHeads : 1;
    return sum + numTexts * seq * heads * rowWidth(site, numKeys, config);
  }, 0);
  checkKeptElements(action, numElements, what);
}

/**
 * Checks that so many numbers can be kept.
 *
 * @param what they are: `captured activations`
 * @throws {RangeError} if it is more than 2 GiB
 */
export function checkKeptElements(action: string, numElements: number, what: string): void {
  const bytes = numElements * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= MAX_CAPTURED_BYTES) return;
  throw new InvalidArgumentError(
    `Cannot ${action}: the ${what} would take ${(bytes / 2 ** 30).toFixed(1)} GiB, ` +
      `and ${MAX_CAPTURED_BYTES / 2 ** 30} are kept at most. Ask for fewer of them, or only some ` +
      `positions, or give fewer texts at a time.`,
  );
}
