/** The class that users hold, as those meet it who have no type checker. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import { NumericalError } from "../src/base/errors.ts";
import { GPT2, type GPT2Options } from "../src/gpt2.ts";
import type { GenerateOptions } from "../src/generation/generate_options.ts";
import type { Prompt } from "../src/tokenizer/prompts.ts";
import { GPT2Config } from "../src/model/config.ts";
import { prepareLibrary } from "../src/native_library/native_library.ts";
import { RpcServers } from "../src/tensor/rpc_servers.ts";
import { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { maxDifference } from "./close.ts";
import { TemporaryFolder } from "./checkpoint/folders.ts";
import { referencePath } from "./model/reference.ts";

/** Texts in a batch are summed in another order than alone; logits are near 1. */
const BATCH_TOLERANCE = 1e-5;

const folder = referencePath("hf_folder");
const model = await GPT2.fromPretrained(folder, { threads: 1 });
const vocab = model.config.vocabSize;

// deno-lint-ignore no-explicit-any -- what a caller without types may pass
type Anything = any;

const misspelt: [what: string, call: () => unknown, closest: string][] = [
  [
    "fromPretrained dtype",
    () => GPT2.fromPretrained(folder, { dtype: "q4_0" } as Anything),
    "type",
  ],
  [
    "fromPretrained thread",
    () => GPT2.fromPretrained(folder, { thread: 4 } as Anything),
    "threads",
  ],
  ["new sed", () => new GPT2(GPT2Config.tiny(), { sed: 1 } as Anything), "seed"],
  ["create sed", () => GPT2.create(GPT2Config.tiny(), { sed: 1 } as Anything), "seed"],
  ["forward target", () => model.forward([1], { target: [2] } as Anything), "targets"],
  ["saveGguf typ", () => model.saveGguf("/x/y", { typ: "f16" } as Anything), "type"],
  [
    "saveSafetensors sginal",
    () => model.saveSafetensors("/x/y", { sginal: 1 } as Anything),
    "signal",
  ],
  ["numParameters", () => model.numParameters({ nonembedding_: true } as Anything), "nonEmbedding"],
  ...["max_new_tokens", "maxNewToken", "maxTokens", "max-new-tokens"].map((name) =>
    [
      `generateText ${name}`,
      () => model.generateText([1], { [name]: 1 } as Anything),
      "maxNewTokens",
    ] as [string, () => unknown, string]
  ),
  ["config num_layers", () => new GPT2Config({ num_layers: 1 } as Anything), "numLayers"],
  [
    "encode",
    () => model.tokenizer!.encode("a", { allowedSpecial: "all" } as Anything),
    "allowSpecial",
  ],
  ["prepareLibrary", () => prepareLibrary({ signl: 1 } as Anything), "signal"],
  ["generateText top_p", () => model.generateText([1], { top_p: 1 } as Anything), "topP"],
];

for (const [what, call, closest] of misspelt) {
  Deno.test(`a misspelt option is an error that names the nearest: ${what}`, async () => {
    const error = await assertRejects(async () => await call(), TypeError, "no such option");
    assertStringIncludes(error.message, `Did you mean ${closest}?`);
  });
}

Deno.test("an option like no other is an error that lists all", async () => {
  const error = await assertRejects(
    () => model.forward([1], { lastOnly: true } as Anything),
    TypeError,
  );
  assertStringIncludes(
    error.message,
    "The options are adapters, capture, intervene, logits, signal, targets.",
  );
});

