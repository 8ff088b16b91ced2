import { assertEquals } from "@std/assert";
import {
  countCharacters,
  countTexts,
  splitTexts,
  type TextCounts,
} from "../../../src/training/data/split_texts.ts";
import type { TextPart } from "../../../src/training/data/text_source.ts";

/** The parts of texts, each cut into pieces of so many code points. */
async function* partsOf(texts: readonly string[], length = Infinity): AsyncGenerator<TextPart> {
  for (const text of texts) {
    const characters = Array.from(text);
    for (let start = 0; start === 0 || start < characters.length; start += length) {
      const part = characters.slice(start, start + length).join("");
      const endsText = start + length >= characters.length;
      yield await Promise.resolve({ text: part, endsText, path: "", line: 1, isInLine: false });
    }
  }
}

async function split(texts: readonly string[], share: number, length?: number) {
  const counts = await countTexts(partsOf(texts, length));
  const splits: [string[], string[]] = [[], []];
  let isNew = true;
  for await (const part of splitTexts(partsOf(texts, length), counts, share)) {
    const list = splits[Number(part.isValidation)];
    if (isNew) list.push("");
    list[list.length - 1] += part.text;
    isNew = part.endsText;
  }
  assertEquals(isNew, true);
  return splits;
}

Deno.test("countTexts() counts texts and characters", async () => {
  const expected: TextCounts = { numTexts: 3, numCharacters: 6, numBeforeLast: 4 };
  for (const length of [1, 2, Infinity]) {
    assertEquals(await countTexts(partsOf(["a👩c", "d", "é文"], length)), expected);
  }
  assertEquals(countCharacters("a👩‍🚀é"), 5);
});

Deno.test("splitTexts() cuts a single text where nanoGPT does", async () => {
  for (const length of [1, 3, 4, Infinity]) {
    assertEquals(await split(["0123456789👩"], 0.1, length), [["012345678"], ["9👩"]]);
    assertEquals(await split(["01👩👩👩👩"], 0.5, length), [["01👩"], ["👩👩👩"]]);
    assertEquals(await split(["0123"], 0, length), [["0123"], []]);
  }
});

Deno.test("splitTexts() takes whole texts for validation, as many as have room in their share", async () => {
  for (const length of [1, 2, Infinity]) {
    assertEquals(
      await split(["aaaa", "bb", "cc", "d", "e"], 0.4, length),
      [["aaaa", "bb"], ["cc", "d", "e"]],
    );
    assertEquals(
      await split(["aaaa", "bb", "cc", "d", "e"], 0.3, length),
      [["aaaa", "bb", "cc"], ["d", "e"]],
    );
    // Not even the last one has room.
    assertEquals(await split(["aaaa", "bbbbbb"], 0.2, length), [["aaaa", "bbbb"], ["bb"]]);
  }
});
