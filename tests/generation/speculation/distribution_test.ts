// With drafts, texts have the probabilities that they have without (Leviathan et al., 2023, arXiv:2211.17192, theorem 1).

import { assert } from "@std/assert";
import { Engine } from "../../../src/engine/engine.ts";
import { forward } from "../../../src/engine/forward.ts";
import { generate } from "../../../src/generation/generate.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { createModel } from "../../../src/model/create_model.ts";
import type { Model } from "../../../src/model/model.ts";
import { asDraft } from "./speculating.ts";

const NUM_TEXTS = 1500;
/** Every text of five tokens: 243 of them. Of shorter ones nothing is drafted. */
const VOCAB_SIZE = 3;
const LENGTH = 5;
const PROMPT = [0, 1, 2, 0, 1, 2, 0];
/** Texts that are to be expected less often than this are counted together, as is usual for this test. */
const LEAST_EXPECTED = 5;
/** Of 1000 fair samples one would exceed this many standard deviations of the chi-square distribution. */
const QUANTILE = 3.1;

function createSmallModel(seed: number): Model {
  const sizes = { contextLength: 16, embeddingDim: 32, numHeads: 2, numLayers: 1 };
  return createModel(new GPT2Config({ vocabSize: VOCAB_SIZE, ...sizes }), { seed, threads: 1 });
}

/** The probability of each text, by its tokens as a number to the base of the vocabulary. */
async function probabilitiesOf(engine: Engine): Promise<Float64Array> {
  const all = new Float64Array(VOCAB_SIZE ** LENGTH);
  for (let text = 0; text < all.length; text++) {
    const tokens = [...text.toString(VOCAB_SIZE).padStart(LENGTH, "0")].map(Number);
    const { logits } = await forward(engine, [...PROMPT, ...tokens]);
    all[text] = tokens.reduce((product, token, i) => {
      const row = logits.subarray((PROMPT.length - 1 + i) * VOCAB_SIZE).subarray(0, VOCAB_SIZE);
      const weights = row.map((logit) => Math.exp(logit / TEMPERATURE));
      return product * weights[token] / weights.reduce((a, b) => a + b);
    }, 1);
  }
  return all;
}

/** Logits of a new model differ little; so they differ enough. */
const TEMPERATURE = 0.3;

/** How far counts are from what is to be expected, in standard deviations of the chi-square distribution. */
function chiSquareDeviation(counts: Float64Array, probabilities: Float64Array): number {
  let [rareCount, rareExpected, sum, numCells] = [0, 0, 0, 0];
  const add = (count: number, expected: number) => {
    sum += (count - expected) ** 2 / expected;
    numCells++;
  };
  for (const [text, probability] of probabilities.entries()) {
    const expected = NUM_TEXTS * probability;
    if (expected >= LEAST_EXPECTED) add(counts[text], expected);
    else [rareCount, rareExpected] = [rareCount + counts[text], rareExpected + expected];
  }
  if (rareExpected > 0) add(rareCount, rareExpected);
  const degrees = numCells - 1;
  assert(degrees > 20, `${degrees} degrees of freedom`);
  return (sum - degrees) / Math.sqrt(2 * degrees);
}

for (const how of ["a draft model", "lookup"] as const) {
  Deno.test(`with ${how}, texts are written as often as the model finds them likely`, async () => {
    using model = createSmallModel(1);
    using draftModel = createSmallModel(2);
    using engine = new Engine(model);
    using draftEngine = new Engine(draftModel);
    const probabilities = await probabilitiesOf(engine);
    const counts = new Float64Array(probabilities.length);
    let numDrafted = 0;
    let numAccepted = 0;
    // One after another: where many texts are computed together, drafts do not pay, and none are made.
    const written = generate(engine, undefined, new Array(NUM_TEXTS).fill(PROMPT), {
      seed: 1,
      batchSize: 1,
      maxNewTokens: LENGTH,
      temperature: TEMPERATURE,
      topK: 0,
      ...how === "lookup" ? { speculate: "lookup" } : { draft: asDraft(draftEngine, undefined) },
      onDraft: (result) => {
        numDrafted += result.numDrafted;
        numAccepted += result.numAccepted;
      },
    });
    const texts: number[] = new Array(NUM_TEXTS).fill(0);
    for await (const { prompt, id } of written) texts[prompt] = texts[prompt] * VOCAB_SIZE + id;
    for (const text of texts) counts[text]++;
    assert(
      numDrafted > 100 && numAccepted > 10 && numAccepted < numDrafted,
      `${numAccepted} of ${numDrafted} accepted`,
    );
    const deviation = chiSquareDeviation(counts, probabilities);
    assert(Math.abs(deviation) < QUANTILE, `${deviation} standard deviations`);
    // The texts of the draft model itself, or other numbers in general, would be noticed.
    const uniform = new Float64Array(probabilities.length).fill(1 / probabilities.length);
    assert(chiSquareDeviation(counts, uniform) > QUANTILE);
    const ofDraft = await probabilitiesOf(draftEngine);
    assert(chiSquareDeviation(counts, ofDraft) > QUANTILE);
  });
}
