import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readTinyShakespeare } from "../fixtures/tiny_shakespeare.ts";
import { trainTokenizer } from "../../src/tokenizer/train_tokenizer.ts";
import { awkwardTexts } from "./awkward_texts.ts";

const END = "<|endoftext|>";

Deno.test("trainTokenizer() learns byte pairs, with <|endoftext|> as the last token", async () => {
  const tokenizer = await trainTokenizer(["low lower lowest"], { vocabSize: 260 });
  assertEquals(tokenizer.merges, ["l o", "lo w", "Ġ low"]);
  assertEquals(tokenizer.vocabSize, 260);
  assertEquals(tokenizer.endOfTextId, 259);
  assertEquals([...tokenizer.specialTokens], [[END, 259]]);
  assertEquals(tokenizer.encode(`low low${END}`, { allowSpecial: "all" }), [257, 258, 259]);
  for (const text of Object.values(awkwardTexts)) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text.toWellFormed());
  }
});

Deno.test("trainTokenizer() makes no <|endoftext|> where there is to be none", async () => {
  const tokenizer = await trainTokenizer(["low lower lowest"], {
    vocabSize: 259,
    endOfText: false,
  });
  assertEquals([tokenizer.vocabSize, tokenizer.endOfTextId], [259, undefined]);
  assertEquals(tokenizer.merges, ["l o", "lo w", "Ġ low"]);
});

Deno.test("trainTokenizer() takes one text, several, and those that come later", async () => {
  const learn = async (texts: string | Iterable<string> | AsyncIterable<string>) =>
    (await trainTokenizer(texts, { vocabSize: 300 })).merges;
  async function* later() {
    yield "aab";
    yield await Promise.resolve("aab");
  }
  // Nothing is learned across the end of a text.
  assertEquals(await learn(["aab", "aab"]), ["a a", "aa b"]);
  assertEquals(await learn(later()), ["a a", "aa b"]);
  assertEquals(await learn("aabaab"), ["a a", "aa b"]);
});

Deno.test("trainTokenizer() gives each character of tiny Shakespeare a token, with nanoGPT's ids", async () => {
  const text = await readTinyShakespeare();
  const characters = [...new Set(text)].sort();
  const tokenizer = await trainTokenizer(text, { kind: "char", endOfText: false });
  assertEquals([characters.length, tokenizer.vocabSize], [65, 65]);
  assertEquals(tokenizer.merges, []);
  const part = text.slice(0, 10_000);
  assertEquals(tokenizer.encode(part), Array.from(part, (char) => characters.indexOf(char)));
  assertEquals((await trainTokenizer(text, { kind: "char" })).endOfTextId, 65);
});

Deno.test("trainTokenizer() gives characters of several bytes one token each, behind which are their parts", async () => {
  for (const text of ["naïve café 日本語 👩‍🚀 é👩日", ...Object.values(awkwardTexts)]) {
    if (text === "") continue;
    const tokenizer = await trainTokenizer([text], { kind: "char" });
    const wellFormed = text.toWellFormed();
    const characters = [...new Set(wellFormed)]
      .sort((one, other) => one.codePointAt(0)! - other.codePointAt(0)!);
    const ids = tokenizer.encode(text);
    assertEquals(ids, Array.from(wellFormed, (char) => characters.indexOf(char)));
    assertEquals(tokenizer.decode(ids), wellFormed);
  }
});

Deno.test("encode() names a character that was not in the texts, and where it is", async () => {
  const tokenizer = await trainTokenizer("Hello wörld\n", { kind: "char" });
  const refused = (text: string, message: string) =>
    assertThrows(() => tokenizer.encode(text), RangeError, message);
  refused("Hello, world", 'received "," (U+002C) at position 5 of the text');
  refused("Hell 日", 'received "日" (U+65E5) at position 5 of the text');
  refused("ö👩", 'received "👩" (U+1F469) at position 1 of the text');
  refused("👩ö👩", 'received "👩" (U+1F469) at position 0 of the text');
});

Deno.test("trainTokenizer() refuses options that there are not, or that have no effect", async () => {
  const refused = (options: object, message: string, texts: unknown = ["a"]) =>
    assertRejects(() => trainTokenizer(texts as string[], options), Error, message);
  await refused({ vocabSize: 255 }, "vocabSize must be an integer from 256 to 1048576");
  await refused({ vocabSize: 256 }, "need a vocabSize of at least 257: received 256");
  await refused({ kind: "wordpiece" }, "kind must be one of bpe, char");
  await refused({ kind: "char", vocabSize: 300 }, "vocabSize is for byte pairs");
  await refused({ minFrequency: 0 }, "minFrequency must be an integer of at least 1");
  await refused({ vocabsize: 300 }, "Did you mean vocabSize?");
  await refused({}, "there is nothing to learn from: received no text", []);
  await refused({}, "there is nothing to learn from", ["", ""]);
  await refused({}, "a text is not a string: received 1", [1]);
});

Deno.test("trainTokenizer() stops when its signal says so", async () => {
  const controller = new AbortController();
  const learning = trainTokenizer(await readTinyShakespeare(), { signal: controller.signal });
  setTimeout(() => controller.abort(), 5);
  assertEquals((await assertRejects(() => learning, DOMException)).name, "AbortError");
});