const wrong: [what: string, call: () => unknown, message: string][] = [
  [
    "type",
    () => GPT2.fromPretrained(folder, { type: "q3_k" as Anything }),
    "type must be one of f32",
  ],
  ["type", () => GPT2.fromPretrained(folder, { type: 4 as Anything }), "type must be one of f32"],
  ["threads", () => GPT2.fromPretrained(folder, { threads: "2" as Anything }), "threads must be"],
  [
    "threads",
    () => GPT2.fromPretrained(folder, { threads: 0 }),
    "threads must be an integer from 1",
  ],
  ["device", () => GPT2.fromPretrained(folder, { device: 1 as Anything }), "device must be a text"],
  [
    "signal",
    () => GPT2.fromPretrained(folder, { signal: {} as Anything }),
    "signal must be an Abort",
  ],
  ["rpc", () => RpcServers.connect("a:1" as Anything), "an array of texts"],
  ["rpc", () => GPT2.fromPretrained(folder, { rpc: "a:1" as Anything }), "rpc must be an array"],
  ["prompts", () => model.generateText(new Array(2)), "a prompt must be a text or its tokens"],
  ["rpc", () => GPT2.fromPretrained(folder, { rpc: new Array(2) }), "rpc must be an array of host"],
  [
    "onProgress",
    () => GPT2.fromPretrained(folder, { onProgress: 1 as Anything }),
    "onProgress must",
  ],
  ["source", () => GPT2.fromPretrained(42 as Anything), "its name must be a text or a URL"],
  [
    "options",
    () => GPT2.fromPretrained(folder, "q8_0" as Anything),
    "the options must be an object",
  ],
  ["config", () => new GPT2({} as Anything), "must be a GPT2Config"],
  ["config", () => GPT2.create({} as Anything), "must be a GPT2Config"],
  ["tokenizer", () => new GPT2(GPT2Config.tiny(), { tokenizer: {} } as Anything), "a Tokenizer"],
  ["config", () => new GPT2Config(undefined as Anything), "the options must be an object"],
  ["signal", () => new GPT2(GPT2Config.tiny(), { signal: 1 } as Anything), "no such option"],
  ["ids", () => model.tokenizer!.decode(5 as Anything), "must be an array of token ids"],
  ["ids", () => model.tokenizer!.decode("5" as Anything), "must be an array of token ids"],
  [
    "allowSpecial",
    () => model.tokenizer!.encode("", { allowSpecial: 5 as Anything }),
    "special tokens",
  ],
  [
    "allowSpecial",
    () => model.generateText([1], { allowSpecial: [5] as Anything }),
    "special tokens",
  ],
  ["sequences", () => model.generateText([1], { numReturnSequences: "1" as Anything }), "integer"],
  ["prepareLibrary", () => prepareLibrary({ onProgress: 1 } as Anything), "must be a function"],
  ["seed", () => new GPT2(GPT2Config.tiny(), { seed: 1.5 }), "seed must be an integer"],
  ["prompt", () => model.generateText(42 as Anything), "the prompt must be a text, its tokens"],
  ["prompt", () => model.generate(42 as Anything), "the prompt must be a text, its tokens"],
  ["prompt", () => model.generateText([null] as Anything), "a prompt must be a text or its tokens"],
  ["prompt", () => model.generateText(new Float64Array([0.5]) as Anything), "must be an integer"],
  ["stop", () => model.generateText([1], { stop: 3 as Anything }), "stop must be a text"],
  ["stop", () => model.generateText([1], { stop: [3] as Anything }), "stop must be a text"],
  ["overflow", () => model.generateText([1], { overflow: "no" as Anything }), "one of stop, crop"],
  ["greedy", () => model.generateText([1], { greedy: "yes" as Anything }), "greedy"],
  ["topLogProbabilities", () => model.generateText([1], { topLogProbabilities: 101 }), "0 to 100"],
  ["tokens", () => model.forward("hello" as Anything), "tokens must be an array of token ids"],
  ["tokens", () => model.forward(undefined as Anything), "tokens must be an array of token ids"],
  ["tokens", () => model.forward([[1], "x"] as Anything), "tokens must be an array of token ids"],
  ["tokens", () => model.forward(["1"] as Anything), "tokens must be an array of token ids"],
  ["tokens", () => model.forward(new BigInt64Array(1) as Anything), "tokens must be an array"],
  ["logits", () => model.forward([1], { logits: "first" as Anything }), "one of all, last, none"],
  ["targets", () => model.forward([1], { targets: "x" as Anything }), "targets must be an array"],
  ["targets", () => model.forward([[1, 2], [3]], { targets: [[1, 2], [3, 4]] }), "texts of 2, 1"],
  ["path", () => model.saveGguf(1 as Anything), "the path must be a text"],
  ["path", () => model.saveSafetensors("" as Anything), "the path must be a text"],
];

