// Where there are kernels of training, and what happens where there are none.

import { assert, assertEquals } from "@std/assert";
import { openedLibrary } from "../../../src/ffi/library.ts";
import { Graph } from "../../../src/tensor/graph.ts";
import { stridedProduct } from "../../../src/tensor/training/strided_product.ts";
import { hasTrainingKernels } from "../../../src/tensor/training/has_training_kernels.ts";
import { sumOverRows } from "../../../src/tensor/training/sum_over_rows.ts";
import { assertRefused, backend } from "./run_kernels.ts";

Deno.test("hasTrainingKernels() says whether operations of training are refused", () => {
  assertEquals(hasTrainingKernels(backend), openedLibrary()!.gpt2_has_training_kernels());
  using graph = new Graph(backend);
  const x = graph.input([2, 3], "f32", "x");
  for (const record of [() => sumOverRows(x), () => stridedProduct(x, x, "f32")]) {
    if (hasTrainingKernels(backend)) assert(record());
    else assertRefused([["there is no kernel for it here", record]]);
  }
});
