import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { StreamDecoder } from "../../src/tokenizer/stream_decoder.ts";
import { Tokenizer, type TokenizerOptions } from "../../src/tokenizer/tokenizer.ts";
import { byteTokens, smallMerges, smallTokens } from "./small_vocabulary.ts";
import { randomNumbers } from "./random_text.ts";

const END_OF_TEXT = "<|endoftext|>";

const gpt2 = await Tokenizer.gpt2();
const small = new Tokenizer({ tokens: smallTokens, merges: smallMerges, path: "small.gguf" });

Deno.test("Tokenizer gives back the vocabulary that it was made from", () => {
  assertStrictEquals(small.tokens, smallTokens);
  assertStrictEquals(small.merges, smallMerges);
  assertEquals(small.vocabSize, 260);
  assertEquals(small.endOfTextId, 259);
  assertEquals([...small.specialTokens], [[END_OF_TEXT, 259]]);
  assertEquals([...small.userDefinedTokens], []);
  assertEquals([...small.tokenTypes], [...new Array(259).fill(1), 3]);
});

Deno.test("Tokenizer does without an end-of-text token, or with another", () => {
  const tokens = [...byteTokens, "<s>", "</s>"];
  const tokenTypes = [...new Array(256).fill(1), 3, 3];
  assertEquals(new Tokenizer({ tokens, merges: [], tokenTypes }).endOfTextId, undefined);
  const tokenizer = new Tokenizer({ tokens, merges: [], tokenTypes, endOfTextId: 257 });
  assertEquals(tokenizer.endOfTextId, 257);
  assertEquals([...tokenizer.specialTokens.keys()], ["<s>", "</s>"]);
});

Deno.test("encode() makes an empty list of an empty text", () => {
  assertEquals(gpt2.encode(""), []);
  assertEquals(gpt2.decode([]), "");
});

Deno.test("encode() takes a special token for text unless it is allowed", () => {
  const text = `he${END_OF_TEXT}${END_OF_TEXT} he`;
  const ordinary = small.encode(text);
  assert(!ordinary.includes(259));
  assertEquals(small.decode(ordinary), text);
  assertEquals(small.encode(text, { allowSpecial: [] }), ordinary);
  assertEquals(small.encode(text, { allowSpecial: "all" }), [256, 259, 259, 258]);
  assertEquals(small.encode(text, { allowSpecial: [END_OF_TEXT] }), [256, 259, 259, 258]);
});

Deno.test("encode() cuts the text at a special token as if it ended there", () => {
  // Without the cut the first of two spaces would be a piece of its own.
  const space = gpt2.encode(" ")[0];
  assertEquals(
    gpt2.encode(` ${END_OF_TEXT} a`, { allowSpecial: "all" }),
    [space, 50_256, ...gpt2.encode(" a")],
  );
});

Deno.test("encode() allows only the special tokens that are named, and takes the longest", () => {
  const tokens = [...byteTokens, "<s>", "<s>>", "(+)"];
  const tokenTypes = [...new Array(256).fill(1), 3, 3, 3];
  const tokenizer = new Tokenizer({ tokens, merges: [], tokenTypes });
  const encode = (allowSpecial: "all" | string[]) => tokenizer.encode("<s>>(+)", { allowSpecial });
  assertEquals(encode("all"), [257, 258]);
  assertEquals(encode(["(+)", "<s>"]), [256, ...tokenizer.encode(">"), 258]);
  assertEquals(encode(["<s>>"]), [257, ...tokenizer.encode("(+)")]);
});

Deno.test("encode() recognizes user-defined tokens in every text, and never unused ones", () => {
  const tokens = [...smallTokens, "hell yes", "[unused]"];
  const tokenTypes = [...new Array(259).fill(1), 3, 4, 5];
  const tokenizer = new Tokenizer({ tokens, merges: smallMerges, tokenTypes });
  assertEquals([...tokenizer.userDefinedTokens], [["hell yes", 260]]);
  assertEquals(tokenizer.encode("hehell yes he"), [256, 260, 258]);
  assertEquals(
    tokenizer.encode(`hell yes${END_OF_TEXT}`, { allowSpecial: "all" }),
    [260, 259],
  );
  assertEquals(tokenizer.decode([260, 261]), "hell yes");
  assert(!tokenizer.encode("[unused]").includes(261));
});

