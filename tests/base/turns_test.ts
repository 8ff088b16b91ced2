import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "../../src/base/turns.ts";

/** An action that ends when it is told to. */
function controlled(name: string, log: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const action = () => {
    log.push(name);
    return promise;
  };
  return { action, resolve, reject };
}

Deno.test("Turns.take() does one thing after another, also when one fails", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => controlled(name, log));
  assertEquals(turns.isTaken, false);
  const first = turns.take(undefined, a.action);
  assertEquals([log, turns.isTaken], [["a"], true], "it begins at once");
  const second = assertRejects(() => turns.take(undefined, b.action), TypeError, "mine");
  const third = turns.take(undefined, c.action);
  a.resolve("A");
  assertEquals(await first, "A");
  b.reject(new TypeError("mine"));
  await second;
  assertEquals(turns.isTaken, true);
  c.resolve("C");
  assertEquals(await third, "C");
  assertEquals([log, turns.isTaken], [["a", "b", "c"], false]);
});

Deno.test("Turns.take() ends waiting at its signal, and those behind still wait for those before", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => controlled(name, log));
  const stop = new AbortController();
  const first = turns.take(undefined, a.action);
  const second = assertRejects(() => turns.take(stop.signal, b.action), DOMException);
  const third = turns.take(undefined, c.action);
  stop.abort();
  await second;
  await Promise.resolve();
  assertEquals(log, ["a"]);
  a.resolve("A");
  c.resolve("C");
  assertEquals([await first, await third, log], ["A", "C", ["a", "c"]]);
});
