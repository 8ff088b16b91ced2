import { assertEquals } from "@std/assert";
import { Random } from "../../../src/base/random.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { trainTokenizer } from "../../../src/tokenizer/train_tokenizer.ts";
import { encodeTexts } from "../../../src/training/data/encode_texts.ts";
import type { SplitTextPart } from "../../../src/training/data/split_texts.ts";
import { awkwardTexts } from "../../tokenizer/awkward_texts.ts";

const WORDS = [
  "a",
  "you are",
  "x ",
  " ",
  "  ",
  "\n",
  "\n\n ",
  "\t",
  "'re",
  "don't",
  "é文",
  "👩",
  "<s>",
  "7",
  "\u0085",
];

/** A text in parts of up to so many code units, none of which ends within a character. */
async function* partsOf(
  text: string,
  maxLength: number,
  random: Random,
): AsyncGenerator<SplitTextPart> {
  for (let start = 0, end = 0; start === 0 || start < text.length; start = end) {
    end = Math.min(text.length, start + 1 + random.nextUint32() % maxLength);
    if (/[\ud800-\udbff]/.test(text[end - 1]) && end < text.length) end++;
    const part = { text: text.slice(start, end), endsText: end >= text.length };
    yield await Promise.resolve({
      ...part,
      path: "",
      line: 1,
      isInLine: false,
      isValidation: false,
    });
    if (text === "") return;
  }
}

Deno.test("encodeTexts() gives the tokens of the whole text however that is cut into parts", async () => {
  const random = new Random(1);
  const pick = () => WORDS[random.nextUint32() % WORDS.length];
  const texts = [
    ...Object.values(awkwardTexts).map((text) => text.toWellFormed()),
    ...Array.from({ length: 60 }, () => Array.from({ length: 30 }, pick).join("")),
  ];
  const { tokens, merges, tokenTypes } = await trainTokenizer(texts, { vocabSize: 400 });
  const added = ["you are", "<s>", "x \n"];
  const withAdded = {
    tokens: [...tokens, ...added],
    merges,
    tokenTypes: [...tokenTypes, ...added.map(() => 4)],
  };
  const tokenizers = [
    new Tokenizer({ tokens, merges }),
    new Tokenizer({ tokens, merges, addPrefixSpace: true }),
    new Tokenizer(withAdded),
    new Tokenizer({
      tokens: [...tokens, "<s>"],
      merges,
      tokenTypes: [...tokenTypes, 4],
      addedTokenFlags: new Map([[tokens.length, { rstrip: true, lstrip: true }]]),
    }),
  ];
  for (const tokenizer of tokenizers) {
    for (const text of texts) {
      for (const maxLength of [1, 4, 20]) {
        const ids: number[] = [];
        let [numCharacters, numBytes] = [0, 0];
        for await (const part of encodeTexts(partsOf(text, maxLength, random), tokenizer)) {
          ids.push(...part.ids);
          numCharacters += part.numCharacters;
          numBytes += part.numBytes;
        }
        assertEquals(ids, tokenizer.encode(text), JSON.stringify(text));
        assertEquals(numCharacters, Array.from(text).length);
        assertEquals(numBytes, new TextEncoder().encode(text).length);
      }
    }
  }
});
