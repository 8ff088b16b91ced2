import { assert } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { assertClose } from "../close.ts";

const config = new GPT2Config({
  vocabSize: 7,
  contextLength: 256,
  embeddingDim: 16,
  numHeads: 2,
  numLayers: 1,
});

function createModel(): Model {
  const backend = Backend.cpu({ threads: 1 });
  const weights = new Weights(backend, config, () => "f32");
  initializeWeights(weights, config);
  return new Model(config, weights, backend);
}

/** Reads one new token after another, as long as there are positions and nobody says stop. */
async function readOn(engine: Engine, sequence: Sequence, isOver: () => boolean): Promise<number> {
  let numRead = 0;
  while (!isOver() && numRead < 40) {
    await engine.step([{ sequence, tokens: [numRead++ % 7], logits: "none" }]);
  }
  return numRead;
}

Deno.test("step() gets on with what has waited the longest, however many short readings come", async () => {
  using model = createModel();
  using engine = new Engine(model);
  // More of them than a pass has tokens.
  const sequences = Array.from({ length: 600 }, () => engine.open());
  let isOver = false;
  const short = sequences.map((sequence) => readOn(engine, sequence, () => isOver));
  const long = engine.open();
  const tokens = Array.from({ length: 250 }, (_, i) => i % 7);
  const [logits] = await engine.step([{ sequence: long, tokens, logits: "last" }]);
  isOver = true;
  const counts = await Promise.all(short);
  // It takes as many passes as it has parts, and those of the readings that were there before.
  assert(Math.max(...counts) < 10, `${Math.max(...counts)} short readings came first`);
  const [alone] = await engine.step([{ sequence: engine.open(), tokens, logits: "last" }]);
  assertClose(logits, alone, 1e-5);
});
