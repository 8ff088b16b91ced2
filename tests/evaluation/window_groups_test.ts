import { assert, assertEquals } from "@std/assert";
import { windowGroups } from "../../src/evaluation/window_groups.ts";
import { numScoredIn } from "../../src/evaluation/window_options.ts";
import { halfScoredChunks, slidingWindows } from "../../src/evaluation/windows.ts";

Deno.test("windowGroups() puts together what has room in memory, and leaves no window out", () => {
  for (const maxScored of [1, 100, 333, 512]) {
    for (
      const windows of [
        [...slidingWindows(3000, 1024, 1)],
        [...slidingWindows(3000, 1024, 64)],
        [...slidingWindows(3000, 1024, 1024)],
        [...slidingWindows(3000, 16_384, 10)],
        [...slidingWindows(900, 20, 1)],
        [...halfScoredChunks(3000, 32)],
      ]
    ) {
      const groups = [...windowGroups(windows, maxScored)];
      assertEquals(groups.flat(), windows);
      for (const group of groups.filter(({ length }) => length > 1)) {
        const longest = Math.max(...group.map(({ start, end }) => end - start));
        assert(group.length * longest <= 8192, "tokens in the cache");
        assert(numScoredIn(group) <= maxScored, "logits in memory");
      }
    }
  }
});

Deno.test("windowGroups() makes groups as large as they may be", () => {
  const numIn = (windows: Parameters<typeof windowGroups>[0], maxScored: number) =>
    [...windowGroups(windows, maxScored)][0].length;
  assertEquals(numIn([...halfScoredChunks(9000, 32)], 512), Math.floor(512 / 15));
  assertEquals(numIn([...slidingWindows(9000, 256, 1)].slice(1), 512), 32);
});