Deno.test("encode() refuses text with a byte that the vocabulary has no token for, and no other", () => {
  // A vocabulary for fewer characters: without "e", and without all that is merged from it.
  const tokens = byteTokens.with(68, "ab");
  const tokenizer = new Tokenizer({ tokens, merges: [] });
  assertEquals(tokenizer.decode(tokenizer.encode("hallo")), "hallo");
  const long = `h ${"a".repeat(70_000)}e`;
  for (const encode of [() => tokenizer.encode(long), () => [...tokenizer.encodeInParts(long)]]) {
    assertThrows(encode, RangeError, 'received "e" (U+0065) at position 70002');
  }
  assertThrows(
    () => tokenizer.encode("hello"),
    RangeError,
    'the vocabulary has no token for a character: received "e" (U+0065) at position 1 of the text',
  );
  const withUnknown = new Tokenizer({ tokens, merges: [], unknownId: 7 });
  assertEquals(withUnknown.encode("e"), [7]);
});

Deno.test("encode() recognizes added tokens that are entries of the vocabulary, and merges them too", () => {
  // As Hugging Face's tokenizers do: `he` is made by a merge and part of another, `!` is a byte, `Ġhe` is written " he".
  const withTypes = (types: Record<number, number>) =>
    new Tokenizer({
      tokens: smallTokens,
      merges: smallMerges,
      tokenTypes: smallTokens.map((_, id) => types[id] ?? (id === 259 ? 3 : 1)),
    });
  const idOf = (token: string) => smallTokens.indexOf(token);
  const found = withTypes({ 256: 4 });
  assertEquals(found.encode(" hell"), [idOf("Ġ"), 256, 257]);
  const special = withTypes({ 256: 3, 0: 3 });
  assertEquals(special.encode(" hell!"), [258, 257, 0]);
  assertEquals(special.encode(" he!", { allowSpecial: "all" }), [idOf("Ġ"), 256, 0]);
  assertEquals(special.decode([258, 256, 0]), " hehe!");
  const spaced = withTypes({ 258: 4 });
  assertEquals(spaced.encode(" he Ġhe"), [258, idOf("Ġ"), 258]);
  assertEquals(spaced.decode([258]), " he");
  assertEquals(spaced.piece(258), "Ġhe");
});

Deno.test("encode() refuses what is not text, and names that are not special tokens", () => {
  for (const text of [undefined, null, 5, ["a"]] as unknown as string[]) {
    assertThrows(() => gpt2.encode(text), TypeError, "Cannot encode: the text is not a string");
  }
  assertThrows(
    () => gpt2.encode("a", { allowSpecial: ["<s>"] }),
    RangeError,
    'received "<s>". The special tokens are: <|endoftext|>.',
  );
  assertThrows(
    () => new Tokenizer({ tokens: byteTokens, merges: [] }).encode("", { allowSpecial: ["a"] }),
    RangeError,
    "The special tokens are: none.",
  );
});

Deno.test("encode() makes U+FFFD of half a surrogate pair", () => {
  assertEquals(gpt2.encode("a\ud83d b"), gpt2.encode("a\ufffd b"));
});

Deno.test("encode() gives the same for words met before, in a list of its own each time", () => {
  const text = "over and over and over";
  const first = gpt2.encode(text);
  const copy = [...first];
  first.fill(0);
  assertEquals(gpt2.encode(text), copy);
  const one = gpt2.encode("over");
  one[0] = 0;
  assertEquals(gpt2.encode("over"), [2502]);
});

Deno.test("encode() gives the same when it has met more words than it remembers", () => {
  const text = Array.from({ length: 70_000 }, (_, i) => ` ${i}`).join("");
  const ids = gpt2.encode(text);
  assertEquals(gpt2.encode(text), ids);
  assertStrictEquals(gpt2.decode(ids), text);
});

