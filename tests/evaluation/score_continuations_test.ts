import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { eventLoopTurn } from "../../src/base/event_loop.ts";
import { engineOf } from "../../src/engine/engines.ts";
import { scoreContinuations } from "../../src/evaluation/score_continuations.ts";
import { GPT2 } from "../../src/gpt2.ts";

const model = await GPT2.fromPretrained("demo", { type: "f32" });
const tokenizer = model.tokenizer!;
const { contextLength } = model.config;
const TOLERANCE = 1e-5;

/** The log-probabilities of the tokens of a text from one of them on. */
async function tail(tokens: readonly number[], begin: number): Promise<number[]> {
  const scored = await model.score(tokens);
  return scored.tokens.slice(begin).map(({ logProbability }) => logProbability);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

Deno.test("GPT2.scoreContinuations() gives what scores of the whole texts give", async () => {
  const prompt = "To be, or not to";
  const continuations = [" be", " see, my lord", ", the", "."];
  const scores = await model.scoreContinuations(prompt, continuations, { topLogProbabilities: 1 });
  const begin = tokenizer.encode(prompt).length;
  for (const [i, continuation] of continuations.entries()) {
    const ids = tokenizer.encode(prompt + continuation);
    const expected = await tail(ids, begin);
    const { tokens, logProbability, logProbabilityPerToken, logProbabilityPerByte, isGreedy } =
      scores[i];
    assertEquals(tokens.map(({ id }) => id), ids.slice(begin));
    assertAlmostEquals(logProbability, sum(expected), TOLERANCE);
    assertAlmostEquals(logProbabilityPerToken, sum(expected) / expected.length, TOLERANCE);
    assertAlmostEquals(logProbabilityPerByte, sum(expected) / continuation.length, TOLERANCE);
    const isBest = tokens.every(({ id, topLogProbabilities }) => topLogProbabilities![0].id === id);
    assertEquals(isGreedy, isBest);
  }
});

Deno.test("GPT2.scoreContinuations() finds what greedy decoding writes greedy", async () => {
  const options = { greedy: true, maxNewTokens: 4 };
  const written = await model.generateText("ROMEO:", options);
  const [{ isGreedy }, other] = await model.scoreContinuations("ROMEO:", [written, " the the the"]);
  assertEquals([isGreedy, other.isGreedy], [true, false]);
});

Deno.test("GPT2.scoreContinuations() takes spaces at the end of the prompt for the continuation's", async () => {
  const expected = await model.scoreContinuations("To be, or not", [" to be"]);
  assertEquals(await model.scoreContinuations("To be, or not ", ["to be"]), expected);
  const [alone] = await model.scoreContinuations("", [" to be"]);
  const [spaces] = await model.scoreContinuations(" ", ["to be"]);
  assertEquals(spaces, alone);
  const ids = [model.endOfTextIds[0], ...tokenizer.encode(" to be")];
  assertAlmostEquals(alone.logProbability, sum(await tail(ids, 1)), TOLERANCE);
});

Deno.test("GPT2.scoreContinuations() scores tokens, and mixed with texts", async () => {
  const [prompt, after] = [tokenizer.encode("To be, or"), tokenizer.encode(" not to")];
  const [[tokens], [text], [mixed]] = await Promise.all([
    model.scoreContinuations(prompt, [after]),
    model.scoreContinuations("To be, or", [" not to"]),
    model.scoreContinuations("To be, or", [after]),
  ]);
  assertEquals(tokens, text);
  assertEquals(mixed, text);
});

Deno.test("GPT2.scoreContinuations() cuts a prompt that is too long from its beginning", async () => {
  const prompt = Array.from({ length: contextLength + 50 }, (_, i) => (7 * i) % 500);
  const continuations = [[1, 2], [3], [4, 5, 6, 7], [3, 3]];
  const scores = await model.scoreContinuations(prompt, continuations);
  for (const [i, continuation] of continuations.entries()) {
    const whole = [...prompt, ...continuation];
    using text = await model.open(whole.slice(-contextLength - 1, -continuation.length));
    let expected = 0;
    for (const id of continuation) {
      expected += (await text.logProbabilities())[id];
      if (text.length < contextLength) await text.append([id]);
    }
    assertAlmostEquals(scores[i].logProbability, expected, TOLERANCE);
  }
});

Deno.test("GPT2.scoreContinuations() refuses what has no token, or too many", async () => {
  await assertRejects(() => model.scoreContinuations("a", [" b", ""]), RangeError, "0 tokens");
  await assertRejects(
    () => model.scoreContinuations("not to", ["o"]),
    RangeError,
    "together with the end of the prompt",
  );
  await assertRejects(() => model.scoreContinuations([], [[1]]), RangeError, "nothing");
  const long = Array(contextLength + 1).fill(1);
  await assertRejects(() => model.scoreContinuations("a", [long]), RangeError, "continuation of");
  assertEquals(
    (await model.scoreContinuations([2], [long.slice(1)]))[0].tokens.length,
    contextLength,
  );
  assertEquals(await model.scoreContinuations("a", []), []);
  // deno-lint-ignore no-explicit-any
  const bad = model as any;
  await assertRejects(() => bad.scoreContinuations(5, ["a"]), TypeError, "Cannot score");
  await assertRejects(() => bad.scoreContinuations("a", [5]), TypeError, "Cannot score");
  await assertRejects(
    () => bad.scoreContinuations("a", ["b"], { x: 1 }),
    TypeError,
    "no such option",
  );
  const stop = AbortSignal.abort();
  await assertRejects(
    () => model.scoreContinuations("a", [" b", " c"], { signal: stop }),
    DOMException,
  );
  assert((await model.scoreContinuations("a", [" b"]))[0].logProbability < 0);
});

Deno.test("scoreContinuations() lets others have their turn while it encodes many texts", async () => {
  const stop = new AbortController();
  let numEncoded = 0;
  const slow = new Proxy(tokenizer, {
    get(target, name) {
      if (name !== "encodePrompt") return Reflect.get(target, name, target);
      return (text: string) => {
        numEncoded++;
        const end = performance.now() + 12;
        while (performance.now() < end);
        return target.encodePrompt(text);
      };
    },
  });
  const scorer = { engine: engineOf(model)!, tokenizer: slow, endOfTextIds: [] };
  const refused = assertRejects(
    () => scoreContinuations(scorer, "To be", Array(20).fill(" or"), { signal: stop.signal }),
    DOMException,
  );
  eventLoopTurn().then(() => stop.abort());
  await refused;
  assert(numEncoded < 10, `${numEncoded}`);
});

Deno.test("GPT2.scoreContinuations() reads what there is when it is called, and refuses what is no list", async () => {
  const expected = await model.scoreContinuations([5, 6], [[7, 8], "x"]);
  const [prompt, continuation] = [[5, 6], [7, 8]];
  const continuations = [continuation, "x"];
  const scores = model.scoreContinuations(prompt, continuations);
  prompt.fill(9);
  continuation.fill(9);
  continuations.pop();
  assertEquals(await scores, expected);
  for (const wrong of [null, "be", new Set([" be"])]) {
    await assertRejects(
      () => model.scoreContinuations("To", wrong as unknown as string[]),
      TypeError,
      "continuations must be an array",
    );
  }
});
