import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { readGgufTokenizer } from "../../../src/checkpoint/gguf/metadata.ts";
import { hasGpt2Vocabulary } from "../../../src/checkpoint/gguf/recognize_gpt2.ts";
import { FileFormatError } from "../../../src/base/errors.ts";
import { MemorySource } from "../../../src/base/byte_source.ts";
import { GGUF_MAGIC, type GgufFile, readGgufHeader } from "../../../src/formats/gguf.ts";
import { GgufHeaderBytes } from "../../../src/formats/gguf_header_bytes.ts";
import type { GgufValue } from "../../../src/formats/gguf_value.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { readTinyShakespeare } from "../../fixtures/tiny_shakespeare.ts";
import { randomNumbers, randomText } from "../../tokenizer/random_text.ts";

const gpt2 = await Tokenizer.gpt2();

/** The header of a file that holds GPT-2's vocabulary, and no tensors. */
function headerBytes(changes: Record<string, GgufValue | undefined> = {}): Uint8Array<ArrayBuffer> {
  const metadata: Record<string, GgufValue | undefined> = {
    "tokenizer.ggml.model": { type: "string", value: "gpt2" },
    "tokenizer.ggml.pre": { type: "string", value: "gpt-2" },
    "tokenizer.ggml.tokens": { type: "string[]", value: gpt2.tokens },
    "tokenizer.ggml.token_type": { type: "i32[]", value: gpt2.tokenTypes },
    "tokenizer.ggml.merges": { type: "string[]", value: gpt2.merges },
    "tokenizer.ggml.eos_token_id": { type: "u32", value: 50_256 },
    ...changes,
  };
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined);
  const header = new GgufHeaderBytes();
  header.u32(GGUF_MAGIC);
  header.u32(3);
  header.count(0);
  header.count(entries.length);
  for (const [key, value] of entries) header.entry(key, value!);
  return header.finish();
}

function header(changes?: Record<string, GgufValue | undefined>): GgufFile {
  return readGgufHeader(new MemorySource(headerBytes(changes)));
}

/** The tokenizer of a file, whose model has as many tokens as the tokenizer. */
function readTokenizer(file: GgufFile, vocabSize = 50_257): Promise<Tokenizer | undefined> {
  return readGgufTokenizer(file, new GPT2Config({ ...GPT2Config.tiny(), vocabSize }));
}

Deno.test("readGgufTokenizer() takes the tokenizer of this package for GPT-2's vocabulary", async () => {
  assertStrictEquals(await readTokenizer(header()), gpt2);
});

Deno.test("hasGpt2Vocabulary() does not need what old files leave out, nor signed types", async () => {
  const types: GgufValue = { type: "u32[]", value: Uint32Array.from(gpt2.tokenTypes) };
  assert(
    await hasGpt2Vocabulary(header({
      "tokenizer.ggml.token_type": undefined,
      "tokenizer.ggml.eos_token_id": undefined,
    })),
  );
  assert(await hasGpt2Vocabulary(header({ "tokenizer.ggml.token_type": types })));
});

Deno.test("a vocabulary that was read encodes and decodes as the recognized one", async () => {
  const read = new Tokenizer({ tokens: gpt2.tokens, merges: gpt2.merges });
  const random = randomNumbers(4);
  const texts = [(await readTinyShakespeare()).slice(0, 100_000)];
  for (let i = 0; i < 2000; i++) texts.push(randomText(random));
  for (const text of texts) {
    const ids = gpt2.encode(text);
    assert(`${read.encode(text)}` === `${ids}`, text.slice(0, 100));
    assertStrictEquals(read.decode(ids), gpt2.decode(ids));
  }
  for (let id = 0; id < gpt2.vocabSize; id++) {
    assert(read.piece(id) === gpt2.piece(id), `token ${id}`);
    assert(`${read.tokenBytes(id)}` === `${gpt2.tokenBytes(id)}`, `token ${id}`);
  }
  assertEquals(read.tokenTypes, gpt2.tokenTypes);
  assertEquals(read.specialTokens, gpt2.specialTokens);
  assertEquals(read.endOfTextId, gpt2.endOfTextId);
});

Deno.test("a file of which one byte is another is read, and works", async () => {
  const bytes = headerBytes();
  bytes[indexOf(bytes, "<|endoftext|>") + "<|endof".length] = "T".charCodeAt(0);
  const file = readGgufHeader(new MemorySource(bytes));
  assert(!await hasGpt2Vocabulary(file));
  const tokenizer = (await readTokenizer(file))!;
  assertEquals([...tokenizer.specialTokens], [["<|endofText|>", 50_256]]);
  const text = (await readTinyShakespeare()).slice(0, 10_000);
  assertEquals(tokenizer.encode(text), gpt2.encode(text));
});

Deno.test("a file whose vocabulary is damaged is refused", async () => {
  for (const [text, byte] of [["Ġunfocused", 0x21], ["Ġgazed", 0xff]] as const) {
    const bytes = headerBytes();
    bytes[indexOf(bytes, text) + text.length] = byte;
    const file = readGgufHeader(new MemorySource(bytes));
    const error = await assertRejects(
      async () => (await readTokenizer(file))!.prepare(),
      FileFormatError,
    );
    assert(/not two tokens|not valid UTF-8/.test(error.message), error.message);
  }
});

const others: [what: string, change: Record<string, GgufValue>][] = [
  ["another token", {
    "tokenizer.ggml.tokens": { type: "string[]", value: gpt2.tokens.with(40_000, "Ġunheard-of") },
  }],
  ["two tokens that changed places", {
    "tokenizer.ggml.tokens": { type: "string[]", value: swapped(gpt2.tokens, 40_000, 40_001) },
  }],
  ["merges in another order", {
    "tokenizer.ggml.merges": { type: "string[]", value: swapped(gpt2.merges, 0, 1) },
  }],
  ["fewer merges", {
    "tokenizer.ggml.merges": { type: "string[]", value: gpt2.merges.slice(0, -1) },
  }],
  ["another end of text", { "tokenizer.ggml.eos_token_id": { type: "u32", value: 0 } }],
  ["another special token", {
    "tokenizer.ggml.token_type": { type: "i32[]", value: gpt2.tokenTypes.with(198, 3) },
  }],
  ["no special token", {
    "tokenizer.ggml.token_type": { type: "i32[]", value: gpt2.tokenTypes.with(50_256, 4) },
  }],
];

for (const [what, change] of others) {
  Deno.test(`hasGpt2Vocabulary() says no to ${what}`, async () => {
    const file = header(change);
    assert(!await hasGpt2Vocabulary(file));
    assert(await readTokenizer(file) !== gpt2);
  });
}

Deno.test("readGgufTokenizer() requires as many tokens as the model has, of GPT-2's vocabulary too", async () => {
  await assertRejects(
    () => readTokenizer(header(), 50_304),
    FileFormatError,
    "must have the 50304",
  );
});

function swapped(texts: readonly string[], a: number, b: number): string[] {
  return texts.with(a, texts[b]).with(b, texts[a]);
}

/** Where a text begins. */
function indexOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  const at = bytes.findIndex((_, start) => wanted.every((byte, i) => bytes[start + i] === byte));
  assert(at >= 0, text);
  return at;
}
