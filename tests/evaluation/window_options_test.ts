import { assertEquals, assertThrows } from "@std/assert";
import {
  numScoredIn,
  windowDefinition,
  type WindowOptions,
  windowsFor,
} from "../../src/evaluation/window_options.ts";
import { halfScoredChunks, type Window } from "../../src/evaluation/windows.ts";

const CONTEXT_LENGTH = 16;

function definitionOf(options: WindowOptions) {
  return windowDefinition("measure", options, CONTEXT_LENGTH);
}

/** Places of the tokens that count, and how many tokens each is predicted from. */
function scored(windows: Iterable<Window>): [place: number, numBefore: number][] {
  return [...windows].flatMap(({ start, end, firstScored }) =>
    Array.from(
      { length: end - firstScored },
      (_, i): [number, number] => [firstScored + i, firstScored + i - start],
    )
  );
}

Deno.test("windowDefinition() is Hugging Face's with the context length and half of it by default", () => {
  assertEquals(definitionOf({}), { definition: "hugging-face", maxLength: 16, stride: 8 });
  assertEquals(definitionOf({ maxLength: 5 }), {
    definition: "hugging-face",
    maxLength: 5,
    stride: 3,
  });
  assertEquals(definitionOf({ stride: 16 }), {
    definition: "hugging-face",
    maxLength: 16,
    stride: 16,
  });
});

Deno.test("windowDefinition() is llama.cpp's with a chunk", () => {
  assertEquals(definitionOf({ chunk: 16 }), { definition: "llama.cpp", chunk: 16 });
});

Deno.test("windowDefinition() throws when the model cannot read so, or two ways are asked for", () => {
  const wrong: [WindowOptions, string][] = [
    [{ chunk: 17 }, "chunk must be at most the context length, 16: received 17"],
    [{ maxLength: 17 }, "maxLength must be at most the context length, 16: received 17"],
    [{ stride: 17 }, "stride must be at most the 16 tokens of a window: received 17"],
    [{ maxLength: 8, stride: 9 }, "stride must be at most the 8 tokens of a window: received 9"],
    [{ chunk: 8, stride: 4 }, "`chunk` is llama.cpp's, `stride` Hugging Face's: received 8 and 4"],
    [
      { chunk: 8, maxLength: 6 },
      "`chunk` is llama.cpp's, maxLength Hugging Face's: received 8 and 6",
    ],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => definitionOf(options), RangeError, message);
  }
});

Deno.test("windowsFor() counts what the loop of Hugging Face's page counts", () => {
  for (
    const [numTokens, maxLength, stride] of [[10, 4, 2], [10, 4, 4], [9, 4, 4], [11, 4, 3], [
      3,
      8,
      4,
    ]]
  ) {
    // Their loop. Labels are shifted by one: the first of a window is lost.
    const expected: Window[] = [];
    let previousEnd = 0;
    for (let start = 0; start < numTokens; start += stride) {
      const end = Math.min(start + maxLength, numTokens);
      const firstScored = Math.max(previousEnd, start + 1);
      if (firstScored < end) expected.push({ start, end, firstScored });
      previousEnd = end;
      if (end === numTokens) break;
    }
    const definition = { definition: "hugging-face", maxLength, stride } as const;
    const windows = windowsFor("measure", numTokens, definition);
    assertEquals(windows, expected, `${numTokens} ${maxLength} ${stride}`);
    assertEquals(numScoredIn(windows), scored(windows).length);
  }
});

Deno.test("windowsFor() counts each token but the first once when windows overlap", () => {
  const windows = windowsFor("measure", 1000, {
    definition: "hugging-face",
    maxLength: 64,
    stride: 24,
  });
  const found = scored(windows);
  assertEquals(found.map(([place]) => place), Array.from({ length: 999 }, (_, i) => i + 1));
  assertEquals(found.slice(64).every(([, numBefore]) => numBefore >= 64 - 24), true);
});

Deno.test("windowsFor() throws when no token counts", () => {
  const strided = { definition: "hugging-face", maxLength: 4, stride: 2 } as const;
  for (const numTokens of [0, 1]) {
    assertThrows(
      () => windowsFor("measure", numTokens, strided),
      RangeError,
      `at least 2 tokens: received ${numTokens}`,
    );
  }
  assertThrows(
    () => windowsFor("measure", 1, strided, 1),
    RangeError,
    "at least 1 token: received 0",
  );
  assertThrows(
    () => windowsFor("measure", 5, { definition: "llama.cpp", chunk: 6 }),
    RangeError,
    "at least 6 tokens: received 5. Give a longer one, or a smaller chunk.",
  );
});

Deno.test("halfScoredChunks() counts the tokens behind the middle, and no incomplete chunk", () => {
  // n_ctx = 6: the logits after tokens 3 and 4 of each chunk count, and so tokens 4 and 5.
  assertEquals(scored(halfScoredChunks(17, 6)), [[4, 4], [5, 5], [10, 4], [11, 5]]);
  // n_ctx = 5: `first` is 2.
  assertEquals(scored(halfScoredChunks(5, 5)), [[3, 3], [4, 4]]);
  assertEquals([...halfScoredChunks(4, 5)], []);
});
