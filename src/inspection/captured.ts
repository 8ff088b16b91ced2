/**
 * Captured activations as they are given back to functions of this folder.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import type { CapturedActivation } from "../engine/activation_record.ts";

/** How the rows of an activation lie. */
export interface CapturedRows {
  /** How many texts it is of. */
  readonly batch: number;
  /** 1 where there is no such axis. */
  readonly heads: number;
  /** How many positions it has. */
  readonly seq: number;
  /** How many elements a row has. */
  readonly width: number;
  /** The row of a text, a head and a position; nothing if there is no such position in that text. */
  row(text: number, head: number | undefined, position: number): Float32Array | undefined;
}

/**
 * An activation row by row.
 *
 * @param action what cannot be done otherwise: `replace`
 * @throws {TypeError} if it is something else, or not as large as its shape says
 */
export function capturedRows(action: string, activation: CapturedActivation): CapturedRows {
  const { shape, data } = checked(action, activation);
  const [batch, second, third, fourth] = shape;
  const [heads, seq, width] = shape.length === 4 ? [second, third, fourth] : [1, second, third];
  return {
    batch,
    heads,
    seq,
    width,
    row(text, head = 0, position) {
      if (text >= batch || position >= seq) return undefined;
      const begin = ((text * heads + head) * seq + position) * width;
      const row = data.subarray(begin, begin + width);
      // Behind the end of a text that is shorter than others.
      return Number.isNaN(row[0]) ? undefined : row;
    },
  };
}

function checked(action: string, activation: CapturedActivation): CapturedActivation {
  const { axes, shape, data } = activation ?? {};
  const isSound = typeof axes === "string" && Array.isArray(shape) &&
    data instanceof Float32Array && axes.split(" ").length === shape.length &&
    (shape.length === 3 || shape.length === 4) &&
    shape.every((size) => Number.isInteger(size) && size > 0) &&
    shape.reduce((product, size) => product * size, 1) === data.length;
  if (isSound) return activation;
  throw new TypeError(
    `Cannot ${action}: a captured activation is needed, { axes, shape, data }: received ` +
      `${describe(activation)}. forward() with capture gives them, with at least one position.`,
  );
}
