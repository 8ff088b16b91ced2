import { assert, assertEquals } from "@std/assert";
import { spreadBatches } from "../../../src/cli/train/open_training.ts";

Deno.test("spreadBatches() counts the windows of the batches that it chooses, also of a last one that is not full", () => {
  for (let numWindows = 1; numWindows < 60; numWindows++) {
    for (const [batchSize, mostBatches] of [[1, 3], [4, 1], [4, 3], [16, 2], [16, 100]]) {
      const { every, numChosen } = spreadBatches(numWindows, batchSize, mostBatches);
      let [numBatches, count] = [0, 0];
      for (let first = 0; first < numWindows; first += every * batchSize) {
        numBatches++;
        count += Math.min(batchSize, numWindows - first);
      }
      assertEquals(numChosen, count, `${numWindows} windows, ${batchSize} at a time`);
      assert(numBatches <= mostBatches);
    }
  }
});