/** A long run, and the number of its tokens as Hugging Face's tokenizers count them. */
const longRuns: [unit: string, numTokens: number][] = [
  ["a", 250_000],
  [" ", 1_000_000],
  ["\n", 500_000],
  ["文", 2_000_000],
  ["😀", 2_000_000],
];

for (const [unit, numTokens] of longRuns) {
  Deno.test(`encode() takes ${JSON.stringify(unit)} x 1,000,000`, () => {
    const text = unit.repeat(1_000_000);
    const ids = gpt2.encode(text);
    assertEquals(ids.length, numTokens);
    assertStrictEquals(gpt2.decode(ids), text);
  });
}

Deno.test("encodeInParts() gives in parts what encode() gives at once", () => {
  const tokenTypes = Int32Array.from(smallTokens, () => 1).fill(3, 259);
  const options = { tokens: smallTokens, merges: smallMerges, tokenTypes };
  const text = "he ll<|endoftext|> hell ".repeat(5000);
  for (const addPrefixSpace of [false, true]) {
    const tokenizer = new Tokenizer({ ...options, addPrefixSpace });
    for (const allowSpecial of ["all", []] as const) {
      const parts = [...tokenizer.encodeInParts(text, { allowSpecial })];
      assertEquals(parts.flat(), tokenizer.encode(text, { allowSpecial }));
      assert(parts.length > 2 && parts.every(({ length }) => length < 10_000));
    }
  }
  const [tokenizer, only] = [new Tokenizer(options), "<|endoftext|>".repeat(20_000)];
  const parts = [...tokenizer.encodeInParts(only, { allowSpecial: "all" })];
  assertEquals(parts.flat().length, 20_000);
  assert(parts.length > 2);
  assertEquals([...tokenizer.encodeInParts("")], [[]]);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => tokenizer.encodeInParts(5 as any), TypeError, "not a string: received 5");
});

Deno.test("encodeInParts() divides a long piece, too, and others may be encoded in between", () => {
  const random = randomNumbers(5);
  const letters = Array.from({ length: 100_000 }, () => "aehlnot"[Math.floor(random() * 7)]).join(
    "",
  );
  const text = `Hello ${letters} world ${letters.slice(0, 40_000)}!`;
  const expected = gpt2.encode(text);
  const ids: number[] = [];
  let numParts = 0;
  for (const part of gpt2.encodeInParts(text)) {
    numParts++;
    assert(part.length <= 32_768);
    ids.push(...part);
    assertEquals(gpt2.encode("hello there"), [31373, 612]);
  }
  assertEquals(ids, expected);
  // Each step over 100,000 bytes takes four of them.
  assert(numParts > 12, `${numParts}`);
});

Deno.test("decode() takes any iterable of ids", () => {
  const ids = [15496, 11, 995, 0];
  assertEquals(gpt2.decode(ids), "Hello, world!");
  assertEquals(gpt2.decode(Int32Array.from(ids)), "Hello, world!");
  assertEquals(gpt2.decode(new Set(ids)), "Hello, world!");
  assertEquals(gpt2.decodeBytes(ids), new TextEncoder().encode("Hello, world!"));
});

Deno.test("decode() writes special tokens out", () => {
  assertEquals(gpt2.decode([50_256]), END_OF_TEXT);
});

Deno.test("decode() gives U+FFFD for bytes that are not UTF-8, and keeps a byte order mark", () => {
  assertEquals(gpt2.decode(gpt2.encode("🎉").slice(1)), "\ufffd\ufffd");
  assertEquals(gpt2.decode(gpt2.encode("\ufeffa")), "\ufeffa");
});

Deno.test("tokenBytes() and piece() show one token", () => {
  const [the] = gpt2.encode(" the");
  assertEquals(gpt2.piece(the), "Ġthe");
  assertEquals([...gpt2.tokenBytes(the)], [0x20, 0x74, 0x68, 0x65]);
  assertEquals(gpt2.encode("é🎉").map((id) => gpt2.piece(id)), ["Ã©", "ðŁ", "İ", "ī"]);
  assertEquals(gpt2.piece(50_256), END_OF_TEXT);
  assertEquals(gpt2.tokenBytes(50_256), new TextEncoder().encode(END_OF_TEXT));
});

