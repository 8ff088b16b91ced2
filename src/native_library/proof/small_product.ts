/**
 * A small product of quantized weights, and what comes out of it.
 *
 * @module
 */

/** ggml's numbers of the formats. */
export const Q4_0 = 2;
/** See {@linkcode Q4_0}. */
export const Q8_0 = 8;
const BLOCK = 32;

/** The size of the matrix. */
export const INPUTS = 256;
/** See {@linkcode INPUTS}. */
export const OUTPUTS = 64;

/** Numbers that look random and are the same everywhere: 16 bits of a linear congruential generator. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 16;
}

/** A matrix, OUTPUTS x INPUTS. */
export interface Weights {
  /** ggml's number of the format. */
  type: number;
  /** In that format. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The same as numbers. */
  values: Float32Array;
}

/** OUTPUTS x INPUTS weights, as blocks of one F16 scale (1/32 ... 1/256) and 32 integers. */
export function makeWeights(type: number): Weights {
  const next = numbersFrom(type);
  const blockBytes = 2 + (type === Q8_0 ? BLOCK : BLOCK / 2);
  const numBlocks = OUTPUTS * INPUTS / BLOCK;
  const bytes = new Uint8Array(numBlocks * blockBytes);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(OUTPUTS * INPUTS);
  for (let block = 0; block < numBlocks; block++) {
    const start = block * blockBytes;
    const exponent = 5 + next() % 4;
    view.setUint16(start, (15 - exponent) << 10, true);
    for (let i = 0; i < BLOCK; i++) {
      let integer: number;
      if (type === Q8_0) {
        integer = next() % 255 - 127;
        view.setInt8(start + 2 + i, integer);
      } else {
        // The first 16 integers are in the low halves of the bytes, the others in the high halves, offset by 8.
        integer = next() % 16 - 8;
        bytes[start + 2 + i % 16] |= (integer + 8) << (i < 16 ? 0 : 4);
      }
      values[block * BLOCK + i] = integer * 2 ** -exponent;
    }
  }
  return { type, bytes, values };
}

/** batch x INPUTS integers, each block with a 127 in it, so that ggml's rounding of it to Q8_0 loses nothing. */
export function makeActivations(batch: number): Float32Array<ArrayBuffer> {
  const next = numbersFrom(batch);
  return Float32Array.from(
    { length: batch * INPUTS },
    (_, i) => i % BLOCK === 0 ? 127 : next() % 255 - 127,
  );
}

/** batch x OUTPUTS. */
export function multiply(
  weights: Float32Array,
  activations: Float32Array,
): Float32Array<ArrayBuffer> {
  const batch = activations.length / INPUTS;
  const product = new Float32Array(batch * OUTPUTS);
  for (let row = 0; row < batch; row++) {
    for (let output = 0; output < OUTPUTS; output++) {
      let sum = 0;
      for (let i = 0; i < INPUTS; i++) {
        sum += weights[output * INPUTS + i] * activations[row * INPUTS + i];
      }
      product[row * OUTPUTS + output] = sum;
    }
  }
  return product;
}
