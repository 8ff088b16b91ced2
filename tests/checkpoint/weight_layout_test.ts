import { assertEquals } from "@std/assert";
import {
  ggufName,
  huggingFaceName,
  isTransposedInHuggingFace,
  normalizeHuggingFaceName,
  transposeRows,
} from "../../src/checkpoint/weight_layout.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { parameterSpecs } from "../../src/model/parameters.ts";
import { plainFolder, readTensors } from "./folders.ts";

const specs = parameterSpecs(
  new GPT2Config({ embeddingDim: 8, numHeads: 2, numLayers: 12, vocabSize: 9 }),
  { tied: false },
);

Deno.test("every weight has one name in GGUF files", () => {
  const names = specs.map(ggufName);
  assertEquals(new Set(names).size, specs.length);
  assertEquals(names.slice(0, 14), [
    "token_embd.weight",
    "position_embd.weight",
    "blk.0.attn_norm.weight",
    "blk.0.attn_norm.bias",
    "blk.0.attn_qkv.weight",
    "blk.0.attn_qkv.bias",
    "blk.0.attn_output.weight",
    "blk.0.attn_output.bias",
    "blk.0.ffn_norm.weight",
    "blk.0.ffn_norm.bias",
    "blk.0.ffn_up.weight",
    "blk.0.ffn_up.bias",
    "blk.0.ffn_down.weight",
    "blk.0.ffn_down.bias",
  ]);
  assertEquals(names.slice(-4), [
    "blk.11.ffn_down.bias",
    "output_norm.weight",
    "output_norm.bias",
    "output.weight",
  ]);
});

Deno.test("every weight has one name in Hugging Face's checkpoints, the one that transformers writes", () => {
  const names = specs.map(huggingFaceName);
  assertEquals(new Set(names).size, specs.length);
  for (const name of names) assertEquals(normalizeHuggingFaceName(name), name);
  const small = new GPT2Config({ embeddingDim: 32, numHeads: 4, numLayers: 2 });
  assertEquals(
    parameterSpecs(small).map(huggingFaceName).sort(),
    [...readTensors(`${plainFolder}/model.safetensors`).keys()].sort(),
  );
});

Deno.test("normalizeHuggingFaceName() accepts names without prefix, and leaves out causal masks", () => {
  const cases: [name: string, normal: string | undefined][] = [
    ["wte.weight", "transformer.wte.weight"],
    ["h.0.attn.c_attn.bias", "transformer.h.0.attn.c_attn.bias"],
    ["lm_head.weight", "lm_head.weight"],
    ["h.0.attn.bias", undefined],
    ["transformer.h.11.attn.bias", undefined],
    ["transformer.h.11.attn.masked_bias", undefined],
  ];
  for (const [name, normal] of cases) assertEquals(normalizeHuggingFaceName(name), normal);
});

Deno.test("the matrices inside of blocks are transposed in Hugging Face's checkpoints", () => {
  const transposed = specs.filter(isTransposedInHuggingFace).map(({ name }) => name);
  assertEquals(transposed.length, 4 * 12);
  assertEquals(transposed.slice(0, 4), [
    "blocks.0.qkvProjection.weight",
    "blocks.0.outputProjection.weight",
    "blocks.0.hiddenProjection.weight",
    "blocks.0.mlpProjection.weight",
  ]);
});

/** A matrix whose element (row, column) is `1000 * row + column`, and its transpose. */
function matrixAndTranspose(rows: number, columns: number): [number[], number[]] {
  const size = { length: rows * columns };
  return [
    Array.from(size, (_, i) => 1000 * Math.floor(i / columns) + i % columns),
    Array.from(size, (_, i) => 1000 * (i % rows) + Math.floor(i / rows)),
  ];
}

for (const Elements of [Uint16Array, Uint32Array]) {
  for (const [rows, columns] of [[1, 1], [1, 7], [7, 1], [16, 16], [17, 33], [48, 5]]) {
    Deno.test(`transposeRows() transposes ${rows} x ${columns} in a ${Elements.name}`, () => {
      const [matrix, expected] = matrixAndTranspose(rows, columns);
      const whole = new Elements(rows * columns);
      transposeRows(new Elements(matrix), columns, 0, whole);
      assertEquals([...whole], expected);
      const first = Math.floor(columns / 3);
      const part = new Elements((columns - first) * rows);
      transposeRows(new Elements(matrix), columns, first, part);
      assertEquals([...part], expected.slice(first * rows));
    });
  }
}
