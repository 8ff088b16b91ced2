/**
 * Numbers of JSON in a range, exactly.
 *
 * @module
 */
import { codePoints } from "../grammar/code_points.ts";
import {
  characters,
  choice,
  EMPTY,
  type Expression,
  NOTHING,
  optional,
  repeat,
  sequence,
  text,
} from "../grammar/expression.ts";

/** A double tells all decimal numbers of so many digits apart, and keeps their order. */
export const MAX_DIGITS = 15;

/** So many digits are before the point where there is no bound on one side. */
const DEFAULT_INTEGER_DIGITS = 9;

/** What a number may be. */
export interface NumberRange {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Whole numbers of up to 15 digits in a range. Undefined if a bound has more. */
export function integersIn(range: NumberRange): Expression | undefined {
  return numbersWith(0, withoutFarBounds(range));
}

/**
 * Decimal numbers. Without bounds they have up to 15 digits on either side of the point, and may have an exponent of two;
 * with one, up to 15 digits in all and no exponent. Undefined if a bound has more.
 */
export function decimalsIn(bounded: NumberRange): Expression | undefined {
  const isGiven = (bound: number | undefined) => bound !== undefined;
  // With a far bound there is no exponent either: no number of 15 digits reaches it, but 1e99 may.
  if (!Object.values(bounded).some(isGiven)) return ANY_DECIMAL;
  const range = withoutFarBounds(bounded);
  const bounds = Object.values(range).filter(isGiven);
  const isOpen = (range.minimum ?? range.exclusiveMinimum) === undefined ||
    (range.maximum ?? range.exclusiveMaximum) === undefined;
  const numIntegerDigits = Math.max(
    isOpen ? DEFAULT_INTEGER_DIGITS : 1,
    ...bounds.map((bound) => Math.trunc(Math.abs(bound)).toString().length),
  );
  if (numIntegerDigits > MAX_DIGITS) return undefined;
  return numbersWith(MAX_DIGITS - numIntegerDigits, range);
}

/** Bounds that no number of 15 digits reaches do not matter. */
function withoutFarBounds(range: NumberRange): NumberRange {
  const isFar = ([name, bound]: [string, number | undefined]) =>
    bound !== undefined && (/max/i.test(name) ? bound : -bound) >= 10 ** MAX_DIGITS;
  return Object.fromEntries(Object.entries(range).filter((entry) => !isFar(entry)));
}

/** The numbers that are whole if multiplied by 10^scale, and have up to 15 digits then. */
function numbersWith(scale: number, range: NumberRange): Expression | undefined {
  const max = 10n ** BigInt(MAX_DIGITS) - 1n;
  let [low, high] = [-max, max];
  for (const [name, bound] of Object.entries(range)) {
    if (bound === undefined) continue;
    const scaled = scaledFloor(bound, scale);
    // A bound between two whole numbers is one like any other; one between two decimals would lose its last digits.
    if (scaled === undefined || (scale > 0 && !scaled.isExact)) return undefined;
    const { floor, isExact } = scaled;
    if (floor > max || floor < -max) return undefined;
    if (name === "minimum") low = largest(low, isExact ? floor : floor + 1n);
    if (name === "exclusiveMinimum") low = largest(low, floor + 1n);
    if (name === "maximum") high = smallest(high, floor);
    if (name === "exclusiveMaximum") high = smallest(high, isExact ? floor - 1n : floor);
  }
  const options: Expression[] = [];
  if (high >= 0n && low <= high) options.push(magnitudes(largest(low, 0n), high, scale));
  // There is no -0.
  if (low < 0n && low <= high) {
    options.push(sequence(text("-"), magnitudes(largest(-high, 1n), -low, scale)));
  }
  return choice(options);
}

/** A number times 10^scale, rounded down, and whether it was whole. Undefined if it has more than 15 digits. */
function scaledFloor(
  value: number,
  scale: number,
): { floor: bigint; isExact: boolean } | undefined {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/
    .exec(String(value))!;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { floor: 0n, isExact: true };
  const shift = Number(exponent) - fraction.length + scale;
  if (String(digits).length > MAX_DIGITS || shift > MAX_DIGITS) return undefined;
  const numerator = sign === "-" ? -digits : digits;
  if (shift >= 0) return { floor: numerator * 10n ** BigInt(shift), isExact: true };
  const divisor = 10n ** BigInt(-shift);
  const quotient = numerator / divisor;
  const isExact = quotient * divisor === numerator;
  return { floor: isExact || numerator > 0n ? quotient : quotient - 1n, isExact };
}

/** The numbers between two multiples of 10^-scale, both included, neither negative. */
function magnitudes(low: bigint, high: bigint, scale: number): Expression {
  if (low > high) return NOTHING;
  const unit = 10n ** BigInt(scale);
  const fractionOf = (value: bigint) =>
    scale === 0 ? "" : String(value % unit).padStart(scale, "0");
  const [first, last] = [low / unit, high / unit];
  const [none, all] = ["0".repeat(scale), "9".repeat(scale)];
  if (first === last) {
    return sequence(text(String(first)), fractions(fractionOf(low), fractionOf(high)));
  }
  return choice([
    sequence(text(String(first)), fractions(fractionOf(low), all)),
    sequence(wholes(first + 1n, last - 1n), fractions(none, all)),
    sequence(text(String(last)), fractions(none, fractionOf(high))),
  ]);
}

/** The whole numbers between two, both included, neither negative. */
function wholes(low: bigint, high: bigint): Expression {
  const options: Expression[] = [];
  for (let length = 1; length <= String(high).length; length++) {
    const first = largest(low, length === 1 ? 0n : 10n ** BigInt(length - 1));
    const last = smallest(high, 10n ** BigInt(length) - 1n);
    if (first <= last) options.push(digitsBetween(String(first), String(last), false));
  }
  return choice(options);
}

/** The point and the digits behind it, or nothing, for fractions between two of as many digits. */
function fractions(low: string, high: string): Expression {
  if (low === "") return EMPTY;
  const digits = sequence(text("."), digitsBetween(low, high, true, 1));
  return isAll(low, "0") ? optional(digits) : digits;
}

/**
 * The rows of digits between two of equal length.
 *
 * @param mayEnd whether zeros at the end may be left out
 * @param minDigits how many there are at least then
 */
function digitsBetween(low: string, high: string, mayEnd: boolean, minDigits = 0): Expression {
  const { length } = low;
  if (isAll(low, "0") && isAll(high, "9")) {
    return repeat(digit(0, 9), mayEnd ? minDigits : length, length);
  }
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const [none, all] = ["0".repeat(length - 1), "9".repeat(length - 1)];
  const options: Expression[] = [];
  if (mayEnd && minDigits === 0 && isAll(low, "0")) options.push(EMPTY);
  if (first === last) {
    options.push(sequence(digit(first, first), digitsBetween(lowRest, highRest, mayEnd)));
  } else {
    options.push(sequence(digit(first, first), digitsBetween(lowRest, all, mayEnd)));
    if (first + 1 < last) {
      options.push(sequence(digit(first + 1, last - 1), digitsBetween(none, all, mayEnd)));
    }
    options.push(sequence(digit(last, last), digitsBetween(none, highRest, mayEnd)));
  }
  return choice(options);
}

function digit(first: number, last: number): Expression {
  return characters(codePoints([[0x30 + first, 0x30 + last]]));
}

function isAll(digits: string, which: string): boolean {
  return digits === which.repeat(digits.length);
}

function largest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smallest(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

const ANY_DECIMAL = sequence(
  optional(text("-")),
  choice([
    text("0"),
    sequence(digit(1, 9), repeat(digit(0, 9), 0, MAX_DIGITS - 1)),
  ]),
  optional(sequence(text("."), repeat(digit(0, 9), 1, MAX_DIGITS))),
  optional(
    sequence(
      characters(codePoints([[0x45, 0x45], [0x65, 0x65]])),
      optional(characters(codePoints([[0x2b, 0x2b], [0x2d, 0x2d]]))),
      repeat(digit(0, 9), 1, 2),
    ),
  ),
);
