/**
 * Measures how much of a step is choosing tokens, where several texts are written side by side by the default options.
 *
 *     deno run -A scripts/bench_sampling.ts [--model gpt2] [--texts 1,8,32] [--tokens 128] [--threads 2]
 *
 * A step is one pass over all texts. What is not in the pass is done in JavaScript: reading what it has found, choosing,
 * log-probabilities, text, and the work of the engine. In the pass, a kernel finds the largest logits and what all of them
 * add up to; it is measured in a graph of its own. Times of steps are medians, or with `--fastest` lower quartiles, for a
 * machine on which other programs run; that of the kernel is the fastest of 50.
 *
 * @module
 */
import { median } from "../src/cli/bench/statistics.ts";
import { randomTexts } from "../src/cli/bench/random_texts.ts";
import { engineOf } from "../src/engine/engines.ts";
import { GPT2 } from "../src/gpt2.ts";
import { Graph } from "../src/tensor/graph.ts";
import { canSummarizeLogits, summarizeLogits } from "../src/tensor/summarize_logits.ts";
import { Random } from "../src/base/random.ts";
import { parseFlags } from "./parse_flags.ts";

/** As many as top-k 50, the default, decides by, and one more. */
const NUM_LARGEST = 51;
const KERNEL_RUNS = 50;

/** What was spent in passes since it was read last: the methods that compute a graph are measured. */
function measurePasses(): () => number {
  let elapsedMs = 0;
  const { compute, computeAsync } = Graph.prototype;
  Graph.prototype.compute = function (...args) {
    const begin = performance.now();
    compute.apply(this, args);
    elapsedMs += performance.now() - begin;
  };
  Graph.prototype.computeAsync = async function (...args) {
    const begin = performance.now();
    await computeAsync.apply(this, args);
    elapsedMs += performance.now() - begin;
  };
  return () => {
    const own = elapsedMs;
    elapsedMs = 0;
    return own;
  };
}

/** Milliseconds of each step, and of what is not in its pass. */
async function timeSteps(
  model: GPT2,
  numTexts: number,
  maxNewTokens: number,
  passMs: () => number,
) {
  const prompts = randomTexts(numTexts, 8, model.config.vocabSize);
  const options = { seed: 1, ignoreEndOfText: true, maxNewTokens };
  const steps: number[] = [];
  const between: number[] = [];
  let numTokens = 0;
  let last = 0;
  for await (const _token of model.generate(prompts, options)) {
    if (++numTokens % numTexts !== 0) continue;
    const now = performance.now();
    const computing = passMs();
    // The first one has read the prompts.
    if (numTokens > numTexts) {
      steps.push(now - last);
      between.push(now - last - computing);
    }
    last = now;
  }
  return { steps, between };
}

/** Milliseconds of the kernel, for so many texts. */
function timeKernel(model: GPT2, numTexts: number): number {
  const { backend, weights } = engineOf(model)!.model;
  if (!canSummarizeLogits(backend)) return 0;
  const [columns] = weights.parameters.vocabularyProjection.shape;
  const random = new Random(1);
  using graph = new Graph(backend);
  const logits = graph.input([numTexts, columns], "f32", "logits");
  graph.output(summarizeLogits(logits, model.config.vocabSize, NUM_LARGEST));
  graph.allocate();
  graph.write(logits, Float32Array.from({ length: numTexts * columns }, () => random.normal()));
  let fastest = Infinity;
  for (let run = 0; run < KERNEL_RUNS; run++) {
    const begin = performance.now();
    graph.compute();
    fastest = Math.min(fastest, performance.now() - begin);
  }
  return fastest;
}

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: ["model", "texts", "tokens", "threads"], switches: ["fastest"] },
  );
  const { model: name = "gpt2", texts = "1,8,32", tokens = "128", threads } = values;
  const options = threads === undefined ? {} : { threads: Number(threads) };
  using model = await GPT2.fromPretrained(name, options);
  const typical = switches.fastest
    ? (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 2]
    : median;
  const passMs = measurePasses();
  console.log("| texts | a step, ms | between passes, ms | the kernel, ms | both, % of a step |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const numTexts of texts.split(",").map(Number)) {
    // What JavaScript compiles as it runs does not count.
    await timeSteps(model, numTexts, Number(tokens) >> 1, passMs);
    const { steps, between } = await timeSteps(model, numTexts, Number(tokens), passMs);
    const kernel = timeKernel(model, numTexts);
    const [step, own] = [typical(steps), typical(between)];
    const share = (100 * (own + kernel) / step).toFixed(1);
    const cells = [step, own, kernel].map((ms) => ms.toFixed(2));
    console.log(`| ${[numTexts, ...cells, share].join(" | ")} |`);
  }
}
