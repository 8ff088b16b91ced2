/** A model that is disposed of while it computes: whatever was asked for ends, or says that the model is gone. */
import { assert, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { GPT2, GPT2Config } from "../../mod.ts";
import { attentionPatterns, logitLens } from "../../src/inspect.ts";
import { DisposedError } from "../../src/base/errors.ts";
import { eventLoopTurn } from "../../src/base/event_loop.ts";
import { Trainer } from "../../src/train.ts";

const config = new GPT2Config({
  vocabSize: 331,
  contextLength: 96,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
const tokens = Array.from({ length: 40 }, (_, i) => (i * 31 + i * i) % config.vocabSize);
const batch = { tokens: Int32Array.from(tokens), targets: Int32Array.from(tokens) };
const training = { numSteps: 4, batchSize: 1, seqLength: tokens.length };

const calls: Record<string, (model: GPT2) => Promise<unknown>> = {
  forward: (model) => model.forward(tokens),
  "forward, with targets": (model) => model.forward(tokens, { targets: tokens }),
  "forward, captured": (model) => model.forward(tokens, { capture: ["*"] }),
  gradients: (model) => model.gradients(tokens, { of: ["blocks.1.residual"], answer: 1 }),
  generate: (model) => Array.fromAsync(model.generate(tokens)),
  "generate, several": (model) => Array.fromAsync(model.generate([tokens, tokens])),
  "generate, beams": (model) => Array.fromAsync(model.generate(tokens, { numBeams: 2 })),
  open: (model) => model.open(tokens),
  append: async (model) => await (await model.open(tokens)).append([1, 2, 3]),
  next: async (model) => await (await model.open(tokens)).next(),
  "generate, of a text": async (model) =>
    await Array.fromAsync((await model.open(tokens)).generate()),
  "score, of a text": async (model) => await (await model.open(tokens)).score([1, 2, 3]),
  "logits, of a text": async (model) => await (await model.open(tokens)).logits(),
  "fork, of a text": async (model) => await (await model.open(tokens)).fork().append([1]),
  explore: (model) => model.explore(tokens),
  score: (model) => model.score(tokens),
  scoreEach: (model) => Array.fromAsync(model.scoreEach([tokens, tokens])),
  scoreContinuations: (model) => model.scoreContinuations(tokens, [[1], [2, 3]]),
  logitLens: (model) => logitLens(model, tokens),
  attentionPatterns: (model) => attentionPatterns(model, tokens),
  train: async (model) => {
    using trainer = new Trainer(model, { batch: () => batch }, training);
    return await Array.fromAsync(trainer);
  },
};

/** More turns of the event loop than the shortest of the calls takes. */
const NUM_TURNS = 12;

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`a model that is disposed of amid a call says so: ${name}`, async () => {
    let numRefused = 0;
    for (let numTurns = 0; numTurns < NUM_TURNS; numTurns++) {
      const model = new GPT2(config, { seed: 1, threads: 1 });
      const ended = Promise.allSettled([call(model)]);
      for (let i = 0; i < numTurns; i++) await eventLoopTurn();
      model[Symbol.dispose]();
      const [outcome] = await ended;
      if (outcome.status === "fulfilled") continue;
      numRefused++;
      assertInstanceOf(outcome.reason, DisposedError, `${outcome.reason?.stack}`);
      assertStringIncludes(outcome.reason.message, "Cannot use the model: it has been disposed of");
    }
    assert(numRefused > 0, "it was never disposed of in time");
  });
}
