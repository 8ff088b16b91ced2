import { assert, assertEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createHandler } from "../../src/serve.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { referencePath } from "../model/reference.ts";

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
const config = new GPT2Config({
  vocabSize: tokenizer.vocabSize,
  contextLength: 64,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
const PROMPT = [1, 2, 3];
const WIDE = { width: 90, depth: 2, minProbability: 0 };

/** A model, and what its keys and values take. */
function observed() {
  const model = new GPT2(config, { seed: 1, tokenizer, threads: 1 });
  const handler = createHandler(model, { modelName: "m" });
  const cacheBytes = async () => {
    const text = await (await handler(new Request("http://localhost/metrics"))).text();
    return Number(text.match(/^gpt2_cache_bytes (\d+)$/m)![1]);
  };
  return { model, cacheBytes };
}

Deno.test("explore() gives its memory back when it ends, though other texts stay open", async () => {
  const { model, cacheBytes } = observed();
  using _model = model;
  using kept = await model.open(PROMPT);
  const before = await cacheBytes();
  const logits = await kept.logits();
  let [most, isOver] = [0, false];
  const exploring = model.explore(PROMPT, WIDE).finally(() => isOver = true);
  while (!isOver) {
    most = Math.max(most, await cacheBytes());
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals((await exploring).length, 90);
  assert(most > 20 * before, `${most} bytes at most`);
  assert(await cacheBytes() <= 4 * before, `${await cacheBytes()} bytes instead of ${before}`);
  assertEquals(await kept.logits(), logits);
  const [next] = await model.explore([...PROMPT, 4], { width: 1, depth: 1, minProbability: 0 });
  await kept.append([4]);
  assertEquals((await kept.likeliest(1))[0].logProbability, next.logProbability);
});

Deno.test("explore() gives its memory back when it is stopped", async () => {
  const { model, cacheBytes } = observed();
  using _model = model;
  using kept = await model.open(PROMPT);
  const before = await cacheBytes();
  const stopping = new AbortController();
  const exploring = model.explore(PROMPT, {
    ...WIDE,
    width: 39,
    depth: 3,
    signal: stopping.signal,
  });
  while (await cacheBytes() < 20 * before) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  stopping.abort();
  await assertRejects(() => exploring, DOMException);
  // What follows has its turn behind that.
  await kept.append([4]);
  assert(await cacheBytes() <= 4 * before, `${await cacheBytes()} bytes instead of ${before}`);
});