for (const [i, [what, call, message]] of wrong.entries()) {
  Deno.test(`a wrong argument is an error of ours: ${what} (${i})`, async () => {
    const error = await assertRejects(async () => {
      const result = await call();
      if (result !== null && typeof result === "object" && "next" in result) {
        await (result as AsyncGenerator).next();
      }
    });
    assert(error instanceof TypeError || error instanceof RangeError, String(error));
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, "Cannot ");
  });
}

Deno.test("tokens may be in any array of integers", async () => {
  const expected = await model.forward([[1, 2, 3]]);
  const text = await model.generateText([1, 2, 3], { greedy: true, maxNewTokens: 3 });
  for (const Type of [Int32Array, Uint16Array, Uint8Array, Int8Array, Int16Array, Uint32Array]) {
    assertEquals(await model.forward(Type.of(1, 2, 3)), expected);
    assertEquals(
      await model.generateText(Type.of(1, 2, 3), { greedy: true, maxNewTokens: 3 }),
      text,
    );
  }
});

Deno.test("forward() takes texts of different lengths, each computed as if alone", async () => {
  const texts = [[1, 2, 3, 4, 5], Uint16Array.of(9), [7, 8, 9]];
  const { logits, shape } = await model.forward(texts);
  assertEquals(shape, [3, 5, vocab]);
  for (const [row, text] of texts.entries()) {
    const alone = (await model.forward(text)).logits;
    const begin = row * 5 * vocab;
    const end = begin + text.length * vocab;
    assert(maxDifference(logits.subarray(begin, end), alone) < BATCH_TOLERANCE);
    assert(logits.subarray(end, (row + 1) * 5 * vocab).every(Number.isNaN));
  }
});

Deno.test("forward() returns the logits of the last position, or none, if asked to", async () => {
  const texts = [[1, 2, 3, 4, 5], [9], [7, 8, 9]];
  const all = await model.forward(texts);
  const targets = texts.map((text) => text.map((token) => token + 1));
  for (const options of [{}, { targets }]) {
    const last = await model.forward(texts, { ...options, logits: "last" });
    assertEquals(last.shape, [3, 1, vocab]);
    for (const [row, { length }] of texts.entries()) {
      const begin = (row * 5 + length - 1) * vocab;
      const expected = all.logits.subarray(begin, begin + vocab);
      const actual = last.logits.subarray(row * vocab, (row + 1) * vocab);
      assert(maxDifference(actual, expected) < BATCH_TOLERANCE);
    }
  }
  const none = await model.forward(texts, { targets, logits: "none" });
  assertEquals([none.logits.length, none.shape], [0, [3, 0, vocab]]);
  assertEquals(none.loss, (await model.forward(texts, { targets })).loss);
});

Deno.test("the loss of texts of different lengths is the mean over all tokens", async () => {
  const texts = [[1, 2, 3, 4, 5], [9], [7, 8, 9]];
  const targets = texts.map((text) => text.map((token) => token + 1));
  let sum = 0;
  for (const [row, text] of texts.entries()) {
    sum += text.length * (await model.forward(text, { targets: targets[row] })).loss!;
  }
  const { loss } = await model.forward(texts, { targets });
  assert(Math.abs(loss! - sum / 9) < BATCH_TOLERANCE);
});

Deno.test("forward() refuses a result that would be too large, before it computes anything", async () => {
  const texts = Array.from({ length: 2 ** 17 }, () => new Array(48).fill(1));
  await assertRejects(() => model.forward(texts), RangeError, "Give fewer at a time");
});

