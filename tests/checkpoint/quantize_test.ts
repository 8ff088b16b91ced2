import { assertEquals } from "@std/assert";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { type FileType, fileTypes } from "../../src/checkpoint/file_types.ts";
import {
  dequantize,
  findNonFinite,
  quantize,
  type WeightType,
  weightTypes,
} from "../../src/checkpoint/quantize.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { rowBytes, tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { assertClose } from "../close.ts";
import { TemporaryFolder } from "./folders.ts";
import { goldenModels, goldenWeights, writeGoldenModel } from "./golden_model.ts";
import { digestsOf, type TensorDigests } from "./tensor_digests.ts";

await openLibrary();

/** What `scripts/compare_llama_cpp.ts` wrote: for each model and type, the tensors that are not F32. */
const golden: Record<string, Record<FileType, TensorDigests>> = JSON.parse(
  Deno.readTextFileSync(
    new URL("../fixtures/checkpoint/llama_quantize.json", import.meta.url),
  ),
);

for (const [name, model] of Object.entries(goldenModels)) {
  Deno.test({
    name: `convertCheckpoint() writes the tensors of llama-quantize: model ${name}, all types`,
    // ggml's search for the best scales may round otherwise where the compiler fuses products and sums.
    ignore: Deno.build.arch !== "x86_64",
    fn: async () => {
      using folder = new TemporaryFolder();
      const [source, target] = [folder.file("f32.gguf"), folder.file("target.gguf")];
      await writeGoldenModel(source, model);
      const unchanged = await digestsOf(source);
      for (const type of fileTypes) {
        await convertCheckpoint(source, target, { type, overwrite: true });
        assertEquals(await digestsOf(target), { ...unchanged, ...golden[name][type] }, type);
      }
    },
  });
}

Deno.test("the golden digests cover every type that can be written", () => {
  const types = new Set<string>(["f32"]);
  for (const files of Object.values(golden)) {
    for (const digests of Object.values(files)) {
      for (const digest of Object.values(digests)) types.add(digest.split(" ")[0]);
    }
  }
  const onlyRead = weightTypes.filter((type) => !madeTypes.some((made) => made === type));
  assertEquals([...types, "q2_k", "q3_k", ...onlyRead].sort(), weightTypes.toSorted());
  assertEquals(onlyRead.length, 15);
});

const WIDTH = 512;
const ROWS = 300; // More than one part for each of two processors.

/** The largest error of each type, relative to the largest value of a block: half of its coarsest step, and a bit. */
const RELATIVE_ERRORS = {
  f32: 0,
  f16: 2 ** -11,
  bf16: 2 ** -8,
  q8_0: 0.005,
  q6_k: 0.04,
  q5_k: 0.04,
  q5_1: 0.04,
  q5_0: 0.07,
  q4_k: 0.08,
  q4_1: 0.08,
  q4_0: 0.13,
  q3_k: 0.25,
  q2_k: 0.35,
};

/** The types that are made here. Others are only read: see foreign_types_test.ts. */
const madeTypes = Object.keys(RELATIVE_ERRORS) as (keyof typeof RELATIVE_ERRORS)[];

for (const type of madeTypes) {
  Deno.test(`quantize() and dequantize() keep values as well as ${type} can`, async () => {
    const values = goldenWeights("test", ROWS * WIDTH);
    const rows = new Uint8Array(ROWS * rowBytes(type, WIDTH));
    await quantize(values, type, WIDTH, rows);
    const back = new Float32Array(values.length);
    await dequantize(rows, type, back);
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    assertClose(back, values, RELATIVE_ERRORS[type] * largest);
    // Rows do not depend on each other, nor on which processor converts them.
    const one = new Uint8Array(rowBytes(type, WIDTH));
    await quantize(values.slice(123 * WIDTH, 124 * WIDTH), type, WIDTH, one);
    assertEquals(rows.slice(123 * one.length, 124 * one.length), one);
  });

  Deno.test(`findNonFinite() finds the first bad element or block of ${type}`, async () => {
    const { blockSize, blockBytes } = tensorTypeInfo(type);
    const values = goldenWeights("test", ROWS * WIDTH);
    const rows = new Uint8Array(ROWS * rowBytes(type, WIDTH));
    await quantize(values, type, WIDTH, rows);
    assertEquals(await findNonFinite(rows, type), undefined);
    const numBlocks = rows.length / blockBytes;
    for (const block of [numBlocks - 1, Math.floor(numBlocks / 2), 17, 0]) {
      // All bits of a number set: NaN in each type.
      rows.fill(0xff, block * blockBytes, (block + 1) * blockBytes);
      assertEquals(await findNonFinite(rows, type), block * blockSize);
    }
  });
}

Deno.test("findNonFinite() tells infinities and NaN from the largest finite values", async () => {
  const cases: [type: "f32" | "f16" | "bf16", bits: number, isFinite: boolean][] = [
    ["f32", 0x7f7fffff, true],
    ["f32", 0xff7fffff, true],
    ["f32", 0x7f800000, false],
    ["f32", 0xff800000, false],
    ["f32", 0x7f800001, false],
    ["f16", 0x7bff, true],
    ["f16", 0xfbff, true],
    ["f16", 0x7c00, false],
    ["f16", 0xfc01, false],
    ["bf16", 0x7f7f, true],
    ["bf16", 0xff80, false],
    ["bf16", 0x7fc0, false],
  ];
  for (const [type, bits, isFinite] of cases) {
    const numbers = type === "f32" ? new Uint32Array(100) : new Uint16Array(100);
    numbers[40] = bits;
    const index = await findNonFinite(new Uint8Array(numbers.buffer), type);
    assertEquals(index, isFinite ? undefined : 40, `${type} ${bits.toString(16)}`);
  }
});

Deno.test("findNonFinite() looks at both scales of a block", async () => {
  const firstScales = { q4_1: 0, q5_1: 0, q4_k: 0, q5_k: 0, q2_k: 80 };
  for (const [type, firstScale] of Object.entries(firstScales) as [WeightType, number][]) {
    const { blockSize, blockBytes } = tensorTypeInfo(type);
    for (const scale of [0, 1]) {
      const blocks = new Uint8Array(3 * blockBytes);
      new DataView(blocks.buffer).setUint16(blockBytes + firstScale + 2 * scale, 0x7c00, true);
      assertEquals(await findNonFinite(blocks, type), blockSize, `${type}, scale ${scale}`);
    }
  }
});
