import { assertEquals, assertThrows } from "@std/assert";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../../src/formats/float16.ts";

/** All 65,536 patterns of 16 bits. */
const ALL_16_BITS = Uint16Array.from({ length: 65_536 }, (_, i) => i);

/** Every 4,099th pattern of 32 bits, about a million: a prime, so that all bits vary. */
const MANY_32_BITS = new Float32Array(
  Uint32Array.from({ length: Math.floor(2 ** 32 / 4099) }, (_, i) => i * 4099).buffer,
);

/** A 16-bit format in the words of IEEE 754, to compare with: no shortcut shared with the code under test. */
interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
}

const F16: Format = { exponentBits: 5, mantissaBits: 10 };
const BF16: Format = { exponentBits: 8, mantissaBits: 7 };

/** The number that 16 bits stand for. */
function decode(bits: number, { exponentBits, mantissaBits }: Format): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = bits & (2 ** mantissaBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

/** The 16 bits nearest to a number, ties to even; NaN for NaN. */
function encode(value: number, format: Format): number {
  if (Number.isNaN(value)) return NaN;
  const { exponentBits, mantissaBits } = format;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const infinity = (2 ** exponentBits - 1) * 2 ** mantissaBits;
  if (magnitude === Infinity) return sign + infinity;
  // The place value of the last bit; below the normal numbers it stays the same.
  const exponent = Math.max(
    magnitude === 0 ? -Infinity : Math.floor(Math.log2(magnitude)),
    1 - bias,
  );
  const steps = magnitude / 2 ** (exponent - mantissaBits);
  const down = Math.floor(steps);
  const up = steps - down > 0.5 || (steps - down === 0.5 && down % 2 === 1);
  // Counted in steps, a carry into the exponent is just the next number.
  const bits = (exponent + bias - 1) * 2 ** mantissaBits + down + (up ? 1 : 0);
  return sign + Math.min(bits, infinity);
}

/** Ties between neighbours of a format, and the numbers just beside them. */
function ties(format: Format): Float32Array {
  const numbers: number[] = [];
  for (let bits = 0; bits < 0x7fff; bits++) {
    const tie = (decode(bits, format) + decode(bits + 1, format)) / 2;
    if (!Number.isFinite(tie)) continue;
    numbers.push(tie, tie * (1 + 2 ** -20), tie * (1 - 2 ** -20), -tie);
  }
  return new Float32Array(numbers);
}

function assertSameNumbers(actual: Float32Array, format: Format): void {
  for (const bits of ALL_16_BITS) {
    const expected = decode(bits, format);
    if (!Object.is(actual[bits], expected)) assertEquals(actual[bits], expected, `bits ${bits}`);
  }
}

function assertSameBits(source: Float32Array, actual: Uint16Array, format: Format): void {
  for (let i = 0; i < source.length; i++) {
    const expected = encode(source[i], format);
    const isSame = Number.isNaN(expected)
      ? Number.isNaN(decode(actual[i], format))
      : actual[i] === expected;
    if (!isSame) assertEquals(actual[i], expected, `from ${source[i]}`);
  }
}

function float16Bits(source: Float32Array): Uint16Array {
  return new Uint16Array(float32ToFloat16(source).buffer);
}

Deno.test("float16ToFloat32() is exact for every pattern of bits", () => {
  assertSameNumbers(float16ToFloat32(new Float16Array(ALL_16_BITS.buffer)), F16);
});

Deno.test("bfloat16ToFloat32() is exact for every pattern of bits", () => {
  assertSameNumbers(bfloat16ToFloat32(ALL_16_BITS), BF16);
});

Deno.test("float32ToFloat16() rounds to nearest, ties to even", () => {
  for (const source of [MANY_32_BITS, ties(F16)]) assertSameBits(source, float16Bits(source), F16);
});

Deno.test("float32ToBfloat16() rounds to nearest, ties to even", () => {
  for (const source of [MANY_32_BITS, ties(BF16)]) {
    assertSameBits(source, float32ToBfloat16(source), BF16);
  }
});

Deno.test("narrowing keeps infinities, signs of zero, and every NaN", () => {
  const nan = new Float32Array(
    new Uint32Array([0x7f800001, 0xff80ffff, 0x7fc00000, 0xffffffff]).buffer,
  );
  const source = new Float32Array([Infinity, -Infinity, -0, 65519, 65520, 3.4e38]);
  assertEquals([...float16Bits(source)], [0x7c00, 0xfc00, 0x8000, 0x7bff, 0x7c00, 0x7c00]);
  assertEquals([...float32ToBfloat16(source)], [0x7f80, 0xff80, 0x8000, 0x4780, 0x4780, 0x7f80]);
  assertEquals([...float32ToFloat16(nan)], [NaN, NaN, NaN, NaN]);
  assertEquals([...bfloat16ToFloat32(float32ToBfloat16(nan))], [NaN, NaN, NaN, NaN]);
});

Deno.test("conversions fill the target they are given, and refuse one of another length", () => {
  const source = new Float32Array([1, 2, 3]);
  const target = new Uint16Array(4).subarray(1);
  assertEquals(float32ToBfloat16(source, target) === target, true);
  assertEquals([...bfloat16ToFloat32(target, new Float32Array(5).subarray(2))], [1, 2, 3]);
  assertEquals([...float16ToFloat32(float32ToFloat16(source))], [1, 2, 3]);
  assertThrows(
    () => float32ToBfloat16(source, new Uint16Array(2)),
    RangeError,
    "3 elements: received 2",
  );
  assertThrows(
    () => float32ToFloat16(source, new Float16Array(4)),
    RangeError,
    "3 elements: received 4",
  );
  assertThrows(
    () => float16ToFloat32(new Float16Array(1), source),
    RangeError,
    "1 elements: received 3",
  );
  assertThrows(
    () => bfloat16ToFloat32(target, new Float32Array(0)),
    RangeError,
    "3 elements: received 0",
  );
});

Deno.test("the comparisons above notice a single wrong bit", () => {
  const source = new Float32Array([1, 1.5, 2]);
  const bits = float16Bits(source);
  bits[1] ^= 1;
  assertThrows(() => assertSameBits(source, bits, F16), Error, "from 1.5");
  const numbers = bfloat16ToFloat32(ALL_16_BITS);
  numbers[0x3f80] = 1.5;
  assertThrows(() => assertSameNumbers(numbers, BF16), Error, `bits ${0x3f80}`);
});
