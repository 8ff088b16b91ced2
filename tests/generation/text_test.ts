import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { Text } from "../../src/generation/text.ts";
import { FileFormatError, InvalidArgumentError } from "../../src/base/errors.ts";
import type { ExploreOptions } from "../../src/generation/explore.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { assertClose } from "../close.ts";
import { referencePath } from "../model/reference.ts";

const tokenizer = Tokenizer.fromVocabAndMerges(
  Deno.readTextFileSync(referencePath("hf_folder/vocab.json")),
  Deno.readTextFileSync(referencePath("hf_folder/merges.txt")),
);
const sizes = { contextLength: 96, embeddingDim: 64, numHeads: 4, numLayers: 2 };
const config = new GPT2Config({ vocabSize: tokenizer.vocabSize, ...sizes });
const model = new GPT2(config, { seed: 1, threads: 1, tokenizer });
const prompt = Array.from({ length: 40 }, (_, i) => (i * 31 + i * i) % config.vocabSize);

/** Without kernels of our own, parts of a text are summed in another order than the whole. */
const TOLERANCE = hasKernels() ? 0 : 1e-5;

function hasKernels(): boolean {
  using backend = Backend.cpu();
  return canAttendRagged(backend, 16, "f32");
}

async function lastLogits(tokens: readonly number[]): Promise<Float32Array> {
  return (await model.forward(tokens, { logits: "last" })).logits;
}

Deno.test("a text gives the logits after what was appended, in whatever parts", async () => {
  using text = await model.open(prompt.slice(0, 7));
  for (const end of [8, 20, 40]) {
    await text.append(prompt.slice(text.length, end));
    assertClose(await text.logits(), await lastLogits(prompt.slice(0, end)), TOLERANCE);
  }
  assertEquals(text.tokens, prompt);
  assertEquals(text.text, tokenizer.decode(prompt));
});

Deno.test("append() adds nothing if it fails", async () => {
  using text = await model.open(prompt);
  const expected = await text.logits();
  await assertRejects(() => text.append(new Array(57).fill(1)), RangeError, "96 positions");
  await assertRejects(() => text.append([config.vocabSize]), RangeError, "token 0");
  await assertRejects(() => text.append([1], { signal: AbortSignal.abort() }), DOMException);
  await assertRejects(() => text.append([1], { sginal: 1 } as object), TypeError, "signal");
  assertEquals(text.tokens, prompt);
  assertEquals(await text.logits(), expected);
});

Deno.test("overlapping appends are carried out in order", async () => {
  using text = await model.open();
  await Promise.all([
    text.append(prompt.slice(0, 10)),
    text.append(prompt.slice(10, 11)),
    text.append(prompt.slice(11)),
  ]);
  assertEquals(text.tokens, prompt);
  assertClose(await text.logits(), await lastLogits(prompt), TOLERANCE);
});

Deno.test("an empty text has nothing that follows", async () => {
  using text = await model.open();
  for (
    const call of [
      () => text.logits(),
      () => text.logProbabilities(),
      () => text.next(),
      () => text.likeliest(1),
    ]
  ) {
    await assertRejects(call, RangeError, "no token");
  }
});

Deno.test("logProbabilities() and likeliest() are those of the model", async () => {
  using text = await model.open(prompt);
  const all = await text.logProbabilities();
  assertEquals(all.length, config.vocabSize);
  assert(Math.abs(all.reduce((sum, each) => sum + Math.exp(each), 0) - 1) < 1e-6);
  const [first, second] = await text.likeliest(2);
  assertEquals(first.logProbability, Math.max(...all));
  assertEquals(all[second.id], second.logProbability);
  assertEquals(second.text, tokenizer.decode([second.id]));
  assert(first.logProbability >= second.logProbability);
  await assertRejects(() => text.likeliest(0), RangeError, "positive integer");
});

Deno.test("fork() goes on by itself", async () => {
  using text = await model.open(prompt);
  using fork = text.fork();
  await Promise.all([text.append([1]), fork.append([2, 3])]);
  assertEquals(fork.tokens, [...prompt, 2, 3]);
  assertClose(await fork.logits(), await lastLogits([...prompt, 2, 3]), TOLERANCE);
  assertClose(await text.logits(), await lastLogits([...prompt, 1]), TOLERANCE);
  text[Symbol.dispose]();
  assertClose(await fork.logits(), await lastLogits([...prompt, 2, 3]), TOLERANCE);
});

