import { assert, assertEquals, assertThrows } from "@std/assert";
import { StreamDecoder } from "../../src/tokenizer/stream_decoder.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { awkwardTexts } from "./awkward_texts.ts";
import { randomNumbers } from "./random_text.ts";

const tokenizer = await Tokenizer.gpt2();

function stream(ids: number[]): string[] {
  const decoder = new StreamDecoder(tokenizer);
  return [...ids.map((id) => decoder.push(id)), decoder.flush()];
}

Deno.test("StreamDecoder holds a character back until it is complete", () => {
  const ids = tokenizer.encode("é🎉");
  assertEquals(ids.map((id) => tokenizer.tokenBytes(id).length), [2, 2, 1, 1]);
  assertEquals(stream(ids), ["é", "", "", "🎉", ""]);
});

Deno.test("StreamDecoder gives U+FFFD for a character that is never completed", () => {
  const ids = tokenizer.encode("a🎉").slice(0, -1);
  assertEquals(stream(ids), ["a", "", "", "\ufffd"]);
  assertEquals(tokenizer.decode(ids), "a\ufffd");
});

Deno.test("StreamDecoder keeps a byte order mark", () => {
  assertEquals(stream(tokenizer.encode("\ufeffa\ufeff")).join(""), "\ufeffa\ufeff");
});

Deno.test("StreamDecoder is ready for another text after flush()", () => {
  const decoder = new StreamDecoder(tokenizer);
  const [first] = tokenizer.encode("🎉");
  assertEquals(decoder.push(first), "");
  assertEquals(decoder.flush(), "\ufffd");
  assertEquals(decoder.push(tokenizer.encode("a")[0]), "a");
  assertEquals(decoder.flush(), "");
});

Deno.test("StreamDecoder is as it was after what can be no id", () => {
  const decoder = new StreamDecoder(tokenizer);
  const ids = tokenizer.encode("🎉");
  decoder.push(ids[0]);
  for (const id of [-1, 1.5, 60_000.5, NaN, Infinity]) {
    assertThrows(() => decoder.push(id), RangeError, `received ${id}.`);
  }
  assertEquals(ids.slice(1).map((id) => decoder.push(id)).join(""), "🎉");
});

Deno.test("StreamDecoder adds nothing for an id beyond the vocabulary, even within a character", () => {
  const [first, ...rest] = tokenizer.encode("🎉");
  assertEquals(stream([50_257, first, 50_303, ...rest]).join(""), "🎉");
});

Deno.test("StreamDecoder gives in pieces what decode() gives at once", () => {
  const random = randomNumbers(5);
  const tokens = (length: number) => Array.from({ length }, () => Math.floor(random() * 50_257));
  // The 256 single bytes: most of what they make is not UTF-8.
  const bytes = (length: number) => Array.from({ length }, () => Math.floor(random() * 256));
  const cases = [
    ...Object.values(awkwardTexts).map((text) => tokenizer.encode(text)),
    ...Array.from({ length: 300 }, () => tokens(50)),
    ...Array.from({ length: 300 }, () => bytes(50)),
    // Texts cut in the middle, as by a limit of tokens.
    ...Object.values(awkwardTexts).flatMap((text) => {
      const ids = tokenizer.encode(text);
      const cut = Math.floor(random() * ids.length);
      return [ids.slice(0, cut), ids.slice(cut)];
    }),
  ];
  for (const ids of cases) {
    const pieces = stream(ids);
    assertEquals(pieces.join(""), tokenizer.decode(ids));
    for (const piece of pieces) assert(piece.isWellFormed());
  }
});
