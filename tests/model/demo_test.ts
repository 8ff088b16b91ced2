import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { assertClose } from "../close.ts";
import { readTinyShakespeare } from "../fixtures/tiny_shakespeare.ts";
import { readCase, readExpected, referencePath } from "./reference.ts";

/** What is promised: F32 logits equal those of Hugging Face transformers within this. */
const LOGIT_TOLERANCE = 1e-4;
const LOSS_TOLERANCE = 1e-5;
/** Computing with 8-bit weights rounds the activations to 8 bits as well. */
const Q8_LOSS_TOLERANCE = 5e-3;

const expected = readExpected("demo");
const reference = readCase("demo") as ReturnType<typeof readCase> & {
  gguf_sha256: string;
  window_losses: number[];
};
const ids = [...expected.get("ids")!.data];

Deno.test("the reference values belong to the demo model that is here", async () => {
  const bytes = await Deno.readFile(new URL("../../src/demo/demo.gguf", import.meta.url));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  assertEquals(hash.toHex(), reference.gguf_sha256);
});

Deno.test("the demo model's tokenizer gives the tokens of Hugging Face", async () => {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const passage = await Deno.readTextFile(referencePath("demo/passage.txt"));
  assertEquals(model.tokenizer!.encode(passage), ids);
  assertEquals(model.tokenizer!.decode(ids), passage);
});

Deno.test("the demo model in F32 has the logits, losses and greedy text of transformers", async () => {
  using model = await GPT2.fromPretrained("demo", { type: "f32", threads: 1 });
  const tokens = [...expected.get("tokens")!.data];
  const { logits, shape } = await model.forward(tokens);
  assertEquals(shape, [1, 32, 1024]);
  assertClose(logits, expected.get("logits")!.data, LOGIT_TOLERANCE, "logits");

  for (const [window, loss] of reference.window_losses.entries()) {
    const actual = await windowLoss(model, window);
    assertClose([actual], [loss], LOSS_TOLERANCE, `loss of window ${window}`);
  }

  const { prompt, continuation } = reference.greedy;
  const greedy = [];
  const options = { greedy: true, maxNewTokens: continuation.length, ignoreEndOfText: true };
  for await (const { id } of model.generate(prompt, options)) greedy.push(id);
  assertEquals(greedy.length, 200);
  assertEquals(greedy, continuation);
});

Deno.test("the demo model as it is stored, in Q8_0, loses nothing that counts", async () => {
  using model = await GPT2.fromPretrained("demo");
  for (const [window, loss] of reference.window_losses.entries()) {
    assertClose([await windowLoss(model, window)], [loss], Q8_LOSS_TOLERANCE, `window ${window}`);
  }
});

Deno.test("every type that the demo model can be held in still predicts Shakespeare", async (t) => {
  /** Nats per token by which the loss may grow; a model that is broken loses several. */
  const limits = {
    f16: 1e-3,
    bf16: 1e-2,
    q8_0: 1e-2,
    q6_k: 2e-2,
    q5_k_m: 5e-2,
    q5_1: 5e-2,
    q5_0: 5e-2,
    q4_k_m: 0.15,
    q4_1: 0.15,
    q4_0: 0.2,
  } as const;
  for (const [type, limit] of Object.entries(limits)) {
    await t.step(type, async () => {
      using model = await GPT2.fromPretrained("demo", {
        type: type as keyof typeof limits,
        threads: 1,
      });
      const loss = await windowLoss(model, 0);
      assert(loss - reference.window_losses[0] < limit, `${loss}`);
    });
  }
});

Deno.test("generateText() gives texts for one prompt, several prompts, and an empty one", async () => {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const options = { seed: 1, maxNewTokens: 12 };
  const one = await model.generateText("ROMEO:", options);
  assertEquals(await model.generateText(["ROMEO:", "First Citizen:"], options), [
    one,
    await model.generateText("First Citizen:", options),
  ]);
  const [first, second] = await model.generateText(["ROMEO:"], {
    ...options,
    numReturnSequences: 2,
  });
  assertEquals(first, one);
  assertNotEquals(second, one);
  assertEquals(
    await model.generateText("", options),
    await model.generateText([model.tokenizer!.endOfTextId!], options),
  );
  await assertRejects(
    () => model.generateText("ROMEO:", { numReturnSequences: 2 }),
    RangeError,
    "received numReturnSequences 2. Pass the prompt in an array",
  );
});

Deno.test("forward() refuses what does not fit, and a use after disposal", async () => {
  const model = await GPT2.fromPretrained("demo", { threads: 1 });
  await assertRejects(() => model.forward([1024]), RangeError, "token 0");
  await assertRejects(() => model.forward([[1, 2], []]), RangeError, "from 1 to 256");
  await assertRejects(() => model.forward([]), RangeError, "from 1 to 256");
  await assertRejects(() => model.forward(new Array(257).fill(1)), RangeError, "from 1 to 256");
  await assertRejects(
    () => model.forward([1, 2], { targets: [1] }),
    TypeError,
    "shape of the tokens",
  );
  await assertRejects(() => model.forward([1], { targets: [1024] }), RangeError, "-100 for none");
  const text = await readTinyShakespeare();
  await assertRejects(() => model.generateText(text.slice(0, 5000)), RangeError, "longer than");
  model[Symbol.dispose]();
  model[Symbol.dispose]();
  await assertRejects(() => model.forward([1]), TypeError, "disposed");
  await assertRejects(() => model.generateText("x"), TypeError, "disposed");
});

async function windowLoss(model: GPT2, window: number): Promise<number> {
  const start = 256 * window;
  const tokens = ids.slice(start, start + 256);
  const targets = ids.slice(start + 1, start + 257);
  return (await model.forward(tokens, { targets })).loss!;
}
