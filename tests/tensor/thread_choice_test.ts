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

Deno.test("ThreadChoice takes fewer threads where all runs are held up alike, from the first one on", () => {
  const choice = new ThreadChoice(2);
  const used = Array.from({ length: 20 }, () => {
    const { threads } = choice;
    if (threads === 1) choice.record(30, 1, 0.5);
    else choice.record(400, 1, 0.3);
    return threads;
  });
  assertEquals(used.slice(4), new Array(16).fill(1));
});

Deno.test("ThreadChoice tries no fewer threads if they have their processors", () => {
  const choice = new ThreadChoice(2);
  const used = new Set<number>();
  for (let i = 0; i < 500; i++) {
    used.add(choice.threads);
    choice.record(400, 1, i % 4 === 0 ? 0.5 : 0.98);
  }
  assertEquals(used, new Set([2]));
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

/** How long texts take that have `numTokens` tokens to read, or one to write, per thread and if they are held up. */
function timeOf(numTokens: number, threads: number, isHeldUp: boolean): number {
  return (numTokens === 1 ? 5 : 20) * (isHeldUp && threads > 1 ? 8 : 2 / threads);
}

Deno.test("ThreadChoice compares each kind of work with itself", () => {
  const choice = new ThreadChoice(2);
  const used = new Set<number>();
  for (let text = 0; text < 50; text++) {
    // Here and below: 11 tokens are read, then some written.
    for (const numTokens of [11, 1, 1, 1]) {
      used.add(choice.threads);
      choice.record(timeOf(numTokens, choice.threads, false), numTokens);
    }
  }
  assertEquals(used, new Set([2]));
});

Deno.test("ThreadChoice adapts to reading alone, where texts of about one length are read", () => {
  const choice = new ThreadChoice(2);
  for (let text = 0; text < 20; text++) {
    const numTokens = 10 + text % 2;
    choice.record(timeOf(numTokens, choice.threads, text > 4 && text % 2 === 0), numTokens);
  }
  assertEquals(choice.threads, 1);
});

Deno.test("ThreadChoice adapts to texts that are shorter than a trial, and comes back", () => {
  const choice = new ThreadChoice(2);
  const read = (isBusy: boolean) => {
    choice.record(timeOf(11, choice.threads, isBusy), 11);
    choice.startOver();
    for (let i = 0; i < 2; i++) choice.record(timeOf(1, choice.threads, isBusy));
  };
  for (let text = 0; text < 4; text++) read(false);
  assertEquals(choice.threads, 2);
  for (let text = 0; text < 20; text++) read(text % 3 > 0);
  assertEquals(choice.threads, 1);
  for (let text = 0; text < 20; text++) read(false);
  assertEquals(choice.threads, 2);
});

Deno.test("ThreadChoice of one thread never tries anything", () => {
  const choice = new ThreadChoice(1);
  let runs = 0;
  assertEquals(new Set(run(choice, 100, () => ++runs % 3 === 0 ? 50 : 5)), new Set([1]));
});
