import { assertEquals } from "@std/assert";
import { Sequence, type SequenceOwner } from "../../src/engine/sequence.ts";
import { Slots } from "../../src/engine/slots.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import type { Model } from "../../src/model/model.ts";

const config = new GPT2Config({
  vocabSize: 7,
  contextLength: 200,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 1,
});
const owner: SequenceOwner = { isPending: () => false, close: () => {} };

/** One that has no need of masks, unless it is asked to spell attention out. */
function raggedModel(): Model {
  const model = createModel(config, { threads: 1 });
  Object.defineProperty(model, "hasRaggedAttention", { value: true });
  return model;
}

Deno.test("reserve() gives cleared rows for attention by masks, also where there is enough room already", async () => {
  using model = raggedModel();
  for (const length of [3, 60, 150]) {
    using slots = new Slots(model, () => {}, () => 0);
    using open = new Sequence(owner, config.vocabSize);
    await slots.reserve([{ sequence: open, length: 60 }]);
    assertEquals(slots.cache.isCleared, false);
    slots.clearRows();
    await slots.reserve([{ sequence: open, length }]);
    assertEquals(slots.cache.isCleared, true, `${length}`);
    const { cache } = slots;
    await slots.reserve([{ sequence: open, length }]);
    assertEquals(slots.cache === cache, true);
  }
});
