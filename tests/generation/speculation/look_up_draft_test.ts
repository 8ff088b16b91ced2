import { assertEquals } from "@std/assert";
import { lookUpDraft } from "../../../src/generation/speculation/look_up_draft.ts";

Deno.test("lookUpDraft() gives what followed the last tokens before", () => {
  assertEquals(lookUpDraft([1, 2, 3, 4, 5, 6, 1, 2, 3], 3), [4, 5, 6]);
  // The latest of several places.
  assertEquals(lookUpDraft([1, 2, 3, 4, 1, 2, 3, 5, 9, 1, 2, 3], 2), [5, 9]);
});

Deno.test("lookUpDraft() prefers a longer match to a later one", () => {
  assertEquals(lookUpDraft([1, 2, 3, 7, 7, 8, 2, 3, 9, 1, 2, 3], 1), [7]);
  assertEquals(lookUpDraft([8, 2, 3, 9, 1, 2, 3], 1), [9]);
});

Deno.test("lookUpDraft() goes on with a repetition that has just begun", () => {
  assertEquals(lookUpDraft([9, 1, 2, 3, 1, 2, 3], 7), [1, 2, 3, 1, 2, 3, 1]);
  assertEquals(lookUpDraft([4, 4, 4, 4], 5), [4, 4, 4, 4, 4]);
});

Deno.test("lookUpDraft() drafts nothing where nothing like it was before", () => {
  assertEquals(lookUpDraft([1, 2, 3, 4, 5, 3], 4), []);
  assertEquals(lookUpDraft([1], 4), []);
  assertEquals(lookUpDraft([1, 2], 4), []);
  assertEquals(lookUpDraft([1, 2, 1, 2], 0), []);
});

Deno.test("lookUpDraft() looks back only so far", () => {
  const filler = Array.from({ length: 5000 }, (_, i) => 10 + i);
  assertEquals(lookUpDraft([1, 2, 3, 4, ...filler, 1, 2, 3], 1), []);
});
