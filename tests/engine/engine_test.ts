import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import type { ReadProgress } from "../../src/engine/reading.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend, executorOf } from "../../src/tensor/backend.ts";

const config = new GPT2Config({
  vocabSize: 331,
  contextLength: 1024,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
/** More than are read in one part. */
const tokens = Array.from({ length: 700 }, (_, i) => i % config.vocabSize);

function createModel(threads = 1): Model {
  const backend = Backend.cpu({ threads });
  const weights = new Weights(backend, config, () => "f32");
  initializeWeights(weights, config);
  return new Model(config, weights, backend);
}

/** Calls `action` when the next computation on another thread has begun. */
function atNextComputation({ backend }: Model, action: () => void): void {
  const executor = executorOf(backend);
  const { computeAsync } = executor;
  executor.computeAsync = (...args) => {
    executor.computeAsync = computeAsync;
    const computed = computeAsync.apply(executor, args);
    action();
    return computed;
  };
}

/** Reads tokens of one sequence. */
async function read(engine: Engine, sequence: Sequence, added: readonly number[]) {
  const [logits] = await engine.step([{ sequence, tokens: added, logits: "last" }]);
  return logits;
}

Deno.test("step() is refused if a sequence was disposed of while it waited for its turn", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using other = engine.open();
  const sequence = engine.open();
  const before = read(engine, other, tokens);
  const appended = read(engine, sequence, tokens);
  sequence[Symbol.dispose]();
  await assertRejects(() => appended, TypeError, "disposed");
  await before;
});

for (const what of ["sequence", "engine", "model"] as const) {
  Deno.test(`step() ends between two parts of a text if the ${what} was disposed of`, async () => {
    const model = createModel();
    const engine = new Engine(model);
    const sequence = engine.open();
    atNextComputation(model, () => ({ sequence, engine, model })[what][Symbol.dispose]());
    const appended = read(engine, sequence, tokens);
    await assertRejects(() => appended, TypeError, "disposed");
    engine[Symbol.dispose]();
    model[Symbol.dispose]();
  });
}

Deno.test("a sequence disposed of while its last part is computed still gives the logits", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using undisturbed = engine.open();
  const sequence = engine.open();
  for (const added of [tokens.slice(0, 9), tokens.slice(0, 300)]) {
    const expected = (await read(engine, undisturbed, added)).slice();
    if (added.length > 9) atNextComputation(model, () => sequence[Symbol.dispose]());
    assertEquals(await read(engine, sequence, added), expected);
  }
  await assertRejects(() => read(engine, sequence, [5]), TypeError, "disposed");
});

/** Calls `action` and lists how many threads were asked for in each computation. */
async function threadsUsed(
  { backend }: Model,
  action: () => Promise<unknown>,
): Promise<number[]> {
  const used: number[] = [];
  const executor = executorOf(backend);
  const { computeAsync } = executor;
  executor.computeAsync = (graph, threads, signal) => {
    used.push(threads);
    return computeAsync.call(executor, graph, threads, signal);
  };
  await action();
  executor.computeAsync = computeAsync;
  return used;
}

Deno.test("step() reads few tokens with the threads that were best for the last ones, many with all", async () => {
  using model = createModel(2);
  using engine = new Engine(model);
  const readAnew = async (numTexts: number, numTokens: number) => {
    const sequences = Array.from({ length: numTexts }, () => engine.open());
    const [logits] = await engine.step(
      sequences.map((sequence) => ({
        sequence,
        tokens: tokens.slice(0, numTokens),
        logits: "last",
      })),
    );
    for (const sequence of sequences) sequence[Symbol.dispose]();
    return logits;
  };
  const expected = await readAnew(1, 11);
  const { threadChoice } = model;
  // A busy machine, as writing finds it out: every third run with all threads is held up.
  for (let run = 0; threadChoice.threads > 1; run++) threadChoice.record(run % 3 ? 5 : 50);
  for (let run = 0; run < 4; run++) threadChoice.record(10);
  assertEquals(threadChoice.threads, 1);
  const again = async () => assertEquals(await readAnew(1, 11), expected);
  assertEquals(await threadsUsed(model, again), [1]);
  assertEquals(await threadsUsed(model, () => readAnew(2, 17)), [2]);
  assertEquals(await threadsUsed(model, () => readAnew(1, 700)), [2, 2]);
});

Deno.test("step() tells how long it took to read few tokens", async () => {
  using model = createModel(2);
  using engine = new Engine(model);
  const told: (number | undefined)[] = [];
  model.threadChoice.record = (_elapsedMs, numTokens) => told.push(numTokens);
  using a = engine.open();
  using b = engine.open();
  for (const numTokens of [11, 40, 1]) {
    const added = tokens.slice(0, numTokens);
    await engine.step([a, b].map((sequence) => ({ sequence, tokens: added, logits: "last" })));
  }
  assertEquals(told, [22, 2]);
});