Deno.test("forward() does not return what is not a number", async () => {
  using folder = new TemporaryFolder();
  using broken = new GPT2(new GPT2Config({ ...GPT2Config.tiny(), layerNormEpsilon: 0 }), {
    seed: 1,
  });
  await broken.saveSafetensors(folder.path);
  // Finite weights whose products are not.
  const path = folder.file("model.safetensors");
  const bytes = Deno.readFileSync(path);
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { data_offsets: [begin, end] } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + header)),
  )["transformer.h.0.mlp.c_fc.weight"];
  new Float32Array(bytes.slice(8 + header + begin, 8 + header + end).buffer);
  const view = new DataView(bytes.buffer, 8 + header + begin, end - begin);
  for (let at = 0; at < end - begin; at += 4) view.setFloat32(at, 3e38, true);
  Deno.writeFileSync(path, bytes);
  using loaded = await GPT2.fromPretrained(folder.path, { threads: 1 });
  await assertRejects(() => loaded.forward([1, 2, 3]), NumericalError, "not a finite number");
});

Deno.test("special tokens in a prompt count only where they are allowed", async () => {
  using small = new GPT2(GPT2Config.tiny(), { seed: 1, tokenizer: model.tokenizer! });
  const end = model.tokenizer!.endOfTextId!;
  const [before, after] = [model.tokenizer!.decode([65]), model.tokenizer!.decode([66])];
  const first = async (prompt: Prompt, options: GenerateOptions = {}) => {
    const [token] = await Array.fromAsync(
      small.generate(prompt, { greedy: true, maxNewTokens: 1, ...options }),
    );
    return token.logProbability;
  };
  const expected = await first([65, end, 66]);
  const text = `${before}<|endoftext|>${after}`;
  for (const allowSpecial of ["all", ["<|endoftext|>"]] as const) {
    assertEquals(await first(text, { allowSpecial }), expected);
  }
  assertNotEquals(await first(text), expected);
  await assertRejects(
    () => small.generateText("x", { allowSpecial: ["<|sep|>"] }),
    RangeError,
    "not special",
  );
});

Deno.test("a prompt that is given twice is continued in two ways, and the first as if alone", async () => {
  const options = { seed: 5, maxNewTokens: 12, ignoreEndOfText: true };
  const alone = await model.generateText("ab", options);
  const texts = await model.generateText(["ab", "cd", "ab", "ab"], options);
  assertEquals(texts[0], alone);
  assertEquals(texts[1], await model.generateText("cd", options));
  assertEquals(new Set([texts[0], texts[2], texts[3]]).size, 3);
  // Two of each: the streams of the second prompt come after those of the first.
  const pairs = await model.generateText(["ab", "ab"], { ...options, numReturnSequences: 2 });
  assertEquals(pairs, [texts[0], texts[2], texts[3], pairs[3]]);
  assertEquals(new Set(pairs).size, 4);
});

Deno.test("topLogProbabilities names the likeliest tokens at each place", async () => {
  const options = { seed: 3, maxNewTokens: 5, topLogProbabilities: 4, ignoreEndOfText: true };
  const tokens = [1, 2, 3];
  for await (const { id, logProbability, topLogProbabilities } of model.generate(tokens, options)) {
    const { logits } = await model.forward(tokens, { logits: "last" });
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
    assertEquals(topLogProbabilities!.map(({ id }) => id), order.slice(0, 4));
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    for (const top of topLogProbabilities!) {
      assert(Math.abs(top.logProbability - (logits[top.id] - total)) < 1e-4);
      assertEquals(top.text, model.tokenizer!.decode([top.id]));
      if (top.id === id) assert(Math.abs(top.logProbability - logProbability) < 1e-6);
    }
    tokens.push(id);
  }
  assertEquals(tokens.length, 8);
  const [plain] = await Array.fromAsync(model.generate([1], { maxNewTokens: 1 }));
  assertEquals(plain.topLogProbabilities, undefined);
});

Deno.test("more texts than there is memory for are refused before anything is allocated", async () => {
  const prompts = new Array(1000).fill([1]);
  await assertRejects(
    () => model.generateText(prompts, { numReturnSequences: 100_000 }),
    RangeError,
    "Write fewer at a time",
  );
});

Deno.test("numReturnSequences is bounded: in small batches, nothing else would end the writing", async () => {
  for (const numReturnSequences of [100_001, Number.MAX_SAFE_INTEGER]) {
    await assertRejects(
      () => model.generateText([[1]], { numReturnSequences, batchSize: 4 }),
      RangeError,
      "from 1 to 100000",
    );
  }
});

