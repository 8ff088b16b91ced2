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
const owner: SequenceOwner = { isPending: () => false, forgetDisposed: () => {} };

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

/** Sequences of a token each, in slots. */
async function opened(slots: Slots, count: number): Promise<Sequence[]> {
  const sequences = Array.from({ length: count }, () => new Sequence(owner, config.vocabSize));
  await slots.reserve(sequences.map((sequence) => ({ sequence, length: 1 })));
  for (const sequence of sequences) sequence.numRows = 1;
  return sequences;
}

function close(slots: Slots, sequences: readonly Sequence[]): void {
  for (const sequence of sequences) sequence[Symbol.dispose]();
  slots.freeDisposed(() => false);
}

const slotsOf = (sequences: readonly Sequence[]) => sequences.map(({ slot }) => slot);

Deno.test("reserve() gives slots that others have left first, and moves nobody for that", async () => {
  for (const isRagged of [true, false]) {
    using model = isRagged ? raggedModel() : createModel(config, { threads: 1 });
    using slots = new Slots(model, () => {}, () => 0);
    const sequences = await opened(slots, 6);
    assertEquals(slotsOf(sequences), [0, 1, 2, 3, 4, 5]);
    close(slots, [sequences[1], sequences[3]]);
    assertEquals(slotsOf(await opened(slots, 3)), [1, 3, 6]);
    assertEquals(slotsOf(sequences), [0, 1, 2, 3, 4, 5]);
  }
});

Deno.test("reserve() closes gaps when most slots are free, or where attention needs masks", async () => {
  using ragged = raggedModel();
  using masked = createModel(config, { threads: 1 });
  Object.defineProperty(masked, "hasRaggedAttention", { value: false });
  for (
    const [model, numClosed, expected] of [
      [ragged, 3, [3, 4, 5, 6, 7]],
      [ragged, 5, [0, 1, 2]],
      [masked, 1, [0, 1, 2, 3, 4, 5, 6]],
    ] as const
  ) {
    using slots = new Slots(model, () => {}, () => 0);
    const sequences = await opened(slots, 8);
    close(slots, sequences.slice(0, numClosed));
    const left = sequences.slice(numClosed);
    await slots.reserve([{ sequence: left[0], length: 2 }]);
    assertEquals(slotsOf(left).toSorted(), [...expected]);
  }
});
