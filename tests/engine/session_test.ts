import { assertEquals, assertRejects } from "@std/assert";
import { type ReadProgress, Session } from "../../src/engine/session.ts";
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

/** As many turns as it takes until something is being computed on another thread. */
async function untilBusy({ backend }: Model): Promise<void> {
  while (!backend.isBusy) await Promise.resolve();
}

Deno.test("append() is refused if the session was disposed of while it waited for its turn", async () => {
  using model = createModel();
  const session = new Session(model);
  const appended = session.append([tokens]);
  session[Symbol.dispose]();
  await assertRejects(() => appended, TypeError, "disposed");
});

Deno.test("append() ends between two parts of a text if the session was disposed of", async () => {
  using model = createModel();
  const session = new Session(model);
  const appended = session.append([tokens]);
  await untilBusy(model);
  session[Symbol.dispose]();
  await assertRejects(() => appended, TypeError, "disposed");
});

Deno.test("append() ends between two parts of a text if the model was disposed of", async () => {
  const model = createModel();
  using session = new Session(model);
  const appended = session.append([tokens]);
  await untilBusy(model);
  model[Symbol.dispose]();
  await assertRejects(() => appended, TypeError, "disposed");
});

Deno.test("a session disposed of while its last part is computed still gives the logits", async () => {
  using model = createModel();
  using undisturbed = new Session(model);
  const session = new Session(model);
  for (const added of [tokens.slice(0, 9), [5]]) {
    const expected = (await undisturbed.append([added])).slice();
    const appended = session.append([added]);
    await untilBusy(model);
    if (added.length === 1) session[Symbol.dispose]();
    assertEquals(await appended, expected);
  }
  await assertRejects(async () => await session.append([[5]]), TypeError, "disposed");
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

Deno.test("append() reads few tokens with the threads that were best for the last ones, many with all", async () => {
  using model = createModel(2);
  const read = async (numTexts: number, numTokens: number) => {
    using session = new Session(model, { batch: numTexts });
    return (await session.append(Array(numTexts).fill(tokens.slice(0, numTokens)))).slice();
  };
  const expected = await read(1, 11);
  const { threadChoice } = model;
  // A busy machine, as writing finds it out: every third run with all threads is held up.
  for (let run = 0; threadChoice.threads > 1; run++) threadChoice.record(run % 3 ? 5 : 50);
  for (let run = 0; run < 4; run++) threadChoice.record(10);
  assertEquals(threadChoice.threads, 1);
  assertEquals(await threadsUsed(model, async () => assertEquals(await read(1, 11), expected)), [
    1,
  ]);
  assertEquals(await threadsUsed(model, () => read(2, 17)), [2]);
  assertEquals(await threadsUsed(model, () => read(1, 700)), [2, 2]);
  const whole = Int32Array.from(tokens.slice(0, 32));
  assertEquals(await threadsUsed(model, () => model.logits(whole, 2, 16)), [1]);
  assertEquals(await threadsUsed(model, () => model.logits(whole.slice(1), 1, 31)), [1]);
});

Deno.test("append() tells how long it took to read few tokens", async () => {
  using model = createModel(2);
  const told: (number | undefined)[] = [];
  model.threadChoice.record = (_elapsedMs, numTokens) => told.push(numTokens);
  using session = new Session(model, { batch: 2 });
  for (const numTokens of [11, 40, 1]) {
    await session.append(Array(2).fill(tokens.slice(0, numTokens)));
  }
  assertEquals(told, [22, 2]);
});

Deno.test("append() tells how far texts of different lengths are read, part by part", async () => {
  using model = createModel();
  using session = new Session(model, { batch: 2 });
  const calls: ReadProgress[] = [];
  const onProgress = (call: ReadProgress) => calls.push(call);
  await session.append([tokens, tokens.slice(0, 10)], undefined, onProgress);
  assertEquals(calls, [
    { numReadTokens: 0, numTokens: 710 },
    { numReadTokens: 522, numTokens: 710 },
    { numReadTokens: 710, numTokens: 710 },
  ]);
  await session.append([[1], [2]], undefined, onProgress);
  assertEquals(calls.length, 3);
});
