import { assertEquals, assertRejects } from "@std/assert";
import { Queue } from "../../src/base/queue.ts";

/** An action that ends when it is told to. */
function controlled(name: string, log: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const action = () => {
    log.push(name);
    return promise;
  };
  return { action, resolve, reject };
}

Deno.test("Queue.run() does one thing after another, also when one fails", async () => {
  const queue = new Queue();
  const log: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => controlled(name, log));
  assertEquals(queue.isBusy, false);
  const first = queue.run(undefined, a.action);
  assertEquals([log, queue.isBusy], [["a"], true], "it begins at once");
  const second = assertRejects(() => queue.run(undefined, b.action), TypeError, "mine");
  const third = queue.run(undefined, c.action);
  a.resolve("A");
  assertEquals(await first, "A");
  b.reject(new TypeError("mine"));
  await second;
  assertEquals(queue.isBusy, true);
  c.resolve("C");
  assertEquals(await third, "C");
  assertEquals([log, queue.isBusy], [["a", "b", "c"], false]);
});

Deno.test("Queue.run() ends waiting at its signal, and those behind still wait for those before", async () => {
  const queue = new Queue();
  const log: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => controlled(name, log));
  const stop = new AbortController();
  const first = queue.run(undefined, a.action);
  const second = assertRejects(() => queue.run(stop.signal, b.action), DOMException);
  const third = queue.run(undefined, c.action);
  stop.abort();
  await second;
  await Promise.resolve();
  assertEquals(log, ["a"]);
  a.resolve("A");
  c.resolve("C");
  assertEquals([await first, await third, log], ["A", "C", ["a", "c"]]);
});