Deno.test("tokenBytes() gives a copy", () => {
  gpt2.tokenBytes(0).fill(0);
  assertEquals(gpt2.decode([0]), "!");
});

Deno.test("decode() and its like refuse ids outside the vocabulary", () => {
  for (const id of [-1, 50_257, 1.5, NaN, Infinity, 2 ** 32]) {
    for (
      const decode of [
        () => gpt2.decode([0, id]),
        () => gpt2.decodeBytes([0, id]),
        () => gpt2.tokenBytes(id),
        () => gpt2.piece(id),
      ]
    ) {
      assertThrows(
        decode,
        RangeError,
        `Cannot decode: there is no such token: received ${id}. ` +
          "Token ids are integers from 0 to 50256.",
      );
    }
  }
});

Deno.test("decode() and its like refuse ids that are no numbers", () => {
  const id = "5" as unknown as number;
  for (
    const decode of [() => gpt2.decode([0, id]), () => gpt2.tokenBytes(id), () => gpt2.piece(id)]
  ) {
    assertThrows(decode, TypeError, 'Cannot decode: a token id must be a number: received "5".');
  }
});

/** What is wrong, the options that make it so, and a part of the message. */
const badOptions: [name: string, change: Partial<TokenizerOptions>, message: string][] = [
  ["an empty token", { tokens: smallTokens.with(256, "") }, 'token 256 is empty: received ""'],
  ["an unknown character", {
    tokens: smallTokens.with(256, "h e"),
  }, 'token 256 has a character outside the byte alphabet: received "h e"'],
  ["a token that is not text", {
    tokens: smallTokens.with(256, 7 as unknown as string),
  }, "token 256 is not text: received 7"],
  ["the same token twice", {
    tokens: smallTokens.with(257, "he"),
  }, 'tokens 256 and 257 are the same: received "he"'],
  ["a special token like a normal one", {
    tokens: smallTokens.with(259, "ll"),
    tokenTypes: [...new Array(259).fill(1), 3],
  }, 'tokens 257 and 259 are the same: received "ll"'],
  ["the same special token twice", {
    tokens: smallTokens.with(258, "<|endoftext|>"),
    tokenTypes: [...new Array(258).fill(1), 3, 3],
  }, 'tokens 258 and 259 are the same: received "<|endoftext|>"'],
  ["half a character in a special token", {
    tokens: smallTokens.with(259, "\ud83d"),
    tokenTypes: [...new Array(259).fill(1), 3],
  }, "token 259 has half a character"],
  ["too few token types", { tokenTypes: [1, 1] }, "260 tokens, and not as many types: received 2"],
  ["an unknown token type", {
    tokenTypes: [...new Array(259).fill(1), 257],
  }, "the type of token 259 is none of 1,3,4,5: received 257"],
  ["an end of text past the last token", {
    endOfTextId: 260,
  }, "the end-of-text token is not in the vocabulary: received 260"],
  ["an end of text that is no integer", { endOfTextId: 1.5 }, "received 1.5"],
  ["a merge of an unknown token", { merges: ["h e", "l lx"] }, "merge 1 is not two tokens"],
  ["a merge that makes an unknown token", { merges: ["h l"] }, 'received "h l"'],
  ["a merge of one", { merges: ["he"] }, "merge 0 is not two tokens"],
  ["a merge of nothing and something", { merges: [" he"] }, 'received " he"'],
  ["a merge of something and nothing", { merges: ["he "] }, 'received "he "'],
  ["a merge of three", { merges: ["h e l"] }, 'received "h e l"'],
  ["a merge with CR", { merges: ["h e\r"] }, 'received "h e\\r"'],
  [
    "a merge that is not text",
    { merges: [3 as unknown as string] },
    "merge 0 is not text: received 3",
  ],
  ["an endless merge", { merges: [`h ${"e".repeat(100_000)}`] }, 'eee"...'],
  ["the same merge twice", { merges: ["h e", "l l", "h e"] }, "merge 2 was there before"],
  ["a merge of a special token", {
    tokens: [...smallTokens, "<|endoftext|>h"],
    merges: ["<|endoftext|> h"],
  }, "merge 0 is not two tokens"],
];

