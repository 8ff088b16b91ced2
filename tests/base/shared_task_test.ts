import { assertEquals, assertRejects } from "@std/assert";
import { SharedTask } from "../../src/base/shared_task.ts";

/** A task that ends when it is told to, and what happened to it. */
function controlledTask() {
  const runs: { end: (value: number) => void; fail: (error: Error) => void; stopped: boolean }[] =
    [];
  const task = new SharedTask<number>((signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const run = { end: resolve, fail: reject, stopped: false };
    runs.push(run);
    signal.addEventListener("abort", () => {
      run.stopped = true;
      reject(signal.reason);
    });
    return promise;
  });
  return { task, runs };
}

Deno.test("SharedTask.join() runs the task once for all who wait at the same time", async () => {
  const { task, runs } = controlledTask();
  const waiting = [task.join(), task.join()];
  assertEquals(runs.length, 1);
  runs[0].end(7);
  assertEquals(await Promise.all(waiting), [7, 7]);
  const later = task.join();
  assertEquals(runs.length, 2);
  runs[1].end(8);
  assertEquals(await later, 8);
});

Deno.test("SharedTask.join() lets one leave without taking the task from the others", async () => {
  const { task, runs } = controlledTask();
  const controller = new AbortController();
  const impatient = task.join(controller.signal);
  const patient = task.join();
  controller.abort();
  assertEquals((await assertRejects(() => impatient, DOMException)).name, "AbortError");
  assertEquals(runs[0].stopped, false);
  runs[0].end(1);
  assertEquals(await patient, 1);
});

Deno.test("SharedTask.join() stops a task that nobody waits for, and begins anew after that", async () => {
  const { task, runs } = controlledTask();
  const controllers = [new AbortController(), new AbortController()];
  const waiting = controllers.map(({ signal }) => task.join(signal));
  for (const controller of controllers) controller.abort();
  for (const one of waiting) await assertRejects(() => one, DOMException);
  assertEquals(runs[0].stopped, true);
  const again = task.join();
  runs[1].end(2);
  assertEquals(await again, 2);
});

Deno.test("SharedTask.join() does not begin for one who has left before", async () => {
  const { task, runs } = controlledTask();
  await assertRejects(() => task.join(AbortSignal.abort()), DOMException);
  assertEquals(runs.length, 0);
});

Deno.test("SharedTask.join() tells all of an error, and begins anew after that", async () => {
  const { task, runs } = controlledTask();
  const waiting = [task.join(), task.join()];
  runs[0].fail(new RangeError("no"));
  for (const one of waiting) await assertRejects(() => one, RangeError, "no");
  const again = task.join();
  runs[1].end(3);
  assertEquals(await again, 3);
});
