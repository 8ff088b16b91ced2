import { assertEquals, assertRejects } from "@std/assert";
import { doInTurns } from "../../src/base/event_loop.ts";

Deno.test("doInTurns() waits for each step that is a promise before it begins the next", async () => {
  const log: string[] = [];
  await doInTurns(function* () {
    for (const step of ["a", "b"]) {
      log.push(`begin ${step}`);
      yield new Promise<void>((resolve) =>
        setTimeout(() => {
          log.push(`end ${step}`);
          resolve();
        })
      );
    }
  }());
  assertEquals(log, ["begin a", "end a", "begin b", "end b"]);
});

Deno.test("doInTurns() ends its steps when one fails or the signal asks it to", async () => {
  let numEnded = 0;
  const steps = function* (result: () => Promise<void>) {
    try {
      while (true) yield result();
    } finally {
      numEnded++;
    }
  };
  await assertRejects(
    () => doInTurns(steps(() => Promise.reject(new Error("no"))), undefined),
    Error,
    "no",
  );
  const controller = new AbortController();
  const aborting = () => Promise.resolve(controller.abort());
  await assertRejects(() => doInTurns(steps(aborting), controller.signal), DOMException, "abort");
  assertEquals(numEnded, 2);
});