Deno.test("a fork outlives a text that is disposed of at once", async () => {
  const text = await model.open(prompt);
  using fork = text.fork();
  text[Symbol.dispose]();
  assertClose(await (await fork.append([2])).logits(), await lastLogits([...prompt, 2]), TOLERANCE);
  await assertRejects(() => text.append([1]), TypeError, "disposed");
  await assertRejects(() => text.logits(), TypeError, "disposed");
  assertThrows(() => text.truncate(0), TypeError, "disposed");
  assertThrows(() => text.fork(), TypeError, "disposed");
});

Deno.test("truncate() takes back, also right after fork()", async () => {
  using text = await model.open(prompt);
  using fork = text.fork();
  fork.truncate(12);
  text.truncate(39);
  assertClose(await fork.logits(), await lastLogits(prompt.slice(0, 12)), TOLERANCE);
  assertClose(await text.logits(), await lastLogits(prompt.slice(0, 39)), TOLERANCE);
  text.truncate(0);
  assertEquals(text.length, 0);
  await text.append(prompt.slice(0, 3));
  assertClose(await text.logits(), await lastLogits(prompt.slice(0, 3)), TOLERANCE);
  for (const length of [-1, 4, 1.5, NaN]) {
    assertThrows(
      () => text.truncate(length),
      RangeError,
      `from 0 to 3, what the text has now: received ${length}.`,
    );
  }
  for (const length of ["1", null, Symbol("one")] as unknown as number[]) {
    assertThrows(() => text.truncate(length), TypeError, "the length must be an integer");
  }
});

Deno.test("next() draws the same token after the same text with a seed, and adds it", async () => {
  using text = await model.open(prompt);
  const ids: number[] = [];
  for (let i = 0; i < 8; i++) ids.push(await text.next({ seed: 3, topK: 0 }));
  assertEquals(text.tokens, [...prompt, ...ids]);
  text.truncate(prompt.length + 4);
  assertEquals(await text.next({ seed: 3, topK: 0 }), ids[4]);
  using other = await model.open(prompt);
  assertNotEquals(await other.next({ seed: 4, topK: 0, temperature: 5 }), ids[0]);
  other.truncate(prompt.length);
  const [{ id }] = await other.likeliest(1);
  assertEquals(await other.next({ greedy: true }), id);
});

Deno.test("generate() of a text writes what generate() of the model does", async () => {
  for (const options of [{ seed: 7 }, { greedy: true }, { seed: 1, regex: "[ab]{3,9}" }]) {
    const expected = await Array.fromAsync(
      model.generate(prompt, { ...options, maxNewTokens: 12 }),
    );
    using text = await model.open(prompt);
    const tokens = await Array.fromAsync(text.generate({ ...options, maxNewTokens: 12 }));
    assertEquals(tokens.map(({ id }) => id), expected.map(({ id }) => id));
    assertEquals(tokens.at(-1)!.finishReason, expected.at(-1)!.finishReason);
    assertEquals(text.tokens, [...prompt, ...tokens.map(({ id }) => id)]);
  }
  using text = await model.open(prompt);
  assertThrows(
    () => text.generate({ numReturnSequences: 2 } as object),
    TypeError,
    "numReturnSequences",
  );
});

Deno.test("generate() goes on from what the loop makes of the text", async () => {
  using text = await model.open(prompt.slice(0, 5));
  let numTokens = 0;
  for await (const _ of text.generate({ greedy: true, maxNewTokens: 3, ignoreEndOfText: true })) {
    if (++numTokens === 1) await text.append([9, 9]);
  }
  const [first] = await Array.fromAsync(
    model.generate(prompt.slice(0, 5), { greedy: true, maxNewTokens: 1 }),
  );
  const begin = [...prompt.slice(0, 5), first.id, 9, 9];
  assertEquals(text.tokens.slice(0, 8), begin);
  const [next] = await Array.fromAsync(model.generate(begin, { greedy: true, maxNewTokens: 1 }));
  assertEquals(text.tokens[8], next.id);
});

Deno.test("a full text ends with the reason contextLength", async () => {
  using text = await model.open(new Array(95).fill(3));
  const tokens = await Array.fromAsync(text.generate({ greedy: true, ignoreEndOfText: true }));
  assertEquals(tokens.map(({ finishReason }) => finishReason), ["contextLength"]);
  assertEquals(text.length, 96);
  // Whatever does not add to it goes on.
  const [{ id }] = await text.likeliest(1);
  assertEquals((await text.logits()).indexOf(Math.max(...await text.logits())), id);
  using folder = new TemporaryFolder();
  await text.save(folder.file("full.text"));
  using restored = await model.restore(folder.file("full.text"));
  for (const full of [text, restored, text.fork()]) {
    for (const add of [() => full.next(), () => Array.fromAsync(full.generate())]) {
      await assertRejects(add, RangeError, "of 96 tokens: the model has 96 positions. Truncate it");
    }
    full.truncate(95);
    await full.next();
    assertEquals(full.length, 96);
  }
});

