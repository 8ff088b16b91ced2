import { assert, assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { einsum } from "../../src/einops/einops.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { writeTensor } from "../../src/tensor/data.ts";
import { Graph } from "../../src/tensor/graph.ts";
import {
  disableTrainingKernels,
  hasTrainingKernels,
} from "../../src/tensor/training/has_training_kernels.ts";
import { assertClose } from "../close.ts";

/** The same sums in another order. */
const TOLERANCE = 1e-5;
const PATTERN = "batch seq rank, out rank -> batch seq out";
const NUM_ROWS = 192;

const backend = Backend.cpu({ threads: 2 });
const random = new Random(1);
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());

for (const rank of [1, 3, 8, 16, 31]) {
  Deno.test(`einsum() with a matrix whose rows are ${rank} long gives what ggml gives`, () => {
    using buffer = new Buffer(backend, [{ shape: [NUM_ROWS, rank], dtype: "f32" }]);
    const [weight] = buffer.tensors;
    writeTensor(weight, normals(NUM_ROWS * rank));
    const seq = 7;
    const x = normals(seq * rank);
    const product = (values: Float32Array<ArrayBuffer>) => {
      using graph = new Graph(backend);
      const input = graph.input([1, values.length / rank, rank], "f32", "x");
      const y = graph.output(einsum(input, weight, PATTERN));
      graph.allocate();
      graph.write(input, values);
      graph.compute();
      return graph.readF32(y);
    };
    const together = product(x);
    const composed = (() => {
      using _disabled = disableTrainingKernels();
      return product(x);
    })();
    assertClose(together, composed, TOLERANCE, "products");
    assert(together.some((value) => Math.abs(value) > 0.1));
    if (!hasTrainingKernels(backend)) return;
    // A column has the same bits alone as among others.
    for (let i = 0; i < seq; i++) {
      const alone = product(x.slice(i * rank, (i + 1) * rank));
      assertEquals(alone, together.slice(i * NUM_ROWS, (i + 1) * NUM_ROWS), `column ${i}`);
    }
  });
}
