// Whatever fails halfway gives back the native memory that it has taken.

import { assert, assertRejects, assertThrows } from "@std/assert";
import { Backend, GPT2, GPT2Config, Graph, type Tensor } from "../mod.ts";
import { slice } from "../src/ops.ts";
import { Trainer } from "../src/train.ts";

/** 2.6 million weights: 10.5 MB in F32. */
const CONFIG = new GPT2Config({
  vocabSize: 8000,
  contextLength: 64,
  embeddingDim: 256,
  numHeads: 4,
  numLayers: 1,
});
const WEIGHT_BYTES = 4 * 2.6e6;

/** So often something fails, and as often before: what is taken once, and what the allocator keeps, is there by then. */
const REPETITIONS = 40;

/** What the process has of memory, whether it was written to or not; only Linux says so. */
function addressSpaceBytes(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const [pages] = Deno.readTextFileSync("/proc/self/statm").split(" ");
  return Number(pages) * 4096;
}

/** Fails if what is lost each time is about as much as the weights: the allocator takes 64 MB for a thread now and then. */
async function assertGivesBack(fail: () => unknown): Promise<void> {
  for (let i = 0; i < REPETITIONS; i++) await fail();
  const before = addressSpaceBytes();
  for (let i = 0; i < REPETITIONS; i++) await fail();
  if (before === undefined) return;
  const lost = (addressSpaceBytes()! - before) / REPETITIONS;
  assert(lost < 0.75 * WEIGHT_BYTES, `${lost} bytes are lost each time`);
}

/** An intervention that returns another shape. */
const wrongShape = (x: Tensor) => slice(x, 1, 0, 1);
const tokens = Int32Array.from({ length: 8 }, (_, i) => i);
const data = { batch: () => ({ tokens, targets: tokens }) };

Deno.test("a trainer that cannot be made gives back its memory", async () => {
  using model = new GPT2(CONFIG, { seed: 1, threads: 1 });
  const intervene = { "blocks.0.residual": wrongShape };
  await assertGivesBack(() =>
    assertThrows(
      () => new Trainer(model, data, { batchSize: 1, seqLength: 8, intervene }),
      TypeError,
    )
  );
});

Deno.test("a graph that cannot be built gives back its memory", async () => {
  using model = new GPT2(CONFIG, { seed: 1, threads: 1 });
  const intervene = { logits: wrongShape };
  const texts = [[...tokens, ...tokens]];
  await assertGivesBack(() => assertRejects(() => model.forward(texts, { intervene }), TypeError));
  const of = ["blocks.0.mlpProjection.weight"];
  await assertGivesBack(() =>
    assertRejects(() => model.gradients(texts, { of, intervene }), TypeError)
  );
});

Deno.test("a model that cannot be loaded gives back its memory", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using model = new GPT2(CONFIG, { seed: 1, threads: 1 });
    await model.saveSafetensors(folder);
    // The last weight is no number, which shows when the others have been read.
    const path = `${folder}/model.safetensors`;
    const bytes = await Deno.readFile(path);
    new DataView(bytes.buffer).setUint32(bytes.length - 4, 0x7fc00000, true);
    await Deno.writeFile(path, bytes);
    await assertGivesBack(() => assertRejects(() => GPT2.fromPretrained(folder, { threads: 1 })));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the measure sees memory that is not given back", async () => {
  if (addressSpaceBytes() === undefined) return;
  using resources = new DisposableStack();
  const backend = resources.use(Backend.cpu({ threads: 1 }));
  await assertRejects(() =>
    assertGivesBack(() => {
      const graph = resources.use(new Graph(backend));
      graph.input([WEIGHT_BYTES / 4], "f32", "weights");
      graph.allocate();
    })
  );
});