for (const [name, change, message] of badOptions) {
  Deno.test(`Tokenizer refuses ${name}`, () => {
    const options = { tokens: smallTokens, merges: smallMerges, path: "bad.gguf", ...change };
    const error = assertThrows(() => new Tokenizer(options).prepare(), FileFormatError, message);
    assertEquals(error.path, "bad.gguf");
    assert(error.message.startsWith("Cannot read the tokenizer of bad.gguf: "), error.message);
    assert(error.message.length < 400, error.message);
  });
}

/** Values that are no options, texts, tokens or lists of them. */
const strangers: readonly unknown[] = [
  null,
  undefined,
  Symbol("s"),
  Object.create(null),
  () => 1,
  3n,
  true,
  [[Symbol("s")]],
  new DataView(new ArrayBuffer(1)),
];

Deno.test("Tokenizer and StreamDecoder refuse values of another type with an error of their own", () => {
  const options = { tokens: smallTokens, merges: smallMerges };
  for (const each of strangers) {
    // deno-lint-ignore no-explicit-any
    const value = each as any;
    const calls: (() => unknown)[] = [
      () => new Tokenizer(value),
      () => new Tokenizer({ ...options, tokens: value }).prepare(),
      () => new Tokenizer({ ...options, merges: value }).prepare(),
      () => new Tokenizer({ ...options, tokens: [value] }).prepare(),
      () => new Tokenizer({ ...options, merges: [value] }).prepare(),
      () => Tokenizer.fromFiles(value),
      () => Tokenizer.fromFiles({ tokenizerJson: value }),
      () => Tokenizer.fromFiles({ vocabJson: value, mergesText: "" }),
      () => Tokenizer.fromTokenizerJson(value),
      () => Tokenizer.fromVocabAndMerges(value, ""),
      () => Tokenizer.fromVocabAndMerges("{}", value),
      () => small.piece(value),
      () => small.tokenBytes(value),
      () => small.decode(value),
      () => small.decode([value]),
      () => small.encode(value),
      () => small.encode("he", { allowSpecial: [value] }),
      () => new StreamDecoder(value),
      () => new StreamDecoder(small).push(value),
    ];
    if (value !== undefined && value !== true) {
      calls.push(() => new Tokenizer({ ...options, addPrefixSpace: value }));
    }
    if (value !== undefined) {
      calls.push(
        () => new Tokenizer({ ...options, tokenTypes: value }),
        () => new Tokenizer({ ...options, addedTokenFlags: value }),
        () => new Tokenizer({ ...options, endOfTextId: value }),
        () => new Tokenizer({ ...options, path: value }),
        () => Tokenizer.fromFiles({ tokenizerJson: "{}" }, value),
        () => small.encode("he", { allowSpecial: value }),
      );
    }
    for (const call of calls) {
      const error = assertThrows(call, Error, "received", String(call));
      assertMatch(error.message, /^Cannot [^:]+: /, String(call));
    }
  }
});

Deno.test("decode() refuses tokens of more text than there can be", () => {
  const length = 2 ** 19;
  const tokens = [...smallTokens, "x".repeat(length)];
  const id = smallTokens.length;
  const tokenTypes = tokens.map((_, i) => i === id ? 4 : 1);
  const long = new Tokenizer({ tokens, merges: smallMerges, tokenTypes });
  for (const count of [1025, 20_000_000]) { // More than a text can hold, and more than there is memory.
    const message = `the text would be too long: received tokens of ${count * length} bytes.`;
    assertThrows(() => long.decode(new Array(count).fill(id)), RangeError, message);
  }
});
