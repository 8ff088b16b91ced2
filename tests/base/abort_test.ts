import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { onAbort, orAborted, pause } from "../../src/base/abort.ts";

const REASON = new DOMException("enough", "AbortError");

Deno.test("orAborted() gives what the promise gives, or the signal's reason", async () => {
  const controller = new AbortController();
  assertEquals(await orAborted(Promise.resolve(1), controller.signal), 1);
  assertEquals(await orAborted(Promise.resolve(1), undefined), 1);
  const mine = new TypeError("mine");
  assertStrictEquals(
    await assertRejects(() => orAborted(Promise.reject(mine), controller.signal)),
    mine,
  );
  const never = new Promise<never>(() => {});
  const waiting = assertRejects(() => orAborted(never, controller.signal));
  controller.abort(REASON);
  assertStrictEquals(await waiting, REASON);
  assertStrictEquals(await assertRejects(() => orAborted(never, controller.signal)), REASON);
});

Deno.test("onAbort() forgets its action when it is disposed", () => {
  const controller = new AbortController();
  let numCalls = 0;
  {
    using _forgotten = onAbort(controller.signal, () => numCalls++);
  }
  using _kept = onAbort(controller.signal, () => numCalls += 10);
  using _none = onAbort(undefined, () => numCalls += 100);
  controller.abort();
  assertEquals(numCalls, 10);
});

Deno.test("pause() ends when the signal asks to stop", async () => {
  const controller = new AbortController();
  const waiting = assertRejects(() => pause(60_000, controller.signal));
  controller.abort(REASON);
  assertStrictEquals(await waiting, REASON);
  assertStrictEquals(await assertRejects(() => pause(1, controller.signal)), REASON);
  await pause(1);
});
