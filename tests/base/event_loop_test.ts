import { assert, assertEquals, assertRejects } from "@std/assert";
import { doAtOnce, doInTurns, Turns } from "../../src/base/event_loop.ts";

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

Deno.test("doAtOnce() does all steps, and returns what they result in", () => {
  const seen: number[] = [];
  const steps = function* () {
    for (let i = 0; i < 3; i++) yield void seen.push(i);
    return "done";
  };
  assertEquals([doAtOnce(steps()), seen], ["done", [0, 1, 2]]);
});

Deno.test("Turns.take() lets others have their turn when it has been long enough", async () => {
  const turns = new Turns();
  let hasHadTurn = false;
  setTimeout(() => hasHadTurn = true, 0);
  await turns.take();
  assertEquals(hasHadTurn, false);
  while (!hasHadTurn) await turns.take();
});

Deno.test("doInTurns() and Turns.take() let requests be answered meanwhile", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const hold = () => {
    for (const begin = performance.now(); performance.now() - begin < 5;);
  };
  const works = [
    () => doInTurns(Iterator.from({ next: () => ({ value: hold() }) }).take(100)),
    async () => {
      const turns = new Turns();
      for (let i = 0; i < 100; i++) {
        hold();
        await turns.take();
      }
    },
  ];
  try {
    for (const work of works) {
      let isDone = false;
      const done = work().then(() => isDone = true);
      let numAnswers = 0;
      while (!isDone) {
        await (await fetch(url)).body?.cancel();
        numAnswers++;
      }
      await done;
      assert(numAnswers > 5, `${numAnswers} while it worked`);
    }
  } finally {
    await server.shutdown();
  }
});
