import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Admission } from "../../src/server/admission.ts";
import { ApiError } from "../../src/server/api_error.ts";

const { signal } = new AbortController();
const first = { isFirst: true, signal };

Deno.test("acquire() gives places in the order in which they were asked for", async () => {
  const admission = new Admission({ maxTexts: 3, maxWaiting: 9 });
  const order: string[] = [];
  const ask = async (name: string, count: number) => {
    const places = await admission.acquire(count, first);
    order.push(name);
    return places;
  };
  const one = await ask("one", 1);
  const two = await ask("two", 2);
  const rest = [ask("three", 3), ask("small", 1), ask("last", 1)];
  assertEquals([admission.numTexts, admission.numWaiting], [3, 3]);
  one[Symbol.dispose]();
  rest.push(ask("late", 1));
  await Promise.resolve();
  assertEquals(order, ["one", "two"], "what is large is not passed by");
  two[Symbol.dispose]();
  (await rest[0])[Symbol.dispose]();
  assertEquals(order, ["one", "two", "three"]);
  for (const places of await Promise.all(rest.slice(1))) places[Symbol.dispose]();
  assertEquals([order.length, admission.numTexts, admission.numWaiting], [6, 0, 0]);
});

Deno.test("acquire() refuses when too many wait, but not what has begun", async () => {
  const admission = new Admission({ maxTexts: 1, maxWaiting: 1 });
  const held = await admission.acquire(1, first);
  const waiting = admission.acquire(1, first);
  assertThrows(() => admission.checkRoom(), ApiError);
  const error = await assertRejects(() => admission.acquire(1, first), ApiError);
  assertEquals(error.status, 503);
  assert(Number(error.toResponse().headers.get("retry-after")) >= 1);
  const begun = admission.acquire(1, { isFirst: false, signal });
  held[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  (await begun)[Symbol.dispose]();
  assertEquals(admission.numTexts, 0);
});

Deno.test("acquire() leaves the queue when its signal is aborted", async () => {
  const admission = new Admission({ maxTexts: 2, maxWaiting: 9 });
  using _held = await admission.acquire(1, first);
  const gone = new AbortController();
  const large = admission.acquire(2, { isFirst: true, signal: gone.signal });
  const small = admission.acquire(1, first);
  gone.abort();
  await assertRejects(() => large, DOMException);
  // What waited behind it fits.
  (await small)[Symbol.dispose]();
  assertEquals([admission.numTexts, admission.numWaiting], [1, 0]);
  await assertRejects(() => admission.acquire(1, { isFirst: true, signal: gone.signal }));
});

Deno.test("places are given back once", async () => {
  const admission = new Admission({ maxTexts: 2, maxWaiting: 0 });
  const places = await admission.acquire(2, first);
  places[Symbol.dispose]();
  places[Symbol.dispose]();
  assertEquals(admission.numTexts, 0);
});
