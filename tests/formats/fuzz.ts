/**
 * Feeds damaged files to the readers of `src/formats`. A reader may accept a file, and then every span it gives must be
 * right, or refuse it with a FileFormatError; anything else is a defect.
 *
 * @module
 */

import { type ByteSource, MemorySource } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import { readSafetensorsHeader } from "../../src/formats/safetensors.ts";
import { assertFormatError } from "./error_cases.ts";
import { GgufBytes } from "./gguf_bytes.ts";
import { mutateGguf, mutateSafetensors, Random, type Specimen } from "./mutate.ts";
import { entry, safetensorsBytes } from "./safetensors_bytes.ts";

/** What happened to the mutants. */
export interface FuzzSummary {
  readonly numAccepted: number;
  readonly numRefused: number;
  /** How many different things were found wrong, names and numbers aside. */
  readonly numReasons: number;
  readonly slowestMs: number;
}

/** A format and its reader. */
export interface FuzzTarget {
  readonly specimens: readonly Specimen[];
  readonly mutate: (specimen: Specimen, random: Random) => Uint8Array<ArrayBuffer>;
  /** Reads the header, throws if what it accepts is wrong, and gives the spans of the tensors. */
  readonly read: (source: ByteSource) => Iterable<Span>;
}

/** The bytes of a tensor. */
export interface Span {
  readonly offset: number;
  readonly byteLength: number;
}

/** Beyond the file itself: looking twice at its first bytes, to see what it is instead. */
const MAX_EXTRA_BYTES_READ = 1024;

const FIXTURES = new URL("../fixtures/formats/", import.meta.url);

/** The reader of GGUF files. */
export const GGUF_TARGET: FuzzTarget = {
  specimens: [
    { bytes: Deno.readFileSync(new URL("python.gguf", FIXTURES)), integers: [] },
    smallGguf(),
  ],
  mutate: mutateGguf,
  read(source) {
    const { metadata, tensors } = readGgufHeader(source);
    let numElements = 0;
    for (const { value } of metadata.values()) {
      numElements += typeof value === "object" ? value.length : 1;
    }
    require(numElements <= source.size, "metadata has more elements than the file has bytes");
    return tensors.values();
  },
};

/** The reader of safetensors files. */
export const SAFETENSORS_TARGET: FuzzTarget = {
  specimens: [
    { bytes: Deno.readFileSync(new URL("python.safetensors", FIXTURES)), integers: [] },
    smallSafetensors(),
  ],
  mutate: mutateSafetensors,
  read(source) {
    const { tensors, dataOffset } = readSafetensorsHeader(source);
    const numBytes = tensors.values().reduce((sum, { byteLength }) => sum + byteLength, 0);
    require(dataOffset + numBytes === source.size, "the tensors do not fill the file");
    return tensors.values();
  },
};

/**
 * Reads `numMutants` mutants. Mutant `i` depends only on `seed + i`: to see it again, ask for one mutant with that seed.
 *
 * @throws {Error} at the first mutant that is neither accepted rightly nor refused well
 */
export function fuzz(
  { specimens, mutate, read }: FuzzTarget,
  numMutants: number,
  seed: number,
): FuzzSummary {
  const reasons = new Set<string>();
  let numRefused = 0;
  let slowestMs = 0;
  for (let i = 0; i < numMutants; i++) {
    const random = new Random(seed + i);
    const mutant = mutate(random.pick(specimens), random);
    const startMs = performance.now();
    try {
      requireSpans(mutant.length, read(new FrugalSource(mutant)));
    } catch (error) {
      numRefused++;
      try {
        assertFormatError(error);
      } catch (cause) {
        throw new Error(`Cannot fuzz on: a reader failed: received seed ${seed + i}`, {
          cause: error ?? cause,
        });
      }
      reasons.add(
        error.message.replace(/"(?:[^"\\]|\\.)*"|-?\d+/g, "_").replace(/: received [^]*/, ""),
      );
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
  return { numAccepted: numMutants - numRefused, numRefused, numReasons: reasons.size, slowestMs };
}

/** Bytes in memory that may be read about once. A reader that asks for more fails with an error of no known class. */
class FrugalSource extends MemorySource {
  #numBytesLeft: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super(bytes);
    this.#numBytesLeft = bytes.length + MAX_EXTRA_BYTES_READ;
  }

  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#numBytesLeft -= length;
    require(this.#numBytesLeft >= 0, "the reader reads the same bytes again and again");
    return super.read(offset, length);
  }
}

/** Requires that the spans lie within the file and share no byte. */
function requireSpans(numFileBytes: number, spans: Iterable<Span>): void {
  const owned = new Uint8Array(numFileBytes);
  for (const { offset, byteLength } of spans) {
    const end = offset + byteLength;
    require(offset >= 0 && byteLength >= 0 && end <= numFileBytes, "a span is not within the file");
    const span = owned.subarray(offset, end);
    require(span.length === byteLength && !span.includes(1), "two spans share a byte");
    span.fill(1);
  }
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Cannot accept a file: ${what}: received false`);
}

function smallGguf(): Specimen {
  const file = new GgufBytes().start(3, 5)
    .u32Entry("general.alignment", 32)
    .text("name").u32(8).text("tiny é")
    .text("flag").u32(7).u8(1)
    .text("texts").u32(9).u32(8).u64(3).text("a").text("").text("日本\0")
    .text("numbers").u32(9).u32(5).u64(2).u32(1).u32(2)
    .tensor("a", [4, 2], 0, 0).tensor("b", [32, 3], 2, 32).tensor("c", [2, 1, 3, 1], 1, 96).data(
      96 + 12,
    );
  return { bytes: file.bytes(), integers: file.integers };
}

function smallSafetensors(): Specimen {
  const entries = [
    '"__metadata__":{"format":"pt","other":"x"}',
    entry("a", "F32", "[2,3]", 0, 24),
    entry("b", "F16", "[]", 24, 26),
    entry("c", "U8", "[0,7]", 26, 26),
    entry("d", "I8", "[5]", 26, 31),
  ];
  return { bytes: safetensorsBytes(`{${entries.join(",")}}`, 31), integers: [] };
}
