/**
 * Damages files at random, in ways that get past the first check of a reader. The same seed gives the same damage.
 *
 * @module
 */

/** A generator of random numbers (xorshift32, seeded through a multiplicative hash). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) >>> 0) || 1;
  }

  /** An integer from 0 to `limit` - 1; 0 if there is none. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return Math.floor(this.#state / 2 ** 32 * limit);
  }

  /** One of the elements. */
  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)];
  }
}

/** A file to start from. */
export interface Specimen {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where integers of its header are, as far as that is known. */
  readonly integers: readonly { readonly offset: number; readonly numBytes: 4 | 8 }[];
}

type Damage = (bytes: Uint8Array<ArrayBuffer>, random: Random) => Uint8Array<ArrayBuffer>;

const MAX_DAMAGES = 3;

/** Integers at which something changes: sizes of blocks and alignments, and the borders of 32, 53 and 64 bits. */
const TELLING_INTEGERS: readonly bigint[] = [
  ...[
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    10,
    12,
    13,
    14,
    16,
    24,
    30,
    31,
    32,
    33,
    64,
    127,
    128,
    255,
    256,
    1024,
  ].map(BigInt),
  ...[15n, 16n, 20n, 31n, 32n, 40n, 52n, 53n, 62n, 63n, 64n].flatMap((
    bits,
  ) => [2n ** bits - 1n, 2n ** bits]),
];

/** A damaged copy of a GGUF file: integers of its header replaced, bytes and sections damaged. */
export function mutateGguf({ bytes, integers }: Specimen, random: Random): Uint8Array<ArrayBuffer> {
  let damaged = bytes.slice();
  if (integers.length > 0 && random.below(4) > 0) {
    const { offset, numBytes } = random.pick(integers);
    putInteger(damaged, offset, numBytes, integerNear(damaged, offset, random));
    if (random.below(2) === 0) return damaged;
  }
  for (let i = random.below(MAX_DAMAGES); i >= 0; i--) {
    damaged = random.pick(DAMAGES)(damaged, random);
  }
  return damaged;
}

/** A damaged copy of a safetensors file: mostly of the JSON in its header, with a length that fits it, or of any bytes. */
export function mutateSafetensors({ bytes }: Specimen, random: Random): Uint8Array<ArrayBuffer> {
  if (random.below(4) === 0) return random.pick(DAMAGES)(bytes.slice(), random);
  const numHeaderBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const data = bytes.slice(8 + numHeaderBytes);
  let json = new TextDecoder().decode(bytes.subarray(8, 8 + numHeaderBytes));
  for (let i = random.below(MAX_DAMAGES); i >= 0; i--) json = mutateJson(json, random);
  const header = new TextEncoder().encode(json);
  const length = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
  const damaged = joined(length, header, data);
  return random.below(8) === 0 ? random.pick(DAMAGES)(damaged, random) : damaged;
}

/** Damaged JSON: numbers, texts and members replaced, doubled or removed, and single characters. */
export function mutateJson(json: string, random: Random): string {
  switch (random.below(6)) {
    case 0:
      return replaceMatch(json, /-?\d+/g, random, () => random.pick(ODD_NUMBERS));
    case 1:
      return replaceMatch(
        json,
        /\d+/g,
        random,
        (digits) => String(BigInt(digits) + BigInt(random.below(17) - 8)),
      );
    case 2: {
      const texts = json.match(/"(?:[^"\\]|\\.)*"/g) ?? ['""'];
      return replaceMatch(
        json,
        /"(?:[^"\\]|\\.)*"/g,
        random,
        () => random.pick([...texts, ...ODD_TEXTS]),
      );
    }
    case 3:
      return replaceMatch(
        json,
        /"[^"]*":(?:\{[^{}]*\}|"[^"]*"|\[[^\]]*\])/g,
        random,
        (member) =>
          random.pick([`${member},${member}`, `"new":1,${member}`, `"new":{},${member}`, '"":0']),
      );
    case 4: {
      const at = random.below(json.length + 1);
      return json.slice(0, at) + random.pick(ODD_CHARACTERS) + json.slice(at + random.below(2));
    }
    default: {
      const [from, to] = twoBelow(json.length + 1, random);
      return random.below(2) === 0
        ? json.slice(0, from) + json.slice(to)
        : json.slice(0, to) + json.slice(from);
    }
  }
}

const ODD_NUMBERS = [
  ...TELLING_INTEGERS.map(String),
  ...'-1 -0 1.5 1.0 1e2 1e400 01 NaN null true {} [] [[1]] {"a":1} "4"'.split(" "),
];
const ODD_TEXTS = [
  '"__proto__"',
  '"__metadata__"',
  '"constructor"',
  '""',
  '"F31"',
  '"BOOL"',
  '"\\ud800"',
  '"\\u0000"',
  "7",
];
const ODD_CHARACTERS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  " ",
  "\0",
  "-",
  "9",
  "é",
  "\ufeff",
  "[".repeat(100),
];

const DAMAGES: readonly Damage[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  function spliceInteger(bytes, random) {
    const offset = random.below(bytes.length - 8);
    if (offset >= 0) putInteger(bytes, offset, random.pick([4, 8]), random.pick(TELLING_INTEGERS));
    return bytes;
  },
  function cutOff(bytes, random) {
    return bytes.slice(0, random.below(bytes.length));
  },
  function extend(bytes, random) {
    const tail = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    return joined(bytes, tail);
  },
  function repeatSection(bytes, random) {
    const [from, to] = twoBelow(bytes.length + 1, random);
    return joined(bytes.slice(0, to), bytes.slice(from));
  },
  function removeSection(bytes, random) {
    const [from, to] = twoBelow(bytes.length + 1, random);
    return joined(bytes.slice(0, from), bytes.slice(to));
  },
  function copySection(bytes, random) {
    const [from, to] = twoBelow(bytes.length + 1, random);
    bytes.copyWithin(random.below(bytes.length), from, Math.min(to, from + 64));
    return bytes;
  },
];

/** Replaces one match of `pattern`, chosen at random. */
function replaceMatch(
  text: string,
  pattern: RegExp,
  random: Random,
  replace: (match: string) => string,
): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const { index, 0: match } = random.pick(matches);
  return text.slice(0, index) + replace(match) + text.slice(index + match.length);
}

/** A telling integer, or one close to what is there. */
function integerNear(bytes: Uint8Array<ArrayBuffer>, offset: number, random: Random): bigint {
  if (random.below(2) === 0) return random.pick(TELLING_INTEGERS);
  return BigInt(bytes[offset]) + BigInt(random.below(17) - 8);
}

function putInteger(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  numBytes: 4 | 8,
  value: bigint,
): void {
  const view = new DataView(bytes.buffer);
  if (numBytes === 8) view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  else view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
}

/** Two different integers below `limit`, the smaller first, often close together. */
function twoBelow(limit: number, random: Random): [number, number] {
  const a = random.below(limit);
  const b = random.below(2) === 0
    ? random.below(limit)
    : Math.min(limit - 1, a + 1 + random.below(40));
  return [Math.min(a, b), Math.max(a, b)];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
