import { assertEquals, assertRejects } from "@std/assert";
import { InvalidArgumentError } from "../../src/base/errors.ts";
import type { Text } from "../../src/generation/text.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

const contextLength = 48;
const config = new GPT2Config({
  vocabSize: 97,
  contextLength,
  embeddingDim: 32,
  numHeads: 2,
  numLayers: 1,
});
const model = new GPT2(config, { seed: 1, threads: 1 });

/** What a loop may do to the text that it is about. */
const LOOPS: Record<string, (text: Text) => unknown> = {
  "takes each token back": (text) => text.truncate(text.length - 1),
  "takes back all but the first": (text) => text.truncate(1),
  "adds tokens": (text) => text.append([1, 2, 3]),
  "has another loop": (text) => Array.fromAsync(text.generate({ maxNewTokens: 2 })),
  "draws a token": (text) => text.next({ seed: 1 }),
  "takes back and adds": (text) => {
    text.truncate(text.length - 2);
    return text.append([1]);
  },
};

for (const [name, change] of Object.entries(LOOPS)) {
  Deno.test(`generate() of a text ends after maxNewTokens when its loop ${name}`, async () => {
    using text = await model.open([1, 2, 3, 4]);
    const reasons: unknown[] = [];
    for await (const { finishReason } of text.generate({ maxNewTokens: 7, seed: 1 })) {
      reasons.push(finishReason);
      if (reasons.length > 20) break;
      await change(text);
    }
    assertEquals(reasons, [...new Array(6).fill(undefined), "maxNewTokens"]);
  });
}

Deno.test("generate() of a text ends when two of them write the same text", async () => {
  using text = await model.open([1]);
  const both = [6, 9].map((maxNewTokens) => Array.fromAsync(text.generate({ maxNewTokens })));
  assertEquals((await Promise.all(both)).map(({ length }) => length), [6, 9]);
  assertEquals(text.length, 16);
});

Deno.test("generate() of a text fills the context, and what can be done with a text goes on", async () => {
  using folder = new TemporaryFolder();
  for (const numTokens of [1, contextLength - 2, contextLength - 1]) {
    using text = await model.open(new Array(numTokens).fill(3));
    const written = await Array.fromAsync(text.generate({ maxNewTokens: 100, seed: 1 }));
    assertEquals(written.length, contextLength - numTokens);
    assertEquals(written.at(-1)!.finishReason, "contextLength");
    assertEquals((await text.logits()).length, config.vocabSize);
    const path = `${folder.path}/text`;
    await text.save(path);
    using restored = await model.restore(path);
    assertEquals(restored.tokens, text.tokens);
    for (const goOn of [() => Array.fromAsync(text.generate()), () => text.next()]) {
      await assertRejects(goOn, InvalidArgumentError, "the model has 48 positions");
    }
    assertEquals(text.length, contextLength);
  }
});
