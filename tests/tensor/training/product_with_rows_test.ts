// Products of gradients with rows of weights of every type, beside products with the numbers that the weights stand for.

import { assertEquals } from "@std/assert";
import { dequantize, quantize, type WeightType } from "../../../src/checkpoint/quantize.ts";
import { rowBytes } from "../../../src/formats/tensor_type.ts";
import { Buffer } from "../../../src/tensor/buffer.ts";
import { repackedBufferTypes } from "../../../src/tensor/buffer_types.ts";
import { writeTensor } from "../../../src/tensor/data.ts";
import { Graph } from "../../../src/tensor/graph.ts";
import { hasTrainingKernels } from "../../../src/tensor/training/has_training_kernels.ts";
import { productWithRows } from "../../../src/tensor/training/product_with_rows.ts";
import { permute } from "../../../src/tensor/views.ts";
import { assertClose } from "../../close.ts";
import { assertRefused, backend, F32_ROUNDING, noise, testKernel, toBF16 } from "./run_kernels.ts";

/** In double precision: gradient (cols rows) times weight (rows inner). */
function product(gradient: ArrayLike<number>, weight: ArrayLike<number>, rows: number): number[] {
  const inner = weight.length / rows;
  return Array.from({ length: gradient.length / rows * inner }, (_, at) => {
    const c = Math.floor(at / inner), i = at % inner;
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += gradient[c * rows + r] * weight[r * inner + i];
    return sum;
  });
}

/** Plain numbers, and blocks of every size. */
const TYPES: readonly WeightType[] = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q5_1",
  "q5_0",
  "q4_1",
  "q4_0",
  "iq4_nl",
  "q6_k",
  "q5_k",
  "q4_k",
  "q3_k",
  "q2_k",
  "iq4_xs",
];

for (const dtype of TYPES) {
  Deno.test(`productWithRows() multiplies with rows of ${dtype}, or is refused`, async () => {
    const [cols, rows, inner] = [17, 37, 512 + 256];
    const bytes = new Uint8Array(rows * rowBytes(dtype, inner));
    await quantize(noise(rows * inner), dtype, inner, bytes);
    const weights = new Float32Array(rows * inner);
    await dequantize(bytes, dtype, weights);
    const gradient = noise(cols * rows);
    using buffer = new Buffer(backend, [{ shape: [rows, inner], dtype }]);
    const [weight] = buffer.tensors;
    writeTensor(weight, bytes);
    for (const precision of ["f32", "bf16"] as const) {
      const run = (threads: number, isTurned: boolean) => {
        using graph = new Graph(backend);
        const x = graph.input(isTurned ? [rows, cols] : [cols, rows], "f32", "gradient");
        const turned = isTurned ? permute(x, [1, 0]) : x;
        const y = graph.output(productWithRows(weight, turned, precision));
        graph.allocate();
        const numbers = isTurned
          ? gradient.map((_, i) => gradient[i % cols * rows + Math.floor(i / cols)])
          : gradient;
        graph.write(x, numbers);
        graph.compute(threads);
        return [...graph.readF32(y)];
      };
      if (!hasTrainingKernels(backend)) {
        return assertRefused([["no kernel", () => run(1, false)]]);
      }
      const round = precision === "bf16" ? toBF16 : (x: ArrayLike<number>) => x;
      const expected = product(round(gradient), round(weights), rows);
      const actual = run(1, false);
      assertClose(actual, expected, F32_ROUNDING * Math.sqrt(rows), precision);
      assertEquals(run(3, true), actual, "threads or strides change the result");
    }
  });
}

testKernel(
  "productWithRows() takes gradients with any number of axes, and rows of any width",
  () => {
    const [cols, rows, inner] = [6, 70, 65];
    const [gradient, weights] = [noise(cols * rows), noise(rows * inner)];
    using graph = new Graph(backend);
    const weight = graph.input([rows, inner], "f32", "weight");
    const x = graph.input([2, 3, rows], "f32", "gradient");
    const y = graph.output(productWithRows(weight, x, "f32"));
    assertEquals(y.shape, [2, 3, inner]);
    graph.allocate();
    graph.write(weight, weights);
    graph.write(x, gradient);
    graph.compute();
    assertClose(graph.readF32(y), product(gradient, weights, rows), F32_ROUNDING * Math.sqrt(rows));
  },
);

testKernel("productWithRows() refuses other shapes, types and memory", () => {
  using graph = new Graph(backend);
  const input = (shape: number[], dtype: "f32" | "f16" | "i32" = "f32") =>
    graph.input(shape, dtype, "x");
  const weight = input([4, 6]);
  const repacked = repackedBufferTypes(backend).map((type) =>
    new Buffer(backend, [{ shape: [32, 256], dtype: "q8_0" }], type)
  );
  assertRefused([
    ["shapes do not fit", () => productWithRows(weight, input([2, 6]), "f32")],
    ["shapes do not fit", () => productWithRows(input([1, 4, 6]), input([2, 4]), "f32")],
    ["shapes do not fit", () => productWithRows(weight, input([4]), "f32")],
    ["f32 is needed", () => productWithRows(weight, input([2, 4], "f16"), "f32")],
    ["quantized type", () => productWithRows(input([4, 6], "i32"), input([2, 4]), "f32")],
    ["not contiguous", () => productWithRows(permute(input([6, 4]), [1, 0]), input([2, 4]), "f32")],
    ["f32 or bf16", () => productWithRows(weight, input([2, 4]), undefined as never)],
    ...repacked.map(({ tensors: [x] }) =>
      ["plain memory", () => productWithRows(x, input([2, 32]), "f32")] as const
    ),
  ]);
  for (const buffer of repacked) buffer[Symbol.dispose]();
});
