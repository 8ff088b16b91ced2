import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { Engine } from "../../src/engine/engine.ts";
import { scoreTokens, type ScoreTokensOptions } from "../../src/engine/score_tokens.ts";
import {
  NO_TARGET,
  Scoring,
  TargetScores,
  type TokenScore,
} from "../../src/engine/target_scores.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";
import { canSummarizeLogits } from "../../src/tensor/summarize_logits.ts";
import { createReferenceModel } from "../model/reference.ts";

const model = createReferenceModel("tiny", { threads: 2 });
const { vocabSize, contextLength } = model.config;

/** The kernel promises 3e-7 for log-probabilities, whose inputs are F32 of the size of 10; entropies sum up 1,000 of them. */
const TOLERANCE = 3e-6;

/** Whether the kernel scores; JavaScript does so elsewhere. */
const ways = [false, ...canSummarizeLogits(model.backend) ? [true] : []];

const random = new Random(5);
const randomTokens = (length: number) =>
  Array.from({ length }, () => Math.floor(random.next() * vocabSize));

/** A score as it is defined. */
function define(logits: Float32Array, id: number, numTop: number): Required<TokenScore> {
  const max = Math.max(...logits);
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
  const logProbabilities = Array.from(logits, (logit) => logit - max - Math.log(sum));
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  return {
    id,
    logProbability: logProbabilities[id],
    rank: 1 + order.indexOf(id),
    entropy: -logProbabilities.reduce((sum, x) => sum + x * Math.exp(x), 0),
    topLogProbabilities: order.slice(0, numTop)
      .map((id) => ({ id, logProbability: logProbabilities[id] })),
  };
}

function assertScore(actual: TokenScore, expected: Required<TokenScore>, message: string): void {
  const { topLogProbabilities: top = [] } = actual;
  assertEquals([actual.id, actual.rank], [expected.id, expected.rank], message);
  assertAlmostEquals(actual.logProbability, expected.logProbability, TOLERANCE, message);
  assertAlmostEquals(actual.entropy, expected.entropy, TOLERANCE, message);
  assertEquals(top.map(({ id }) => id), expected.topLogProbabilities.map(({ id }) => id), message);
  for (const [i, { logProbability }] of top.entries()) {
    const { logProbability: wanted } = expected.topLogProbabilities[i];
    assertAlmostEquals(logProbability, wanted, TOLERANCE, message);
  }
}

async function score(
  engine: Engine,
  tokens: readonly number[],
  begin = 0,
  options?: ScoreTokensOptions,
): Promise<TokenScore[]> {
  using sequence = engine.open();
  return await scoreTokens(engine, sequence, tokens, begin, options);
}

for (const hasKernel of ways) {
  Deno.test(`TargetScores by ${hasKernel ? "the kernel" : "JavaScript"} equals its definition`, () => {
    using backend = Backend.cpu({ threads: 1 });
    using graph = new Graph(backend);
    const [numRows, columns, size] = [6, 40, 37];
    const input = graph.input([1, numRows, columns], "f32", "logits");
    const logits = graph.output(scale(input, 1), "out");
    const scores = new TargetScores(graph, logits, size, 5, hasKernel);
    graph.allocate();
    const values = Float32Array.from({ length: numRows * columns }, () => 3 * random.normal());
    // Many are equal.
    for (let i = 0; i < columns; i++) values[i] = Math.round(values[i]);
    // And of one row one is not a number; behind the vocabulary anything may be.
    values[5 * columns + 7] = NaN;
    for (let row = 0; row < numRows; row++) {
      values.fill(NaN, row * columns + size, (row + 1) * columns);
    }
    graph.write(input, values);
    for (const targets of [[0, 1, 2, 3, 4, 5], [36, 35, 3, 3, 0, 0]]) {
      scores.write(graph, targets);
      graph.compute();
      scores.read();
      for (const [row, target] of targets.slice(0, -1).entries()) {
        const own = values.slice(row * columns, row * columns + size);
        for (const numTop of [5, 2, 0]) {
          assertScore(scores.score(row, numTop), define(own, target, numTop), `row ${row}`);
        }
      }
      assertEquals(scores.score(5, 2), {
        id: targets[5],
        logProbability: NaN,
        rank: NaN,
        entropy: NaN,
      });
    }
  });
}

Deno.test("scoreTokens() tells of each token what all logits say", async () => {
  using engine = new Engine(model);
  using sequence = engine.open();
  const tokens = randomTokens(30);
  const [logits] = await engine.step([{ sequence, tokens, logits: "all" }]);
  const scores = await score(engine, tokens, 0, { numTop: 3 });
  assertEquals(scores[0], { id: tokens[0], logProbability: NaN, rank: NaN, entropy: NaN });
  for (let i = 1; i < tokens.length; i++) {
    const before = logits.subarray((i - 1) * vocabSize, i * vocabSize);
    assertScore(scores[i], define(before, tokens[i], 3), `token ${i}`);
  }
});

