import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  type FileType,
  fileTypeId,
  fileTypes,
  isFileType,
  storedType,
} from "../../src/checkpoint/file_types.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { parameterSpecs } from "../../src/model/parameters.ts";

/** The type of each weight whose name ends in `suffix`, in the order of the layers. */
function typesOf(type: FileType, config: GPT2Config, suffix: string, tied = true): string[] {
  return parameterSpecs(config, { tied })
    .filter(({ name }) => name.endsWith(suffix))
    .map((spec) => storedType(type, spec, config, { tied }));
}

function configOf(embeddingDim: number, numLayers: number, hiddenDim?: number): GPT2Config {
  return new GPT2Config({ vocabSize: 100, embeddingDim, numHeads: 4, numLayers, hiddenDim });
}

// All tables are what `llama-quantize --dry-run` prints for such models.

/** By type of the file: the types of the token embedding, of most matrices, and of qkv and MLP projections 0 to 3. */
type ExpectedTypes = Record<FileType, [embedding: string, matrices: string, sensitive: string]>;

/** Four layers, 256 dims: all rows are whole blocks of any type. */
const WIDE: ExpectedTypes = {
  f32: ["f32", "f32", "f32 f32 f32 f32"],
  f16: ["f16", "f16", "f16 f16 f16 f16"],
  bf16: ["bf16", "bf16", "bf16 bf16 bf16 bf16"],
  q8_0: ["q8_0", "q8_0", "q8_0 q8_0 q8_0 q8_0"],
  q6_k: ["q6_k", "q6_k", "q6_k q6_k q6_k q6_k"],
  q5_k_m: ["q6_k", "q5_k", "q5_k q5_k q6_k q6_k"],
  q5_1: ["q6_k", "q5_1", "q5_1 q5_1 q5_1 q5_1"],
  q5_0: ["q6_k", "q5_0", "q5_0 q5_0 q5_0 q5_0"],
  q4_k_m: ["q6_k", "q4_k", "q4_k q4_k q6_k q6_k"],
  q4_1: ["q6_k", "q4_1", "q4_1 q4_1 q4_1 q4_1"],
  q4_0: ["q6_k", "q4_0", "q4_0 q4_0 q4_0 q4_0"],
};

/** Four layers, 160 dims (1600, as XL has, is no multiple of 256 either), hidden layers of 416. */
const NARROW: ExpectedTypes = {
  ...WIDE,
  q6_k: ["q8_0", "q8_0", "q8_0 q8_0 q8_0 q8_0"],
  q5_k_m: ["q8_0", "q5_1", "q5_1 q5_1 q8_0 q8_0"],
  q5_1: ["q8_0", "q5_1", "q5_1 q5_1 q5_1 q5_1"],
  q5_0: ["q8_0", "q5_0", "q5_0 q5_0 q5_0 q5_0"],
  q4_k_m: ["q8_0", "q5_0", "q5_0 q5_0 q8_0 q8_0"],
  q4_1: ["q8_0", "q4_1", "q4_1 q4_1 q4_1 q4_1"],
  q4_0: ["q8_0", "q4_0", "q4_0 q4_0 q4_0 q4_0"],
};

for (
  const [table, config] of [[WIDE, configOf(256, 4)], [NARROW, configOf(160, 4, 416)]] as const
) {
  for (const type of fileTypes) {
    Deno.test(`storedType() chooses as llama-quantize does: ${type}, width ${config.embeddingDim}`, () => {
      const [embedding, matrices, sensitive] = table[type];
      assertEquals(typesOf(type, config, "tokenEmbedding"), [embedding]);
      for (const suffix of ["outputProjection.weight", "hiddenProjection.weight"]) {
        assertEquals(typesOf(type, config, suffix), Array(4).fill(matrices), suffix);
      }
      for (const suffix of ["qkvProjection.weight", "mlpProjection.weight"]) {
        assertEquals(typesOf(type, config, suffix).join(" "), sensitive, suffix);
      }
    });
  }
}

Deno.test("storedType() gives more bits to the first and last eighth of the layers, and each third between", () => {
  const expected: [numLayers: number, layers: number[]][] = [
    [1, [0]],
    [2, [1]],
    [8, [0, 3, 6, 7]],
    [12, [0, 3, 6, 9, 10, 11]],
    [24, [0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23]],
    [36, [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 31, 32, 33, 34, 35]],
  ];
  for (const [numLayers, layers] of expected) {
    const types = typesOf("q4_k_m", configOf(256, numLayers), "qkvProjection.weight");
    assertEquals(types.flatMap((type, layer) => type === "q6_k" ? [layer] : []), layers);
  }
});

Deno.test("storedType() decides for each width: a wide MLP keeps its blocks in a narrow model", () => {
  const types = typesOf("q4_k_m", configOf(160, 4, 512), "mlpProjection.weight");
  assertEquals(types, ["q4_k", "q4_k", "q6_k", "q6_k"]);
});

Deno.test("storedType() falls back to f16 where rows are no blocks at all", () => {
  const config = configOf(100, 2, 256);
  for (const type of ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"] as const) {
    for (const suffix of ["tokenEmbedding", "qkvProjection.weight", "hiddenProjection.weight"]) {
      assertEquals(new Set(typesOf(type, config, suffix)), new Set(["f16"]), suffix);
    }
  }
});

Deno.test("storedType() keeps vectors and the position embedding in f32", () => {
  const config = configOf(256, 2);
  for (const type of fileTypes) {
    for (const suffix of ["positionEmbedding", ".bias", "Norm.weight"]) {
      assertEquals(new Set(typesOf(type, config, suffix)), new Set(["f32"]), `${type} ${suffix}`);
    }
  }
});

Deno.test("storedType() gives the precise type to a vocabulary projection of its own, not to the embedding", () => {
  const config = configOf(256, 2);
  for (
    const [type, embedding, projection] of [["q4_0", "q4_0", "q6_k"], ["q8_0", "q8_0", "q8_0"]]
  ) {
    assertEquals(typesOf(type as FileType, config, "tokenEmbedding", false), [embedding]);
    assertEquals(typesOf(type as FileType, config, "vocabularyProjection", false), [projection]);
  }
});

Deno.test("the numbers of file types are those of llama.cpp", () => {
  const ids = {
    f32: 0,
    f16: 1,
    q4_0: 2,
    q4_1: 3,
    q8_0: 7,
    q5_0: 8,
    q5_1: 9,
    q4_k_m: 15,
    q5_k_m: 17,
  };
  for (const [type, id] of Object.entries({ ...ids, q6_k: 18, bf16: 32 })) {
    assert(isFileType(type));
    assertEquals(fileTypeId(type), id);
  }
  assertFalse(isFileType("q4_k"));
  assertFalse(isFileType("constructor"));
});
