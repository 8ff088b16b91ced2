import { assert, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { trainTokenizer } from "../../src/tokenizer/train_tokenizer.ts";

const SIZES = { contextLength: 16, embeddingDim: 32, numHeads: 2, numLayers: 1 };

for (const endOfText of [true, false]) {
  const which = endOfText ? "with" : "without";
  Deno.test(`an empty text begins from the end of text, if there is one: ${which} such a token`, async () => {
    const tokenizer = await trainTokenizer("abcdefg\n", { kind: "char", endOfText });
    using model = new GPT2(new GPT2Config({ ...SIZES, vocabSize: tokenizer.vocabSize }), {
      tokenizer,
    });
    const calls = [
      () => model.generateText("", { maxNewTokens: 1 }),
      () => model.scoreContinuations("", ["a", "b"]),
      async () => {
        using text = await model.open("");
        await text.likeliest(1);
      },
    ];
    for (const call of calls) {
      if (endOfText) {
        await call();
        continue;
      }
      const error = await assertRejects(call, RangeError, "has no token");
      assert(!error.message.includes("endoftext"), error.message);
      assert(error.message.includes("Give one at least: this tokenizer has none"), error.message);
    }
    await assertRejects(() => model.explore([]), RangeError, "has no token");
  });
}
