import { assertEquals, assertRejects } from "@std/assert";
import { Session } from "../../src/engine/session.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializeWeights } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

const config = new GPT2Config({
  vocabSize: 331,
  contextLength: 1024,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
/** More than are read in one part. */
const tokens = Array.from({ length: 700 }, (_, i) => i % config.vocabSize);

function createModel(): Model {
  const backend = Backend.cpu({ threads: 1 });
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
