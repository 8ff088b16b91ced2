import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { planPasses } from "../../src/engine/plan_passes.ts";
import type { Span } from "../../src/engine/step_pass.ts";
import { type AppliedAdapters, applyAdapters } from "../../src/model/applied_adapters.ts";
import { ADAPTER_TARGETS } from "../../src/model/adapter_weights.ts";
import type { Model } from "../../src/model/model.ts";
import { ModelAdapter } from "../../src/model/model_adapter.ts";
import { randomAdapter } from "../model/random_adapter.ts";
import { createReferenceModel } from "../model/reference.ts";

const TOKENS = [1, 2, 3, 4];

function adapterOf(model: Model, seed: number): ModelAdapter {
  const weights = randomAdapter(model.config, { rank: 2, targets: ADAPTER_TARGETS, seed });
  return new ModelAdapter(model, weights);
}

async function logitsAfter(
  engine: Engine,
  tokens: readonly number[],
  adapters?: AppliedAdapters | null,
): Promise<Float32Array> {
  using sequence = engine.open({ adapters });
  const [logits] = await engine.step([{ sequence, tokens, logits: "last" }]);
  return logits.slice();
}

Deno.test("sequences with different adapters are read side by side, each as it would be alone", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  using first = adapterOf(model, 1);
  using second = adapterOf(model, 2);
  const kinds = [
    null,
    applyAdapters("test", model, [first]),
    applyAdapters("test", model, [{ adapter: second, scale: 0.5 }]),
    applyAdapters("test", model, [first, second]),
    applyAdapters("test", model, [{ adapter: first, scale: 2 }]),
  ];
  const alone = await Promise.all(kinds.map((kind) => logitsAfter(engine, TOKENS, kind)));
  for (const [i, logits] of alone.entries()) {
    for (const other of alone.slice(i + 1)) assertNotEquals(logits, other);
  }
  using sequences = new DisposableStack();
  const together = kinds.map((adapters) => sequences.use(engine.open({ adapters })));
  // Token by token, so that keys and values of one would be seen by another if they shared anything.
  let logits: Float32Array[] = [];
  for (const token of TOKENS) {
    logits = await engine.step(
      together.map((sequence) => ({ sequence, tokens: [token], logits: "last" as const })),
    );
  }
  const whole = await Promise.all(kinds.map((kind) => readSingly(engine, kind)));
  for (const [i, each] of logits.entries()) assertEquals(each.slice(), whole[i], `kind ${i}`);
});

async function readSingly(engine: Engine, adapters: AppliedAdapters | null): Promise<Float32Array> {
  using sequence = engine.open({ adapters });
  for (const token of TOKENS) await engine.step([{ sequence, tokens: [token], logits: "last" }]);
  return sequence.logits.slice();
}

Deno.test("a fork goes on with the adapters of what it is a copy of", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  using adapter = adapterOf(model, 1);
  using sequence = engine.open({ adapters: applyAdapters("test", model, [adapter]) });
  await engine.step([{ sequence, tokens: TOKENS, logits: "last" }]);
  using fork = engine.fork(sequence);
  await engine.step([{ sequence: fork, tokens: [5], logits: "last" }]);
  await engine.step([{ sequence, tokens: [5], logits: "last" }]);
  assertEquals(fork.logits, sequence.logits);
  assertNotEquals(fork.logits.slice(), await logitsAfter(engine, [...TOKENS, 5]));
});

Deno.test("without adapters, and with a scale of 0, a model computes the same bits as ever", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  const before = await logitsAfter(engine, TOKENS);
  using adapter = adapterOf(model, 1);
  await logitsAfter(engine, TOKENS, applyAdapters("test", model, [adapter]));
  assertEquals(await logitsAfter(engine, TOKENS), before);
  const none = applyAdapters("test", model, [{ adapter, scale: 0 }]);
  assertEquals(none, null);
  assertEquals(await logitsAfter(engine, TOKENS, none), before);
});

Deno.test("sequences for which nobody says have the adapters of the engine", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  using adapter = adapterOf(model, 1);
  const plain = await logitsAfter(engine, TOKENS);
  const applied = applyAdapters("test", model, [adapter])!;
  const adapted = await logitsAfter(engine, TOKENS, applied);
  engine.adapters = applied;
  assertEquals(await logitsAfter(engine, TOKENS), adapted);
  assertEquals(await logitsAfter(engine, TOKENS, null), plain);
});

Deno.test("planPasses() has one pass for all spans with the same adapters", () => {
  const span = (slot: number, adapters: AppliedAdapters | undefined): Span => ({
    slot,
    start: 0,
    tokens: [1],
    logits: "last",
    endsReading: true,
    adapters,
  });
  using model = createReferenceModel("tiny");
  using adapter = adapterOf(model, 1);
  const applied = () => applyAdapters("test", model, [adapter])!;
  const spans = [span(0, undefined), span(1, applied()), span(2, undefined), span(3, applied())];
  const slots = planPasses(spans, true).map(({ spans }) => spans.map(({ slot }) => slot));
  assertEquals(slots, [[0, 2], [1, 3]]);
});

Deno.test("Engine.step() rejects when an adapter has been disposed of, and goes on with others", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  const adapter = adapterOf(model, 1);
  using sequence = engine.open({ adapters: applyAdapters("test", model, [adapter]) });
  await engine.step([{ sequence, tokens: [1], logits: "last" }]);
  const before = await logitsAfter(engine, TOKENS);
  adapter[Symbol.dispose]();
  await assertRejects(
    () => engine.step([{ sequence, tokens: [2], logits: "last" }]),
    TypeError,
    "Cannot use the adapter: it has been disposed of",
  );
  assertEquals(await logitsAfter(engine, TOKENS), before);
});

Deno.test("an adapter that is disposed of while it is computed with is freed after that", async () => {
  using model = createReferenceModel("tiny");
  using engine = new Engine(model);
  const adapter = adapterOf(model, 1);
  using sequence = engine.open({ adapters: applyAdapters("test", model, [adapter]) });
  const tokens = Array.from({ length: 16 }, (_, i) => i);
  const reading = engine.step([{ sequence, tokens, logits: "last" }]);
  adapter[Symbol.dispose]();
  const result = await Promise.allSettled([reading]);
  assert(result[0].status === "rejected" || result[0].value[0].every(Number.isFinite));
});

Deno.test("applyAdapters() throws when something is no adapter of the model", () => {
  using model = createReferenceModel("tiny");
  using other = createReferenceModel("tiny");
  using adapter = adapterOf(other, 1);
  using own = adapterOf(model, 1);
  const apply = (given: unknown) => applyAdapters("generate", model, [given as ModelAdapter]);
  for (const wrong of [undefined, null, 3, "x", {}, { adapter: 3 }, { scale: 1 }]) {
    assertThrows(() => apply(wrong), TypeError, "adapters must hold what loadAdapter() gave");
  }
  assertThrows(() => apply(adapter), TypeError, "received one of another model");
  assertThrows(() => apply({ adapter: own, scale: "1" }), TypeError, "must be a finite number");
  assertThrows(() => apply({ adapter: own, scale: NaN }), RangeError, "must be a finite number");
});
