import { assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { KeyValueCache } from "../../src/engine/key_value_cache.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { Graph } from "../../src/tensor/graph.ts";

const config = new GPT2Config({
  vocabSize: 97,
  contextLength: 200,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});

function createModel(): Model {
  const backend = Backend.cpu({ threads: 1 });
  const weights = new Weights(backend, config, () => "f32");
  initializeWeights(weights, config);
  return new Model(config, weights, backend);
}

async function read(engine: Engine, sequence: Sequence, tokens: readonly number[]) {
  const [logits] = await engine.step([{ sequence, tokens, logits: "last" }]);
  return logits.slice();
}

/** Has a method fail until the end of the scope. */
function failing<T extends object>(owner: T, method: keyof T): Disposable {
  const original = owner[method];
  owner[method] = (() => {
    throw new RangeError("Cannot do it: told to fail");
  }) as T[keyof T];
  return { [Symbol.dispose]: () => void (owner[method] = original) };
}

/** Which objects of a class were disposed of. */
function watchDisposal<T extends Disposable>(prototype: T) {
  const disposed = new Set<T>();
  const original = prototype[Symbol.dispose];
  prototype[Symbol.dispose] = function (this: T) {
    disposed.add(this);
    original.call(this);
  };
  return { disposed, [Symbol.dispose]: () => void (prototype[Symbol.dispose] = original) };
}

Deno.test("step() goes on after a graph could not be built, and frees what there is of it", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using fresh = engine.open();
  await engine.step([sequence, fresh].map((each) => ({
    sequence: each,
    tokens: [7],
    logits: "none",
  })));
  const expected = await read(engine, fresh, [1, 2, 3]);
  {
    using _failing = failing(model, "build");
    using graphs = watchDisposal(Graph.prototype);
    for (const tokens of [[1, 2], [1, 2, 3, 4]]) {
      await assertRejects(() => read(engine, sequence, tokens), RangeError, "told to fail");
    }
    assertEquals(graphs.disposed.size, 2);
  }
  {
    using _failing = failing(Graph.prototype, "allocate");
    await assertRejects(() => read(engine, sequence, [1, 2]), RangeError, "told to fail");
  }
  await read(engine, sequence, [1, 2]);
  assertEquals(await read(engine, sequence, [3]), expected);
});

Deno.test("a cache that cannot take over what the last one remembers is freed, and nothing is lost", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using undisturbed = engine.open();
  await engine.step([sequence, undisturbed].map((sequence) => ({
    sequence,
    tokens: [1, 2, 3],
    logits: "last",
  })));
  const long = Array.from({ length: 100 }, (_, i) => i % 97);
  {
    using _failing = failing(KeyValueCache.prototype, "copy");
    using caches = watchDisposal(KeyValueCache.prototype);
    await assertRejects(() => read(engine, sequence, long), RangeError, "told to fail");
    assertEquals(caches.disposed.size, 1);
    using fork = engine.fork(undisturbed);
    await assertRejects(() => read(engine, fork, [4]), RangeError, "told to fail");
    assertEquals(caches.disposed.size, 2);
  }
  assertEquals(await read(engine, sequence, [4]), await read(engine, undisturbed, [4]));
  using fork = engine.fork(sequence);
  assertEquals(await read(engine, fork, [5]), await read(engine, undisturbed, [5]));
});

Deno.test("a copy of a sequence is made also if the one in between is disposed of at once", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  await read(engine, sequence, [1, 2, 3]);
  const between = engine.fork(sequence);
  using fork = engine.fork(between);
  between[Symbol.dispose]();
  assertEquals(await read(engine, fork, [4]), await read(engine, sequence, [4]));
});

Deno.test("a copy of a sequence that is truncated before it has been made itself is whole", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  await read(engine, sequence, [1, 2, 3]);
  for (const length of [0, 1]) {
    using between = engine.fork(sequence);
    using fork = engine.fork(between);
    between.truncate(length);
    using other = engine.fork(sequence);
    assertEquals(await read(engine, fork, [4]), await read(engine, other, [4]));
    assertEquals(between.length, length);
  }
});

Deno.test("whenIdle() waits for a fork, of which only then is known how long it is", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  const pending = read(engine, sequence, [1, 2, 3]);
  using fork = engine.fork(sequence);
  assertEquals(engine.isPending(fork), true);
  await engine.whenIdle(fork);
  assertEquals([fork.length, engine.isPending(fork)], [3, false]);
  await pending;
});

Deno.test("step() takes more requests than a function takes arguments", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  await read(engine, sequence, [1]);
  const request = { sequence, tokens: [1], logits: "none" } as const;
  const controller = new AbortController();
  const { signal } = controller;
  const step = engine.step(new Array(300_000).fill(request), { signal });
  controller.abort();
  await assertRejects(() => step, DOMException);
  assertEquals(sequence.length, 1);
});

Deno.test("a cache that cannot be filled is freed", async () => {
  using model = createModel();
  Object.defineProperty(model, "hasRaggedAttention", { value: false });
  using engine = new Engine(model);
  using sequence = engine.open();
  {
    using _failing = failing(Buffer.prototype, "fill");
    using buffers = watchDisposal(Buffer.prototype);
    await assertRejects(() => read(engine, sequence, [1, 2]), RangeError, "told to fail");
    assertEquals(buffers.disposed.size, 1);
  }
  assertEquals((await read(engine, sequence, [1, 2])).length, 97);
});

Deno.test("one request that cannot be fulfilled leaves the other sequences of its call as they were", async () => {
  using model = createModel();
  using engine = new Engine(model);
  using sequence = engine.open();
  using full = engine.open();
  using undisturbed = engine.open();
  for (const each of [sequence, undisturbed]) await read(engine, each, [1, 2, 3]);
  await read(engine, full, new Array(199).fill(5));
  const failed = engine.step([
    { sequence, tokens: [8], logits: "last" },
    { sequence: full, tokens: [1, 2], logits: "last" },
  ]);
  // Is computed in the same pass.
  const other = read(engine, undisturbed, [4]);
  await assertRejects(() => failed, RangeError, "it can have 200");
  assertEquals([sequence.length, full.length], [3, 199]);
  assertEquals(await read(engine, sequence, [4]), await other);
});

Deno.test("the memory of closed sequences is given back while others are read on and on", async () => {
  using model = createModel();
  using engine = new Engine(model);
  const sequences = Array.from({ length: 32 }, () => engine.open());
  await engine.step(sequences.map((sequence) => ({ sequence, tokens: [1], logits: "none" })));
  using caches = watchDisposal(KeyValueCache.prototype);
  const [first, second, ...others] = sequences;
  const readOn = async (sequence: Sequence) => {
    for (let i = 0; i < 6; i++) await read(engine, sequence, [i]);
  };
  const reading = [readOn(first), readOn(second)];
  for (const other of others) other[Symbol.dispose]();
  await Promise.all(reading);
  assertEquals([...caches.disposed].map(({ numSlots }) => numSlots), [32]);
  assertEquals(await read(engine, first, [7]), await read(engine, second, [7]));
});
