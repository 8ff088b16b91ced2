import { assert, assertEquals, assertRejects } from "@std/assert";
import { pause } from "../../src/base/abort.ts";
import { sideBySide } from "../../src/evaluation/side_by_side.ts";

Deno.test("sideBySide() gives results in the order of the items, whichever is done first", async () => {
  const delays = [20, 0, 10, 5, 0];
  const results = sideBySide(delays, () => 1, async (ms) => {
    await pause(ms);
    return ms;
  });
  assertEquals(await Array.fromAsync(results), delays);
});

/** How many actions are carried out at once. */
async function mostAtOnce(rows: readonly number[]): Promise<number> {
  let [numRunning, numMost, numAsked, numGot] = [0, 0, 0, 0];
  const asked = function* () {
    for (const each of rows) {
      numAsked++;
      yield each;
    }
  };
  const results = sideBySide(asked(), (numRows) => numRows, async () => {
    numMost = Math.max(numMost, ++numRunning);
    await pause(1);
    numRunning--;
  });
  for await (const _ of results) {
    numGot++;
    assert(numAsked <= numGot + numMost, "no more is asked for than there is room for");
  }
  assertEquals(numGot, rows.length);
  return numMost;
}

Deno.test("sideBySide() begins as many at once as the cache has rows for, but at least one", async () => {
  for (const [numRows, most] of [[1, 512], [1000, 8], [4096, 2], [5000, 1], [99999, 1], [0, 512]]) {
    assertEquals(await mostAtOnce(Array(2 * most).fill(numRows)), most, `${numRows} rows`);
  }
});

Deno.test("sideBySide() counts as many rows for each as the longest has", async () => {
  assertEquals(await mostAtOnce([10, 10, 10, 10]), 4);
  assertEquals(await mostAtOnce([4096, 10, 10, 10]), 3);
  assertEquals(await mostAtOnce([10, 10, 4096]), 2);
});

Deno.test("sideBySide() stops the others when one fails, and when nobody wants more", async () => {
  for (const fails of [true, false]) {
    let numStopped = 0;
    const results = sideBySide([0, 1, 2], () => 1, async (item, signal) => {
      if (item === 0) {
        if (fails) throw new TypeError("mine");
        return item;
      }
      try {
        await pause(60_000, signal);
      } catch (error) {
        numStopped++;
        throw error;
      }
      return item;
    });
    if (fails) await assertRejects(() => results.next(), TypeError, "mine");
    else for await (const _ of results) break;
    assertEquals(numStopped, 2);
  }
});

Deno.test("sideBySide() stops at the caller's signal", async () => {
  const stop = new AbortController();
  const results = sideBySide([0, 1], () => 1, async (_, signal) => {
    await pause(60_000, signal);
  }, stop.signal);
  const refused = assertRejects(() => results.next(), DOMException);
  stop.abort();
  await refused;
});

Deno.test("sideBySide() holds no result back while the source is slow, and stops at a signal then", async () => {
  const stop = new AbortController();
  const results = sideBySide(
    (async function* () {
      yield* [1, 2];
      await new Promise(() => {});
    })(),
    () => 1,
    (item) => Promise.resolve(item),
    stop.signal,
  );
  assertEquals([(await results.next()).value, (await results.next()).value], [1, 2]);
  const refused = assertRejects(() => results.next(), DOMException);
  stop.abort();
  await refused;
});

Deno.test("sideBySide() gives the results of what came before its source failed, and closes one that has not ended", async () => {
  const ends: string[] = [];
  for (const isAsync of [true, false]) {
    const items = function* (fails: boolean) {
      try {
        yield* [1, 2];
        if (fails) throw new TypeError("mine");
        yield* [3, 4];
      } finally {
        ends.push(fails ? "failed" : "closed");
      }
    };
    const source = (fails: boolean) =>
      !isAsync ? items(fails) : (async function* () {
        yield* items(fails);
      })();
    const results = sideBySide(source(true), () => 1, (item) => Promise.resolve(item));
    assertEquals([(await results.next()).value, (await results.next()).value], [1, 2]);
    await assertRejects(() => results.next(), TypeError, "mine");
    for await (const _ of sideBySide(source(false), () => 8192, () => Promise.resolve())) break;
  }
  assertEquals(ends, ["failed", "closed", "failed", "closed"]);
});
