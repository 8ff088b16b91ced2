import { assert, assertEquals } from "@std/assert";
import { engineOf } from "../../src/engine/engines.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { recorderOf } from "../../src/tensor/recorder.ts";
import { isRepacked, unpacked } from "../../src/tensor/unpacked.ts";

/** Of the largest element: a product sums zeros beside the one element, and rounds its factor. */
const TOLERANCE = 1e-4;

for (const type of ["f16", "q8_0", "q4_0", "q4_k_m"] as const) {
  Deno.test(`unpacked() gives the elements of ${type} weights, in whatever memory they lie`, async () => {
    const elementsWith = async (trainable: false | "adapters") => {
      using gpt2 = await GPT2.fromPretrained("demo", { type, trainable, device: "cpu" });
      const { backend, weights: { parameters } } = engineOf(gpt2)!.model;
      const { hiddenProjection: { weight } } = parameters.blocks[1];
      using graph = new Graph(backend);
      const other = graph.input([1], "f32", "other");
      const elements = graph.output(unpacked(weight, recorderOf(other)!));
      assertEquals(elements.shape, weight.shape);
      graph.allocate();
      graph.compute();
      return { elements: graph.readF32(elements), isRepacked: isRepacked(weight) };
    };
    const [plain, found] = [await elementsWith("adapters"), await elementsWith(false)];
    assertEquals(plain.isRepacked, false);
    const largest = plain.elements.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert(largest > 0);
    for (const [i, value] of plain.elements.entries()) {
      assert(
        Math.abs(found.elements[i] - value) <= TOLERANCE * largest,
        `${i}: ${found.elements[i]}`,
      );
    }
  });
}
