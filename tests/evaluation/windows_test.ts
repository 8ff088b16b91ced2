import { assertEquals } from "@std/assert";
import { slidingWindows } from "../../src/evaluation/windows.ts";

/** Word for word what Hugging Face's page on perplexity does. */
function huggingFace(seqLen: number, maxLength: number, stride: number): number[][] {
  const windows: number[][] = [];
  let prevEndLoc = 0;
  for (let beginLoc = 0; beginLoc < seqLen; beginLoc += stride) {
    const endLoc = Math.min(beginLoc + maxLength, seqLen);
    const trgLen = endLoc - prevEndLoc;
    windows.push([beginLoc, endLoc - trgLen, endLoc]);
    prevEndLoc = endLoc;
    if (endLoc === seqLen) break;
  }
  return windows;
}

Deno.test("slidingWindows() are those of Hugging Face's page on perplexity", () => {
  for (const length of [1, 2, 7, 8]) {
    for (let stride = 1; stride <= length; stride++) {
      for (let numTokens = 0; numTokens < 40; numTokens++) {
        const windows = [...slidingWindows(numTokens, length, stride)];
        assertEquals(
          windows.map(({ start, firstScored, end }) => [start, firstScored, end]),
          huggingFace(numTokens, length, stride),
          `${numTokens} tokens, ${length} at once, ${stride} apart`,
        );
      }
    }
  }
});