Deno.test("step() tells how far texts of different lengths are read, part by part", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using long = engine.open();
  using short = engine.open();
  const calls: ReadProgress[] = [];
  const step = (ofLong: number[], ofShort: number[]) =>
    engine.step([
      { sequence: long, tokens: ofLong, logits: "last" },
      { sequence: short, tokens: ofShort, logits: "last" },
    ], { onProgress: (call) => calls.push(call) });
  await step(tokens, tokens.slice(0, 10));
  assertEquals(calls[0], { numReadTokens: 0, numTokens: 710 });
  assertEquals(calls.at(-1), { numReadTokens: 710, numTokens: 710 });
  const { length } = calls;
  assert(length > 2);
  await step([1], [2]);
  assertEquals(calls.length, length);
});

Deno.test("an error in onProgress ends that call, and no other", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using other = engine.open();
  const failing = engine.step([{ sequence, tokens, logits: "last" }], {
    onProgress: ({ numReadTokens }) => {
      if (numReadTokens > 0) throw new Error("from the callback");
    },
  });
  const expected = read(engine, other, tokens.slice(0, 5));
  await assertRejects(() => failing, Error, "from the callback");
  assertEquals(sequence.length, 0);
  assertEquals(await read(engine, sequence, tokens.slice(0, 5)), await expected);
});

Deno.test("overlapping steps of one sequence are read in order, and only as long as it has room", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using whole = engine.open();
  const first = read(engine, sequence, tokens.slice(0, 600));
  const second = read(engine, sequence, tokens.slice(0, 400)).then((logits) => logits.slice());
  const third = assertRejects(
    () => read(engine, sequence, tokens.slice(0, 25)),
    RangeError,
    "it can have 1024",
  );
  await first;
  const expected = await read(engine, whole, [...tokens.slice(0, 600), ...tokens.slice(0, 400)]);
  assertEquals(await second, expected);
  await third;
  assertEquals(sequence.length, 1000);
});

Deno.test("truncate() is refused while the sequence is read", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  const reading = read(engine, sequence, tokens);
  assertThrows(() => sequence.truncate(0), Deno.errors.Busy, "being read");
  await reading;
  assertThrows(() => sequence.truncate(701), RangeError, "received 701");
  sequence.truncate(3);
  assertEquals(sequence.length, 3);
});

Deno.test("an abort signal ends one call, and leaves its sequence as it was", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using other = engine.open();
  await read(engine, sequence, [1, 2, 3]);
  const controller = new AbortController();
  atNextComputation(model, () => controller.abort());
  const stopped = engine.step([{ sequence, tokens, logits: "last" }], controller);
  const going = read(engine, other, tokens);
  await assertRejects(() => stopped, DOMException, "aborted");
  assertEquals(sequence.length, 3);
  const expected = (await going).slice();
  sequence.truncate(0);
  assertEquals(await read(engine, sequence, tokens), expected);
});

Deno.test("an abort signal ends a call at once, while others are computed", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using other = engine.open();
  const controller = new AbortController();
  atNextComputation(model, () => controller.abort());
  const going = read(engine, other, tokens);
  const stopped = engine.step([{ sequence, tokens, logits: "last" }], controller);
  await assertRejects(() => stopped, DOMException, "aborted");
  assertEquals([engine.isPending(sequence), engine.isPending(other)], [false, true]);
  sequence.truncate(0);
  const expected = (await going).slice();
  assertEquals(await read(engine, sequence, tokens), expected);
});

Deno.test("forks of one sequence are read together, not one pass after another", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  await read(engine, sequence, tokens.slice(0, 20));
  const forks = Array.from({ length: 5 }, () => engine.fork(sequence));
  const numTokens: (number | undefined)[] = [];
  model.threadChoice.record = (_elapsedMs, count) => numTokens.push(count);
  await engine.step(forks.map((fork, i) => ({ sequence: fork, tokens: [i], logits: "last" })));
  // One thread needs no record: so many tokens were computed at once.
  assertEquals(numTokens, [5]);
  for (const fork of forks) fork[Symbol.dispose]();
});

Deno.test("a sequence that is disposed of, and whose memory is given back, before its turn is not read", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using kept = engine.open();
  const victim = engine.open();
  const expected = (await read(engine, kept, [1, 2, 3])).slice();
  await read(engine, victim, [4, 5, 6]);
  using alone = engine.open();
  await read(engine, alone, [1, 2, 3]);
  const dispose = engine.betweenPasses(() => victim[Symbol.dispose]());
  const shrink = engine.shrink();
  const reading = read(engine, victim, [7]);
  await assertRejects(() => reading, TypeError, "disposed");
  await Promise.all([dispose, shrink]);
  assertEquals(await read(engine, kept, [8]), await read(engine, alone, [8]));
  assertEquals(expected.length, config.vocabSize);
});
