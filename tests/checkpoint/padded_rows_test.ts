/** Models with more rows than their tokenizer has tokens, as those whose vocabulary was rounded up for speed. */
import { assertEquals, assertThrows } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { TemporaryFolder } from "./folders.ts";
import { readGguf } from "./gguf_files.ts";

const NUM_ROWS = 50_304;
const NUM_TOKENS = 50_257;
/** As llama.cpp numbers them. */
const UNUSED = 5;

const tokenizer = await Tokenizer.gpt2();
const config = new GPT2Config({
  vocabSize: NUM_ROWS,
  contextLength: 16,
  embeddingDim: 4,
  numHeads: 1,
  numLayers: 1,
});

Deno.test("a model with more rows than tokens is saved and loaded with ids that have no text", async () => {
  using folder = new TemporaryFolder();
  using model = await GPT2.create(config, { tokenizer, seed: 1, threads: 1 });
  const [hf, gguf, again] = ["hf", "a.gguf", "b.gguf"].map((name) => folder.file(name));
  await model.saveSafetensors(hf);
  await model.saveGguf(gguf);
  const { logits: expected } = await model.forward([1, 2, 3]);
  for (const path of [hf, gguf, again]) {
    using loaded = await GPT2.fromPretrained(path === again ? gguf : path, { threads: 1 });
    assertEquals((await loaded.forward([1, 2, 3])).logits, expected, path);
    assertEquals(loaded.tokenizer!.vocabSize, NUM_ROWS);
    assertEquals(loaded.tokenizer!.decode([40, 50_288, 41]), tokenizer.decode([40, 41]));
    assertEquals(loaded.tokenizer!.encode("[PAD50288]"), tokenizer.encode("[PAD50288]"));
    if (path === gguf) await loaded.saveGguf(again);
  }
  for (const path of [gguf, again]) {
    const { metadata } = readGguf(path);
    const tokens = metadata.get("tokenizer.ggml.tokens")!.value as string[];
    const types = metadata.get("tokenizer.ggml.token_type")!.value as Int32Array;
    assertEquals([tokens.length, types.length], [NUM_ROWS, NUM_ROWS]);
    assertEquals(tokens.slice(NUM_TOKENS - 1, NUM_TOKENS + 1), ["<|endoftext|>", "[PAD50257]"]);
    assertEquals([...types.slice(NUM_TOKENS)], Array(NUM_ROWS - NUM_TOKENS).fill(UNUSED));
  }
});

Deno.test("generate() goes on where the model writes an id that has no text", async () => {
  using model = await GPT2.create(config, { tokenizer, seed: 1, threads: 1 });
  const options = { maxNewTokens: 3, greedy: true, logitBias: { 50288: 1000 } };
  const written = await Array.fromAsync(model.generate("a", options));
  assertEquals(written.map(({ id, text }) => [id, text]), Array(3).fill([50_288, ""]));
  // Who asks for the text of such an id is told that there is none.
  assertThrows(() => model.tokenizer!.decode([50_288]), RangeError, "received 50288");
});
