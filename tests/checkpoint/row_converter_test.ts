import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { convertedSlabs, readConverted } from "../../src/checkpoint/row_converter.ts";
import { quantize, type WeightType } from "../../src/checkpoint/quantize.ts";
import type { StoredWeight, WeightSource } from "../../src/checkpoint/weight_source.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { FileFormatError, InvalidArgumentError } from "../../src/base/errors.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { rowBytes } from "../../src/formats/tensor_type.ts";
import { goldenWeights } from "./golden_model.ts";

await openLibrary();

/** Together more than two slabs, the last of which is not full. */
const ROWS = 4500;
const WIDTH = 512;

const values = goldenWeights("rows", ROWS * WIDTH);

/** A source that notes how many bytes are read at once. */
interface WatchedSource extends WeightSource {
  largestRead: number;
}

/** A source of one weight with the values above, in the given type. */
async function sourceOf(dtype: WeightType): Promise<WatchedSource> {
  const bytes = new Uint8Array(ROWS * rowBytes(dtype, WIDTH));
  await quantize(values, dtype, WIDTH, bytes);
  const weight: StoredWeight = {
    spec: {
      name: "tokenEmbedding",
      part: "tokenEmbedding",
      shape: [ROWS, WIDTH],
      kind: "embedding",
    },
    storedName: "wte",
    dtype,
    isTransposed: false,
  };
  const source: WatchedSource = {
    config: new GPT2Config({ embeddingDim: WIDTH, numHeads: 4, numLayers: 1 }),
    tied: true,
    weights: new Map([["tokenEmbedding", weight]]),
    largestRead: 0,
    readRows(_name, firstRow, target) {
      source.largestRead = Math.max(source.largestRead, target.length);
      const start = firstRow * rowBytes(dtype, WIDTH);
      target.set(bytes.subarray(start, start + target.length));
    },
  };
  return source;
}

/** The same source, but for one value, in F32. */
async function sourceWith(value: number, place: number): Promise<WeightSource> {
  const source = await sourceOf("f32");
  return {
    ...source,
    readRows(name, firstRow, target) {
      source.readRows(name, firstRow, target);
      const at = 4 * (place - firstRow * WIDTH);
      if (at >= 0 && at < target.length) {
        new DataView(target.buffer, target.byteOffset).setFloat32(at, value, true);
      }
    },
  };
}

for (const type of ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "q6_k", "q5_k", "q4_k"] as const) {
  Deno.test(`a value that is too large for ${type} is refused, however large it is`, async () => {
    const target = new Uint8Array(ROWS * rowBytes(type, WIDTH));
    for (const value of [1e10, -9e12, 1e18, -3e19, 1e25, 3e38]) {
      for (const place of [0, 300, ROWS * WIDTH - 1]) {
        const source = await sourceWith(value, place);
        const error = await assertRejects(
          () => readConverted(source, "tokenEmbedding", type, target),
          InvalidArgumentError,
          "a value is too large",
        );
        assertStringIncludes(error.message, `received ${Math.fround(value)}`);
      }
    }
  });
}

async function allAtOnce(to: WeightType): Promise<Uint8Array> {
  const bytes = new Uint8Array(ROWS * rowBytes(to, WIDTH));
  await quantize(values, to, WIDTH, bytes);
  return bytes;
}

// The values are exact in half precision, so that all of these give what F32 gives.
const conversions: [from: WeightType, to: WeightType][] = [
  ["f32", "f32"],
  ["f32", "q8_0"],
  ["f16", "f16"],
  ["f16", "f32"],
  ["f16", "q4_0"],
  ["f16", "bf16"],
];

for (const [from, to] of conversions) {
  Deno.test(`convertedSlabs() and readConverted() give ${from} as ${to}, slab by slab`, async () => {
    const source = await sourceOf(from);
    const expected = await allAtOnce(to);
    const slabs: Uint8Array[] = [];
    for await (const slab of convertedSlabs(source, "tokenEmbedding", to)) {
      slabs.push(slab.slice()); // The next one takes its place.
    }
    assertEquals(slabs.length, 3);
    const joined = new Uint8Array(expected.length);
    let end = 0;
    for (const slab of slabs) {
      joined.set(slab, end);
      end += slab.length;
    }
    assertEquals(end, expected.length);
    assertEquals(joined, expected);
    assert(source.largestRead < ROWS * rowBytes(from, WIDTH) / 2, "it read more than a slab");
    const whole = new Uint8Array(expected.length);
    await readConverted(source, "tokenEmbedding", to, whole);
    assertEquals(whole, expected);
  });
}

Deno.test("convertedSlabs() counts rows from the first slab on when it says where a NaN is", async () => {
  const source = await sourceOf("f32");
  const { readRows } = source;
  source.readRows = (name, firstRow, target) => {
    readRows(name, firstRow, target);
    const row = 4321 - firstRow;
    if (row < 0 || row >= target.length / (4 * WIDTH)) return;
    new Float32Array(target.buffer, target.byteOffset)[row * WIDTH + 17] = NaN;
  };
  const error = await assertRejects(
    () => Array.fromAsync(convertedSlabs(source, "tokenEmbedding", "f16")),
    FileFormatError,
  );
  assertStringIncludes(error.message, '"wte"');
  assertStringIncludes(error.message, "at [4321, 17]: received NaN");
});

Deno.test("convertedSlabs() and readConverted() stop between two slabs", async () => {
  const source = await sourceOf("f32");
  const controller = new AbortController();
  let numSlabs = 0;
  const error = await assertRejects(async () => {
    for await (const _ of convertedSlabs(source, "tokenEmbedding", "q8_0", controller.signal)) {
      numSlabs++;
      controller.abort();
    }
  }, DOMException);
  assertEquals(error.name, "AbortError");
  assertEquals(numSlabs, 1);
  const target = new Uint8Array(ROWS * rowBytes("q8_0", WIDTH));
  await assertRejects(
    () => readConverted(source, "tokenEmbedding", "q8_0", target, controller.signal),
    DOMException,
  );
});
