import { assertEquals, assertRejects } from "@std/assert";
import { jsonResponse } from "../../src/server/json_response.ts";

const { signal } = new AbortController();

Deno.test("jsonResponse() writes what Response.json() would", async () => {
  for (const elements of [[], [1], [{ a: [null, "é\u{1f600}"] }, "b", NaN]]) {
    const list = { name: "data", elements };
    const response = await jsonResponse({ id: "x", n: 1 }, list, { usage: { "]": 2 } }, signal);
    const expected = Response.json({ id: "x", n: 1, data: elements, usage: { "]": 2 } });
    assertEquals(await response.text(), await expected.text());
    assertEquals(response.headers.get("content-type"), expected.headers.get("content-type"));
  }
});

Deno.test("jsonResponse() gives way to others between elements, and stops when it is told to", async () => {
  const stop = new AbortController();
  let numMade = 0;
  const elements = function* () {
    for (; numMade < 1000; numMade++) {
      const begin = performance.now();
      while (performance.now() - begin < 1);
      yield numMade;
    }
  };
  setTimeout(() => stop.abort(), 0);
  const list = { name: "data", elements: elements() };
  await assertRejects(() => jsonResponse({ a: 1 }, list, { b: 1 }, stop.signal), DOMException);
  assertEquals(numMade < 1000, true);
});
