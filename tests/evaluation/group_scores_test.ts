import { assertEquals, assertThrows } from "@std/assert";
import { groupScores, type TextSpan } from "../../src/evaluation/group_scores.ts";
import type { ScoredToken } from "../../src/evaluation/score_texts.ts";

/** Tokens of these texts, of which the first has no score and the others 1, 2, 3, ... */
function tokensOf(...texts: string[]): [text: string, tokens: ScoredToken[]] {
  let offset = 0;
  const tokens = texts.map((text, i) => {
    const logProbability = i === 0 ? NaN : i;
    const place = { text, offset, byteOffset: offset, numBytes: text.length };
    offset += text.length;
    return { id: i, rank: 1, entropy: 0, logProbability, ...place };
  });
  return [texts.join(""), tokens];
}

const brief = (groups: ReturnType<typeof groupScores>) =>
  groups.map(({ text, numTokens, logProbability }) => [text, numTokens, logProbability]);

Deno.test("groupScores() adds up the tokens of each word, with the spaces before it", () => {
  const [text, tokens] = tokensOf("The", " c", "at", ",", "  ", " sat", "\n", "\n", "on", "  ");
  assertEquals(brief(groupScores(text, tokens)), [
    ["The", 1, NaN],
    ["cat,", 3, 6],
    ["sat", 2, 9],
    ["on", 4, 30],
  ]);
});

Deno.test("groupScores() adds up the tokens that begin in a part", () => {
  const [text, tokens] = tokensOf("a", " bc", "d", " e");
  const spans = [{ start: 2, end: 5 }, { start: 1, end: 2 }, { start: 3, end: 7 }, {
    start: 0,
    end: 7,
  }, { start: 4, end: 4 }];
  assertEquals(brief(groupScores(text, tokens, spans)), [
    ["bcd", 2, 3],
    [" ", 0, 0],
    ["cd e", 2, 5],
    ["a bcd e", 4, NaN],
    ["", 0, 0],
  ]);
});

Deno.test("groupScores() has nothing to say of no text, and of spaces alone", () => {
  assertEquals(groupScores("", []), []);
  const [text, tokens] = tokensOf(" ", "  ");
  assertEquals(groupScores(text, tokens), []);
});

Deno.test("groupScores() refuses a part that is not of the text", () => {
  const [text, tokens] = tokensOf("abc");
  for (const [start, end] of [[-1, 2], [2, 1], [0, 4], [0.5, 2], [NaN, 2]]) {
    assertThrows(() => groupScores(text, tokens, [{ start, end }]), RangeError, "3 characters");
  }
});

Deno.test("groupScores() refuses what is no list of parts", () => {
  const [text, tokens] = tokensOf("a", " b");
  for (const spans of [null, 5, "0-1", [null], [3]]) {
    assertThrows(
      () => groupScores(text, tokens, spans as unknown as TextSpan[]),
      TypeError,
      "an array of { start, end }: received",
    );
  }
});

Deno.test("groupScores() refuses the tokens of another text, or of one that nobody knows", () => {
  const [text, tokens] = tokensOf("The", " cat", " sat");
  const unknown = tokens.map((token) => ({ ...token, text: "", offset: NaN, numBytes: NaN }));
  for (const others of [tokens.slice(1), tokens.slice(0, 2), [], unknown]) {
    assertThrows(() => groupScores(text, others), RangeError, "not those of this text");
  }
  for (const other of ["The cat sit", "", text + " down", "The  catsat"]) {
    assertThrows(() => groupScores(other, tokens), RangeError, "not those of this text");
  }
});
