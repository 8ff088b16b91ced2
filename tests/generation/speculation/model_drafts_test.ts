import { assertEquals } from "@std/assert";
import { Sampler } from "../../../src/generation/sampling/sampler.ts";
import type { DraftedText } from "../../../src/generation/speculation/drafted_text.ts";
import { ModelDrafts } from "../../../src/generation/speculation/model_drafts.ts";
import { Rehearsal } from "../../../src/generation/speculation/rehearsal.ts";
import { createSmallModel, tokenizer, WatchedEngine } from "./speculating.ts";

/** A text that whoever tests it writes. */
class WrittenText implements DraftedText {
  readonly isFinished = false;
  readonly mostDrafted = 7;
  constructor(readonly tokens: number[]) {}

  draft(): void {}

  rehearse(): Rehearsal {
    const sampler = new Sampler({ greedy: true }, tokenizer.vocabSize);
    return new Rehearsal(sampler, this.tokens, 1, undefined);
  }
}

Deno.test("ModelDrafts drafts what the model would write, whatever became of its last draft", async () => {
  const model = createSmallModel(1);
  const following = new ModelDrafts(new WatchedEngine(model));
  const text = new WrittenText([5, 6, 7]);
  for (let round = 0; round < 12; round++) {
    const [draft] = await following.draft([text], [4], undefined);
    using fresh = new ModelDrafts(new WatchedEngine(model));
    const anew = new WrittenText([...text.tokens]);
    assertEquals([draft], await fresh.draft([anew], [4], undefined));
    assertEquals(draft.length, 4);
    // 0 to 4 of the drafted tokens, and one that is, or is not, what the model expects.
    text.tokens.push(...draft.slice(0, round % 5), round % 2 === 0 ? 3 : draft[0]);
  }
});

Deno.test("ModelDrafts reads a text once, and many texts side by side", async () => {
  const engine = new WatchedEngine(createSmallModel(1));
  using drafts = new ModelDrafts(engine);
  const texts = [[1], [2, 3], [4, 5, 6]].map((tokens) => new WrittenText(tokens));
  const drafted = await drafts.draft(texts, [3, 0, 1], undefined);
  assertEquals(drafted.map(({ length }) => length), [3, 0, 1]);
  assertEquals(engine.numSteps, 3);
  assertEquals(engine.opened.map(({ length }) => length), [3, 0, 3]);
  texts[0].tokens.push(...drafted[0], 9);
  await drafts.draft(texts, [1, 0, 0], undefined);
  assertEquals(engine.opened[0].length, 5);
  drafts.forget(texts[0]);
  assertEquals(engine.opened.map(({ isDisposed }) => isDisposed), [true, false, false]);
});