Deno.test("200,000 prompts are not too many for the call stack", async () => {
  const prompts = new Array(200_000).fill([1]);
  assertEquals((await model.generateText(prompts, { maxNewTokens: 0 })).length, 200_000);
  const { shape } = await model.forward(new Array(3000).fill([1]), { logits: "last" });
  assertEquals(shape, [3000, 1, vocab]);
});

Deno.test("GPT2.create() makes the weights of new GPT2(), and leaves the event loop free", async () => {
  const options: GPT2Options = { seed: 9, threads: 1, scaleResidualInit: false };
  const config = new GPT2Config({
    embeddingDim: 128,
    numHeads: 4,
    numLayers: 2,
    vocabSize: 20_000,
  });
  let numTurns = 0;
  const timer = setInterval(() => numTurns++, 0);
  using made = await GPT2.create(config, options);
  clearInterval(timer);
  assert(numTurns > 0);
  using expected = new GPT2(config, options);
  assertEquals(await made.forward([1, 2, 3]), await expected.forward([1, 2, 3]));
});

Deno.test("GPT2.create() stops when it is asked to", async () => {
  const controller = new AbortController();
  const creating = GPT2.create(GPT2Config.gpt2Small(), { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await assertRejects(() => creating, DOMException, "abort");
});

Deno.test("saving can be watched and stopped", async () => {
  using folder = new TemporaryFolder();
  const seen: number[] = [];
  const onProgress = ({ writtenBytes }: { writtenBytes: number }) => seen.push(writtenBytes);
  await model.saveSafetensors(folder.file("saved"), { onProgress });
  assert(seen.length > 0);
  const signal = AbortSignal.abort();
  await assertRejects(() => model.saveSafetensors(folder.file("x"), { signal }), DOMException);
  await assertRejects(() => model.saveGguf(folder.file("y.gguf"), { signal }), DOMException);
});

Deno.test("a tokenizer with more tokens than the model is refused", async () => {
  const tokenizer = await Tokenizer.gpt2();
  assertThrows(() => new GPT2(GPT2Config.tiny(), { tokenizer }), RangeError, "50257 tokens");
});

Deno.test("a model is loaded from a file: URL, and can be saved", async () => {
  using target = new TemporaryFolder();
  using loaded = await GPT2.fromPretrained(pathToFileURL(Deno.realPathSync(folder)), {
    type: "q8_0",
    threads: 1,
  });
  await loaded.saveGguf(target.file("saved.gguf"));
  using again = await GPT2.fromPretrained(target.file("saved.gguf"), { threads: 1 });
  assertEquals(await again.forward([1, 2]), await loaded.forward([1, 2]));
});

for (
  const [what, call] of [
    ["targets: null", () => model.forward([1], { targets: null } as Anything)],
    ["targets: 0", () => model.forward([1], { targets: 0 } as Anything)],
    ["targets: a text", () => model.forward([1], { targets: "" } as Anything)],
    ["tokens: a list with gaps", () => model.forward(new Array(3))],
    ["prompts: a list with gaps", () => model.generateText(new Array(3))],
  ] satisfies [string, () => Promise<unknown>][]
) {
  Deno.test(`what are no tokens is an error of ours: ${what}`, async () => {
    await assertRejects(call, TypeError, "Cannot ");
  });
}

Deno.test("generateText() without a tokenizer is refused: there would be no text", async () => {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1 });
  await assertRejects(() => model.generateText([1, 2]), TypeError, "no tokenizer. Take the tokens");
});

Deno.test("open() and scoreContinuations() want one prompt, and say what they have got", async () => {
  using model = await GPT2.create(GPT2Config.tiny());
  for (const prompt of [5, null, ["a", [1]], [["a"]], {}]) {
    const one = prompt as unknown as number[];
    for (const call of [() => model.open(one), () => model.scoreContinuations(one, [[1]])]) {
      await assertRejects(call, TypeError, "the prompt must be a text or its tokens: received ");
    }
  }
});
