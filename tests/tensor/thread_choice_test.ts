import { assertEquals } from "@std/assert";
import { ThreadChoice } from "../../src/tensor/thread_choice.ts";

/** Records `count` runs, of the time that `timeOf` says for a number of threads, and lists these numbers. */
function run(choice: ThreadChoice, count: number, timeOf: (threads: number) => number): number[] {
  return Array.from({ length: count }, () => {
    const { threads } = choice;
    choice.record(timeOf(threads));
    return threads;
  });
}

/** Every third run with all of 2 threads is held up. */
function contended(): (threads: number) => number {
  let runs = 0;
  return (threads) => threads === 1 ? 10 : ++runs % 3 === 0 ? 50 : 5;
}

Deno.test("ThreadChoice keeps all threads while nothing holds them up", () => {
  const choice = new ThreadChoice(8);
  let runs = 0;
  assertEquals(new Set(run(choice, 500, () => 5)), new Set([8]));
  // Growing texts take longer, but not by leaps.
  assertEquals(new Set(run(choice, 500, () => 5 + (++runs % 7) / 7)), new Set([8]));
});

Deno.test("ThreadChoice takes fewer threads if that is faster", () => {
  const choice = new ThreadChoice(2);
  run(choice, 30, contended());
  assertEquals(choice.threads, 1);
});

Deno.test("ThreadChoice stays with one thread nearly all the time while a processor is taken", () => {
  const choice = new ThreadChoice(2);
  const timeOf = contended();
  run(choice, 30, timeOf);
  const numTrials = run(choice, 400, timeOf).filter((threads) => threads === 2).length;
  assertEquals(numTrials > 0 && numTrials < 40, true, `${numTrials} of 400`);
});

Deno.test("ThreadChoice comes back to all threads when nothing holds them up any more", () => {
  const choice = new ThreadChoice(2);
  run(choice, 30, contended());
  run(choice, 300, (threads) => 10 / threads);
  assertEquals(choice.threads, 2);
});

Deno.test("ThreadChoice keeps all threads if fewer are no faster", () => {
  const choice = new ThreadChoice(2);
  let runs = 0;
  // As on a machine whose single thread is very slow.
  const used = run(choice, 400, (threads) => threads === 1 ? 100 : ++runs % 3 === 0 ? 50 : 5);
  assertEquals(choice.threads, 2);
  assertEquals(used.filter((threads) => threads === 1).length < 10, true);
});

Deno.test("ThreadChoice finds how many of several threads are worth it, step by step", () => {
  const choice = new ThreadChoice(4);
  let runs = 0;
  run(choice, 600, (threads) => threads > 2 && ++runs % 3 === 0 ? 60 : 20 / threads);
  assertEquals([2, 3].includes(choice.threads), true);
  assertEquals(choice.threads < 4, true);
});

Deno.test("ThreadChoice forgets times, but not the choice, when other work begins", () => {
  const choice = new ThreadChoice(2);
  run(choice, 30, contended());
  choice.startOver();
  assertEquals(choice.threads, 1);
});

Deno.test("ThreadChoice of one thread never tries anything", () => {
  const choice = new ThreadChoice(1);
  let runs = 0;
  assertEquals(new Set(run(choice, 100, () => ++runs % 3 === 0 ? 50 : 5)), new Set([1]));
});
