import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import type { Text } from "../../src/generation/text.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { assertClose } from "../close.ts";

const config = new GPT2Config({
  vocabSize: 331,
  contextLength: 96,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 2,
});
const model = new GPT2(config, { seed: 1, threads: 1 });
const prompt = Array.from({ length: 40 }, (_, i) => (i * 31 + i * i) % config.vocabSize);

/** Without kernels of our own, parts of a text are summed in another order than the whole. */
const TOLERANCE = 1e-5;

async function assertReads(text: Text, tokens: readonly number[]): Promise<void> {
  assertEquals(text.tokens, tokens);
  const { logits } = await model.forward(tokens, { logits: "last" });
  assertClose(await text.logits(), logits, TOLERANCE);
}

Deno.test("a fork of a text that is being read goes on from what that has read", async () => {
  const controller = new AbortController();
  const ends: Record<string, (text: Text) => void> = {
    read: () => {},
    disposed: (text) => text[Symbol.dispose](),
    aborted: () => controller.abort(),
  };
  for (const [name, end] of Object.entries(ends)) {
    const text = await model.open(prompt);
    const { signal } = controller;
    const appended = text.append([1, 2, 3], name === "aborted" ? { signal } : {});
    using fork = text.fork();
    using another = fork.fork();
    end(text);
    await Promise.allSettled([appended]);
    await assertReads(fork, [...prompt, 1, 2, 3]);
    await assertReads(await another.append([4]), [...prompt, 1, 2, 3, 4]);
    text[Symbol.dispose]();
  }
});

Deno.test("a fork of a fork is made also if the one in between is disposed of at once", async () => {
  using text = await model.open(prompt);
  const between = text.fork();
  using fork = between.fork();
  between[Symbol.dispose]();
  await assertReads(fork, prompt);
});

Deno.test("an append that fails takes back its own tokens, not those of the next", async () => {
  using text = await model.open(prompt);
  const controller = new AbortController();
  const first = text.append([1, 2], { signal: controller.signal });
  const second = text.append([3]);
  controller.abort();
  await assertRejects(() => first, DOMException);
  await second;
  await assertReads(text, [...prompt, 3]);
});

Deno.test("a call that is aborted while it waits ends at once, and lets nobody pass", async () => {
  using text = await model.open(prompt);
  const controller = new AbortController();
  const calls = [
    text.append([1]),
    text.append([2], { signal: controller.signal }),
    text.append([3]),
  ];
  const ended: string[] = [];
  const settled = calls.map((call, i) =>
    call.then(() => ended.push(`${i} read`), () => ended.push(`${i} aborted`))
  );
  controller.abort();
  await Promise.all(settled);
  assertEquals(ended, ["1 aborted", "0 read", "2 read"]);
  await assertReads(text, [...prompt, 1, 3]);
});

Deno.test("overlapping appends do not overrun the context", async () => {
  using text = await model.open(prompt);
  const [first, second, third] = [prompt, prompt, [5]].map((added) => text.append(added));
  await assertRejects(() => second, RangeError, "a text of 80");
  await Promise.all([first, third]);
  await assertReads(text, [...prompt, ...prompt, 5]);
});

Deno.test("next() draws after what was appended before it, and not after what is appended later", async () => {
  using text = await model.open(prompt);
  using expected = await model.open([...prompt, 1]);
  const id = await expected.next({ greedy: true });
  const overlapping = [
    text.append([1]),
    text.next({ greedy: true }),
    text.append([2]),
  ];
  await Promise.all(overlapping);
  await assertReads(text, [...prompt, 1, id, 2]);
});

Deno.test("append() that fails when all has been read leaves the logits as they were", async () => {
  using text = await model.open(prompt);
  const onProgress = ({ numReadTokens }: { numReadTokens: number }) => {
    if (numReadTokens > 0) throw new RangeError("Cannot go on");
  };
  await assertRejects(() => text.append([1, 2], { onProgress }), RangeError, "Cannot go on");
  await assertReads(text, prompt);
});

Deno.test("truncate() of a text is refused while something is to be done for it", async () => {
  using text = await model.open(prompt);
  const appended = text.append([1, 2, 3]);
  using fork = text.fork();
  for (const each of [text, fork]) {
    for (const length of [41, 3]) {
      assertThrows(() => each.truncate(length), Deno.errors.Busy, "being read");
    }
  }
  await appended;
  text.truncate(41);
  await assertReads(text, [...prompt, 1]);
  await assertReads(fork, [...prompt, 1, 2, 3]);
});

Deno.test("what callers write into their arrays later makes no difference", async () => {
  using text = await model.open(prompt);
  const added = [1, 2, 3];
  const appended = text.append(added);
  const tokens = [...prompt];
  const forward = model.forward(tokens, { logits: "last" });
  added.length = tokens.length = 0;
  await appended;
  await assertReads(text, [...prompt, 1, 2, 3]);
  assertEquals(await forward, await model.forward(prompt, { logits: "last" }));
});

Deno.test("save() writes the text as it was then, whatever is appended meanwhile", async () => {
  using folder = new TemporaryFolder();
  using text = await model.open(prompt);
  const path = `${folder.path}/text.safetensors`;
  await Promise.all([text.append([1]), text.save(path), text.append([2, 3])]);
  using restored = await model.restore(path);
  await assertReads(restored, [...prompt, 1]);
});

Deno.test("arguments of what only reads are checked", async () => {
  using text = await model.open(prompt);
  const wrong = { signal: {} } as { signal: AbortSignal };
  for (
    const call of [
      () => text.logits(wrong),
      () => text.logProbabilities(wrong),
      () => text.likeliest(1, wrong),
      () => text.save("/nowhere/text", wrong),
    ]
  ) {
    await assertRejects(call, TypeError, "signal");
  }
  for (const path of ["", 1, undefined] as string[]) {
    await assertRejects(() => text.save(path), TypeError, "the path must be a text");
  }
});

Deno.test("a model that a callback disposes of says so, whatever was asked for", async () => {
  const calls: ((model: GPT2, onProgress: () => void) => Promise<unknown>)[] = [
    (model, onProgress) => Array.fromAsync(model.generate(prompt, { onProgress })),
    (model, onProgress) => Array.fromAsync(model.generate(prompt, { onProgress, numBeams: 2 })),
    (model, onProgress) => model.open(prompt, { onProgress }),
    async (model, onProgress) => {
      for await (const _ of model.generate(prompt)) onProgress();
    },
    async (model, onProgress) => {
      const text = await model.open(prompt);
      onProgress();
      await text.append([1]);
    },
  ];
  for (const call of calls) {
    const own = new GPT2(config, { seed: 1, threads: 1 });
    const ended = call(own, () => own[Symbol.dispose]());
    await assertRejects(() => ended, TypeError, "Cannot use the model: it has been disposed of");
  }
});
