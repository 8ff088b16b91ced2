import { assert, assertEquals } from "@std/assert";
import {
  Acceptance,
  allotDrafts,
  MAX_DRAFT,
} from "../../../src/generation/speculation/draft_budget.ts";

const sure = { probability: 0.98, most: MAX_DRAFT };
const hopeless = { probability: 0.02, most: MAX_DRAFT };
const sum = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);

Deno.test("allotDrafts() drafts the more, the more probable it is that drafts are right", () => {
  const counts = [0.02, 0.5, 0.8, 0.98].map((probability) =>
    allotDrafts([{ probability, most: MAX_DRAFT }], 0)[0]
  );
  assertEquals(counts, counts.toSorted((a, b) => a - b));
  assertEquals([counts[0], counts[3]], [0, MAX_DRAFT]);
});

Deno.test("allotDrafts() drafts less where a draft costs much", () => {
  assertEquals(allotDrafts([sure], 0.08), [MAX_DRAFT]);
  assertEquals(allotDrafts([{ ...sure, probability: 0.6 }], 1), [0]);
  assertEquals(allotDrafts([sure], 1), [0]);
});

Deno.test("allotDrafts() gives the tokens to the texts that use them", () => {
  const counts = allotDrafts([hopeless, sure, hopeless, sure], 0);
  assertEquals([counts[1], counts[3]], [MAX_DRAFT, MAX_DRAFT]);
  // There is one to be given away: 14 is no size of a pass.
  assertEquals(counts[0] + counts[2], 1);
  assertEquals(allotDrafts([], 0), []);
  assertEquals(allotDrafts([{ probability: 1, most: 0 }, { probability: 1, most: 0 }], 0), [0, 0]);
});

Deno.test("allotDrafts() asks for few different sizes of passes", () => {
  const sizes = new Set<number>();
  for (let numTexts = 1; numTexts <= 8; numTexts++) {
    for (let i = 0; i < 100; i++) {
      const texts = Array.from({ length: numTexts }, (_, text) => ({
        probability: (i * 37 + text * 11) % 100 / 100,
        most: (i + text) % (MAX_DRAFT + 1),
      }));
      const counts = allotDrafts(texts, 0);
      assert(counts.every((count, text) => count <= texts[text].most));
      sizes.add(sum(counts));
    }
  }
  assert([...sizes].every((size) => [0, 3, 7, 15, 31].includes(size)), String([...sizes]));
});

Deno.test("Acceptance follows what was seen lately", () => {
  const acceptance = new Acceptance(0.6);
  const first = acceptance.probability;
  for (let i = 0; i < 20; i++) acceptance.learn(7, 7);
  assert(acceptance.probability > 0.95);
  for (let i = 0; i < 40; i++) acceptance.learn(7, 0);
  assert(acceptance.probability < 0.15);
  for (let i = 0; i < 20; i++) acceptance.learn(3, 1);
  assert(Math.abs(acceptance.probability - 0.5) < 0.1);
  assertEquals(first, 0.6);
});

Deno.test("a text whose drafts are always wrong costs few passes with drafts, and some are tried again", () => {
  const acceptance = new Acceptance(0.6);
  let numTried = 0;
  for (let pass = 0; pass < 300; pass++) {
    const { probability } = acceptance;
    const [count] = allotDrafts([{ probability, most: MAX_DRAFT }], 0);
    if (count === 0) acceptance.rest();
    else {
      acceptance.learn(count, 0);
      numTried++;
    }
  }
  assert(numTried > 2 && numTried < 10, `${numTried} of 300`);
});