Deno.test("scoreTokens() gives as many of the likeliest as are asked for, also all", async () => {
  using engine = new Engine(model);
  const tokens = [3, 1, 4];
  const counts = [0, 1, 128, 129, 130, vocabSize, vocabSize + 1];
  const all = await Promise.all(counts.map((numTop) => score(engine, tokens, 0, { numTop })));
  for (const [i, numTop] of counts.entries()) {
    const top = all[i][2].topLogProbabilities;
    assertEquals(top?.length ?? 0, Math.min(numTop, vocabSize));
    if (numTop === 0) continue;
    const sum = top!.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0);
    if (numTop >= vocabSize) assertAlmostEquals(sum, 1, TOLERANCE);
    else assert(sum < 1);
  }
});

Deno.test("scoreTokens() gives the same numbers from anywhere, after a fork, and beside others", async () => {
  using engine = new Engine(model);
  const tokens = randomTokens(contextLength);
  const whole = await score(engine, tokens, 0, { numTop: 2 });
  using sequence = engine.open();
  await engine.step([{ sequence, tokens: tokens.slice(0, 20), logits: "last" }]);
  using fork = engine.fork(sequence);
  const same = (scores: TokenScore[], begin: number) => {
    if (engine.model.hasRaggedAttention) return assertEquals(scores, whole.slice(begin));
    scores.forEach((actual, i) => {
      const { topLogProbabilities = [], ...rest } = whole[begin + i];
      if (begin + i > 0) {
        assertScore(actual, { topLogProbabilities, ...rest }, `token ${begin + i}`);
      }
    });
  };
  const others = [randomTokens(7), randomTokens(50)];
  const [part, forked, rest] = await Promise.all([
    scoreTokens(engine, sequence, tokens.slice(0, 40), 20, { numTop: 2 }),
    scoreTokens(engine, fork, tokens, 5, { numTop: 2 }),
    score(engine, tokens, 60, { numTop: 2 }),
    ...others.map((other) => score(engine, other)),
  ]);
  same([...part, ...whole.slice(40)], 20);
  same(forked, 5);
  same(rest, 60);
});

Deno.test("Engine.step() writes on one text while it scores another in the same pass", async () => {
  using engine = new Engine(model);
  const [a, b] = [randomTokens(12), randomTokens(9)];
  using alone = engine.open();
  await engine.step([{ sequence: alone, tokens: a, logits: "last" }], { numLargest: 3 });
  const scores = await score(engine, b);
  using together = engine.open();
  const [, scoresTogether] = await Promise.all([
    engine.step([{ sequence: together, tokens: a, logits: "last" }], { numLargest: 3 }),
    score(engine, b),
  ]);
  if (!engine.model.hasRaggedAttention) return assertEquals(scoresTogether.length, scores.length);
  assertEquals(scoresTogether, scores);
  assertEquals(together.logits, alone.logits);
});

Deno.test("Engine.step() scores the targets that count, and no others", async () => {
  using engine = new Engine(model);
  const tokens = randomTokens(8);
  const whole = await score(engine, tokens);
  using sequence = engine.open();
  const targets = tokens.slice(1).map((id, i) => i % 3 === 0 ? id : NO_TARGET);
  const scoring = new Scoring(targets);
  const request = { sequence, tokens: tokens.slice(0, -1), logits: "targets" as const, scoring };
  const [result] = await engine.step([request]);
  assertEquals(result.length, 0);
  assertEquals(scoring.scores.map(({ id }) => id), [1, 4, 7].map((i) => tokens[i]));
  for (const [i, { rank }] of scoring.scores.entries()) assertEquals(rank, whole[1 + 3 * i].rank);
});

Deno.test("scoreTokens() of nothing, or of the first token, reads nothing", async () => {
  using engine = new Engine(model);
  assertEquals(await score(engine, []), []);
  assertEquals(await score(engine, [5, 6], 2), []);
  assertEquals((await score(engine, [5])).map(({ id, rank }) => [id, rank]), [[5, NaN]]);
});

Deno.test("scoreTokens() stops when it is aborted, and the text can be used again", async () => {
  using engine = new Engine(model);
  using sequence = engine.open();
  const tokens = randomTokens(50);
  const stop = new AbortController();
  const refused = assertRejects(
    () => scoreTokens(engine, sequence, tokens, 0, { signal: stop.signal }),
    DOMException,
  );
  stop.abort();
  await refused;
  assertEquals(sequence.length, 0);
  assertEquals((await scoreTokens(engine, sequence, tokens, 0)).length, 50);
});

Deno.test("scoreTokens() is an error where the model computes something that is not a number", async () => {
  const broken = createReferenceModel("tiny", { threads: 1 });
  using engine = new Engine(broken);
  const bytes = new Uint8Array(new Float32Array(broken.config.embeddingDim).fill(NaN).buffer);
  broken.weights.write("finalNorm.bias", bytes);
  await assertRejects(() => score(engine, [1, 2, 3]), NumericalError, "not a finite number");
  broken[Symbol.dispose]();
});