const changes: [what: string, change: (text: Text) => unknown][] = [
  ["appends to it", (text) => text.append([7, 8, 9])],
  ["takes a token back", (text) => text.truncate(text.length - 1)],
  ["takes all back", (text) => text.truncate(1)],
  ["draws tokens itself", (text) => text.next({ seed: 1 })],
  ["has another loop write", (text) => Array.fromAsync(text.generate({ maxNewTokens: 2 }))],
];

for (const [what, change] of changes) {
  Deno.test(`generate() writes maxNewTokens tokens also while the loop ${what}`, async () => {
    using text = await model.open(prompt.slice(0, 5));
    const options = { seed: 1, maxNewTokens: 6, ignoreEndOfText: true };
    const reasons: unknown[] = [];
    for await (const { finishReason } of text.generate(options)) {
      reasons.push(finishReason);
      if (finishReason === undefined) await change(text);
    }
    assertEquals(reasons, [...new Array(5).fill(undefined), "maxNewTokens"]);
  });
}

Deno.test("loops that overlap on one text write maxNewTokens tokens each", async () => {
  using text = await model.open(prompt.slice(0, 5));
  const written = await Promise.all(
    [3, 5, 8].map((maxNewTokens) =>
      Array.fromAsync(text.generate({ seed: 1, maxNewTokens, ignoreEndOfText: true }))
    ),
  );
  assertEquals(written.map(({ length }) => length), [3, 5, 8]);
  assertEquals(text.length, 5 + 3 + 5 + 8);
});

Deno.test("what is taken back of a constrained text is taken back of its constraint", async () => {
  for (const [seed, taken] of [[1, 1], [2, 2], [3, 1], [4, 3]]) {
    using text = await model.open(prompt.slice(0, 5));
    let numTaken = 0;
    let pieces = 0;
    for await (const _ of text.generate({ seed, regex: "[0-9]{5}[a-z]{4}", maxNewTokens: 40 })) {
      pieces++;
      if (numTaken < 3 && pieces % 3 === 0) {
        numTaken++;
        text.truncate(text.length - taken);
      }
    }
    assertMatch(tokenizer.decode(text.tokens.slice(5)), /^[0-9]{5}[a-z]{4}$/);
  }
});

Deno.test("what is added to a constrained text has to fit its constraint", async () => {
  using text = await model.open(prompt.slice(0, 5));
  const append = async (added: string) => {
    let isFirst = true;
    for await (const _ of text.generate({ seed: 1, regex: "[ab]{3,20}c", maxNewTokens: 30 })) {
      if (isFirst) await text.append(added);
      isFirst = false;
    }
  };
  await append("ab");
  assertMatch(tokenizer.decode(text.tokens.slice(5)), /^[ab]{3,20}c$/);
  await assertRejects(() => append("x"), RangeError, "the constraint forbids");
});

Deno.test("what is taken back while generate() begins is noticed, until it is refused", async () => {
  const options = { forcedStart: [5, 6], maxNewTokens: 4, speculate: "lookup", seed: 1 } as const;
  let isRefused = false;
  for (let numTurns = 0; !isRefused; numTurns++) {
    using text = await model.open(prompt.slice(0, 5));
    const generated = text.generate(options);
    const first = generated.next();
    for (let i = 0; i < numTurns; i++) await undefined;
    try {
      text.truncate(2);
    } catch (error) {
      assert(error instanceof Deno.errors.Busy);
      isRefused = true;
    }
    await first;
    for await (const _ of generated);
    const kept = prompt.slice(0, isRefused ? 5 : 2);
    assertEquals(text.tokens.slice(0, -2), [...kept, 5, 6], `after ${numTurns} turns`);
  }
});

Deno.test("characters and stop texts are put together anew where a token was taken back", async () => {
  using text = await model.open(prompt.slice(0, 5));
  const bytes = tokenizer.encode("\u{1F600}");
  assert(bytes.length > 1);
  const pieces: string[] = [];
  const options = { seed: 1, regex: "(\u{1F600}){2}", maxNewTokens: 30, stop: "never" };
  let isTaken = false;
  for await (const { text: piece } of text.generate(options)) {
    pieces.push(piece);
    // In the middle of the second character.
    if (isTaken || text.length !== 5 + bytes.length + 2) continue;
    isTaken = true;
    text.truncate(text.length - 1);
  }
  assert(isTaken);
  assertEquals(pieces.join(""), "\u{1F600}\u{1F600}");
});

