import { assert } from "@std/assert";
import { peakMemoryBytes, resetPeakMemory } from "../../../src/cli/bench/peak_memory.ts";

/** Far more than anything else in this process changes meanwhile. */
const BLOCK_BYTES = 256e6;

Deno.test({
  name: "peakMemoryBytes() remembers what is no longer held, until it is reset",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    resetPeakMemory();
    const before = peakMemoryBytes();
    // The memory of a worker counts, and is given back when the worker ends.
    const source = `postMessage(new Uint8Array(${BLOCK_BYTES}).fill(1).length);`;
    const worker = new Worker(
      URL.createObjectURL(new Blob([source], { type: "text/javascript" })),
      { type: "module" },
    );
    await new Promise((resolve) => worker.onmessage = resolve);
    worker.terminate();
    const peak = peakMemoryBytes();
    assert(peak > before + 0.9 * BLOCK_BYTES, `${peak} is not much more than ${before}`);
    while (Deno.memoryUsage().rss > before + 0.5 * BLOCK_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert(peakMemoryBytes() > peak - 0.1 * BLOCK_BYTES);
    resetPeakMemory();
    assert(peakMemoryBytes() < peak - 0.4 * BLOCK_BYTES);
  },
});
