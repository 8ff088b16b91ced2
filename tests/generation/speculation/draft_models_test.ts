import { assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../../src/engine/engine.ts";
import type { DraftModel } from "../../../src/generation/speculation/draft_models.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { createModel } from "../../../src/model/create_model.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { asDraft, createSmallModel, tokenizer, write } from "./speculating.ts";

const engine = new Engine(createSmallModel(1));
const settings = { greedy: true, maxNewTokens: 20 };

Deno.test("generate() refuses a draft model with other tokens", async () => {
  const larger = createModel(GPT2Config.tiny(), { seed: 1, threads: 1 });
  await assertRejects(
    () => write(engine, [[1]], { ...settings, draft: asDraft(new Engine(larger)) }),
    RangeError,
    "it has",
  );
  const pieces = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.piece(id));
  [pieces[7], pieces[9]] = [pieces[9], pieces[7]];
  const swapped = new Tokenizer({ tokens: pieces, merges: [] });
  await assertRejects(
    () => write(engine, [[1]], { ...settings, draft: asDraft(engine, swapped) }),
    RangeError,
    "token 7 does not mean the same",
  );
  // Without a tokenizer there is nothing to compare.
  const vocabulary = { tokenizer: undefined, endOfTextIds: [] };
  await write(engine, [[1]], { ...settings, draft: asDraft(engine, swapped) }, vocabulary);
});

Deno.test("generate() refuses what is no model, and two kinds of drafts", async () => {
  const notModel = { config: engine.model.config, tokenizer } as DraftModel;
  await assertRejects(
    () => write(engine, [[1]], { ...settings, draft: notModel }),
    TypeError,
    "draft must be a GPT2",
  );
  await assertRejects(
    () => write(engine, [[1]], { ...settings, draft: asDraft(engine), speculate: "lookup" }),
    TypeError,
    "received speculate and draft",
  );
  await assertRejects(
    () => write(engine, [[1]], { ...settings, speculate: "guess" as "lookup" }),
    RangeError,
    'speculate must be "lookup": received',
  );
});

Deno.test("generate() says so when the draft model has been disposed of", async () => {
  const draftEngine = new Engine(createSmallModel(3));
  const draft = asDraft(draftEngine);
  draftEngine[Symbol.dispose]();
  await assertRejects(() => write(engine, [[1]], { ...settings, draft }), TypeError, "disposed");
});

Deno.test("a GPT2 drafts for another one, and goes on to be usable", async () => {
  const config = { vocabSize: 300, contextLength: 64, numHeads: 2 };
  using target = new GPT2(new GPT2Config({ ...config, embeddingDim: 64, numLayers: 4 }), {
    seed: 1,
    threads: 1,
  });
  using draft = new GPT2(new GPT2Config({ ...config, embeddingDim: 8, numLayers: 1 }), {
    seed: 2,
    threads: 1,
  });
  const idsOf = async (model: GPT2, extra: { draft?: GPT2; onDraft?: () => void }) => {
    const ids = [];
    for await (const { id } of model.generate([1, 2, 3], { ...settings, ...extra })) ids.push(id);
    return ids;
  };
  let numDrafts = 0;
  const onDraft = () => numDrafts++;
  assertEquals(await idsOf(target, { draft, onDraft }), await idsOf(target, {}));
  assertEquals(numDrafts > 0, true);
  assertEquals((await idsOf(draft, {})).length, 20);
});

Deno.test("a draft model with fewer positions goes on from the end of the text", async () => {
  const { vocabSize } = engine.model.config;
  const short = createModel(
    new GPT2Config({ vocabSize, contextLength: 5, embeddingDim: 8, numHeads: 1, numLayers: 1 }),
    { seed: 1, threads: 1 },
  );
  const draft = asDraft(new Engine(short));
  const prompt = Array.from({ length: 20 }, (_, i) => i);
  const plain = await write(engine, [prompt], settings);
  const drafted = await write(engine, [prompt], { ...settings, draft });
  assertEquals(drafted.tokens.map(({ id }) => id), plain.tokens.map(({ id }) => id));
  assertEquals(drafted.numDrafted > 0, true);
});