Deno.test("a restored text goes on as the saved one, without reading it again", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("saved.text");
  using text = await model.open(prompt);
  await text.save(path);
  using restored = await model.restore(path);
  assertEquals(restored.tokens, prompt);
  assertEquals(await restored.logits(), await text.logits());
  assertEquals(await restored.logProbabilities(), await text.logProbabilities());
  await Promise.all([text.append([5, 6]), restored.append([5, 6])]);
  assertEquals(await restored.logits(), await text.logits());
  using empty = await model.open();
  await empty.save(path);
  using restoredEmpty = await model.restore(path);
  assertEquals(restoredEmpty.tokens, []);
});

Deno.test("restore() refuses what is damaged, of another model, or no saved text", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("saved.text");
  using text = await model.open(prompt);
  await text.save(path);
  using other = new GPT2(config, { seed: 2, threads: 1, tokenizer });
  await assertRejects(() => other.restore(path), FileFormatError, "another model");
  const bytes = Deno.readFileSync(path);
  for (const at of [bytes.length - 1, bytes.length >> 1]) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    Deno.writeFileSync(path, damaged);
    await assertRejects(() => model.restore(path), FileFormatError, "damaged");
  }
  // Wherever it is cut, also within its header.
  for (const length of [0, 5, 8, 100, 1000, bytes.length - 1]) {
    Deno.writeFileSync(path, bytes.subarray(0, length));
    const advice = "Read the text again, and save it.";
    await assertRejects(() => model.restore(path), FileFormatError, advice);
  }
  Deno.copyFileSync(referencePath("hf_folder/model.safetensors"), path);
  await assertRejects(
    () => model.restore(path),
    FileFormatError,
    "its format must be allformers.gpt2.text",
  );
  await assertRejects(() => model.restore(folder.file("none")), Deno.errors.NotFound);
  await assertRejects(() => model.restore(5 as unknown as string), TypeError, "restore the text");
});

Deno.test("explore() gives the likely continuations as a tree, each as likely as it is alone", async () => {
  const branches = await model.explore(prompt, { width: 2, depth: 3, minProbability: 0 });
  using text = await model.open(prompt);
  const expected = await text.likeliest(2);
  const likely = branches.map(({ totalLogProbability: _, branches: _own, ...token }) => token);
  assertEquals(likely, expected);
  const [, { id, branches: [, { id: secondId, totalLogProbability, branches: leaves }] }] =
    branches;
  await text.append([id]);
  const second = (await text.likeliest(2))[1];
  assertEquals(second.id, secondId);
  assert(Math.abs(expected[1].logProbability + second.logProbability - totalLogProbability) < 1e-5);
  assertEquals(leaves.map(({ branches }) => branches.length), [0, 0]);
  assertEquals(leaves[0].text, tokenizer.decode([leaves[0].id]));
});

Deno.test("explore() leaves out what is unlikely, and refuses what cannot be", async () => {
  const [{ logProbability }] = await model.explore(prompt, { depth: 1, width: 1 });
  const minProbability = Math.exp(logProbability) * 1.0001;
  assertEquals(await model.explore(prompt, { minProbability }), []);
  await assertRejects(() => model.explore(prompt, { width: 0 }), RangeError, "width");
  await assertRejects(() => model.explore(prompt, { minProbability: 2 }), RangeError);
  await assertRejects(
    () => model.explore(prompt, { depth: 90, width: 1, minProbability: 0 }),
    RangeError,
  );
  await assertRejects(() => model.explore(prompt, { signal: AbortSignal.abort() }), DOMException);
  assertEquals((await model.explore([1], { depth: 1 })).length > 0, true);
  await assertRejects(() => model.explore(null as never), TypeError, "Cannot explore: a prompt");
  const aborted = AbortSignal.abort();
  const refused: [number[], ExploreOptions, string][] = [
    [[], {}, "the prompt has no token"],
    // Before anything is read, and however unlikely it is that one gets there.
    [prompt, { depth: Number.MAX_SAFE_INTEGER, minProbability: 1 }, "positions"],
    [new Array(sizes.contextLength + 1).fill(1), { depth: 1 }, "positions"],
    [prompt, { width: 300, depth: 9, minProbability: 0 }, "too many branches"],
    // Before anything is computed, which is what the signal would stop.
    [prompt, { width: 5, depth: 12, minProbability: 0, signal: aborted }, "too many branches"],
  ];
  for (const [tokens, options, message] of refused) {
    await assertRejects(() => model.explore(tokens, options), InvalidArgumentError, message);
  }
  const fullDepth = { depth: sizes.contextLength, width: 1, minProbability: 0 };
  const [{ branches }] = await model.explore([1], fullDepth);
  assertEquals(branches.length, 1);
});
