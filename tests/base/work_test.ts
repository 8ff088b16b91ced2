import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { doLater, doNow, piece, type Work } from "../../src/base/work.ts";

const now = <T>(value: T) => piece(() => value, () => Promise.resolve(value));

function* sum(): Work<number> {
  const a = yield* now(1);
  const b = yield* now(2);
  return a + b;
}

function* failing(): Work<never> {
  const fail = () => {
    throw new RangeError("no");
  };
  return yield* piece(fail, () => Promise.reject(new RangeError("no")));
}

function* careful(): Work<string> {
  try {
    return yield* failing();
  } catch (error) {
    return `caught ${(error as Error).message}`;
  }
}

Deno.test("doNow() and doLater() give what the work returns", async () => {
  assertEquals(doNow(sum()), 3);
  assertEquals(await doLater(sum()), 3);
});

Deno.test("doNow() and doLater() throw what a piece throws, unless the work catches it", async () => {
  assertThrows(() => doNow(failing()), RangeError, "no");
  await assertRejects(() => doLater(failing()), RangeError, "no");
  assertEquals(doNow(careful()), "caught no");
  assertEquals(await doLater(careful()), "caught no");
});

Deno.test("doLater() stops at the signal, and the work cannot take that for a failure of its own", async () => {
  const controller = new AbortController();
  const events: string[] = [];
  function* work(): Work<void> {
    try {
      yield* piece(() => {}, async (signal) => {
        assertEquals(signal, controller.signal);
        events.push("begun");
        controller.abort();
        await Promise.reject(new Error("because of the signal"));
      });
    } catch {
      events.push("caught");
    } finally {
      events.push("left");
    }
    events.push("went on");
  }
  const error = await assertRejects(() => doLater(work(), controller.signal), DOMException);
  assertEquals(error.name, "AbortError");
  assertEquals(events, ["begun", "left"]);
});
