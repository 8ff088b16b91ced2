import { assertEquals, assertRejects } from "@std/assert";
import { NotEnoughMemoryError } from "../../src/base/errors.ts";
import type { Text } from "../../src/generation/text.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { assertClose } from "../close.ts";

const config = new GPT2Config({
  vocabSize: 97,
  contextLength: 256,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});

/** Has the system tell that so much memory is free. */
function withFreeBytes(available: number): Disposable {
  const { systemMemoryInfo } = Deno;
  Deno.systemMemoryInfo = () => ({ ...systemMemoryInfo(), available });
  return { [Symbol.dispose]: () => void (Deno.systemMemoryInfo = systemMemoryInfo) };
}

/** What two texts of the whole context take: keys and values of 2 layers, 64 numbers of 4 bytes each. */
const BYTES_OF_TWO = 2 * 256 * 2 * 2 * 64 * 4;

Deno.test("what takes more memory than is free is refused before it is used, and what fits is done", async () => {
  const prompt = Array.from({ length: 250 }, (_, i) => i % 97);
  const calls: Record<string, (model: GPT2, before: Text) => Promise<unknown>> = {
    generate: (model) =>
      Array.fromAsync(model.generate([prompt, prompt, prompt], { maxNewTokens: 2 })),
    sequences: (model) =>
      Array.fromAsync(model.generate([prompt], { maxNewTokens: 2, numReturnSequences: 3 })),
    beams: (model) => Array.fromAsync(model.generate(prompt, { maxNewTokens: 2, numBeams: 3 })),
    texts: (model) => Promise.all([1, 2, 3].map(() => model.open(prompt))),
    forks: (_model, before) => Promise.all([1, 2, 3].map(() => before.fork().append([1]))),
    explore: (model) => model.explore(prompt, { width: 3, depth: 2, minProbability: 0 }),
  };
  for (const [name, call] of Object.entries(calls)) {
    using model = new GPT2(config, { seed: 1, threads: 1 });
    using before = await model.open(prompt);
    const expected = await before.logits();
    {
      using _little = withFreeBytes(BYTES_OF_TWO);
      // Elsewhere it is not known how much is free.
      if (Deno.build.os === "linux") {
        await assertRejects(() => call(model, before), NotEnoughMemoryError, "free", name);
      }
      assertEquals(await before.logits(), expected, name);
    }
    await call(model, before);
    assertEquals(await before.logits(), expected);
  }
});

Deno.test("a fork that could not be made hears of that once, and is read when it is used again", async () => {
  using model = new GPT2(config, { seed: 1, threads: 1 });
  const prompt = Array.from({ length: 200 }, (_, i) => i % 97);
  using text = await model.open(prompt);
  const fork = text.fork.bind(text);
  const forks = [fork(), fork(), fork(), fork()];
  using _little = withFreeBytes(1000);
  const results = await Promise.allSettled(forks.map((each) => each.append([5])));
  if (Deno.build.os === "linux") {
    assertEquals(results.map(({ status }) => status), new Array(4).fill("rejected"));
  }
  _little[Symbol.dispose]();
  const { logits } = await model.forward([...prompt, 5, 6], { logits: "last" });
  for (const each of [...forks, forks[0].fork()]) {
    if (each.length === prompt.length) await each.append([5]);
    await each.append([6]);
    assertEquals(each.tokens, [...prompt, 5, 6]);
    assertClose(await each.logits(), logits, 1e-5);
    assertEquals((await Array.fromAsync(each.generate({ maxNewTokens: 3 }))).length, 3);
    each[Symbol.dispose]();
  }
});
