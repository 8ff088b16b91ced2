/**
 * Measures what looking into a model costs while it writes, and while it reads.
 *
 *     deno run -A scripts/bench_hooks.ts [--model gpt2] [--rounds 15] [--tokens 100]
 *
 * `--model none` is a model of twelve layers that computes next to nothing, on one thread: what is left is the work around it.
 *
 * Each round writes the same text, and reads one of 256 tokens, in each way, one after the other. The time of a token is that
 * from the first new token to the last; a ratio is the median of those of the rounds, against nothing captured or changed.
 *
 * @module
 */
import { median } from "../src/cli/bench/statistics.ts";
import type { HookOptions } from "../src/engine/hook_options.ts";
import { GPT2 } from "../src/gpt2.ts";
import { GPT2Config } from "../src/model/config.ts";
import { add } from "../src/tensor/elementwise.ts";
import { parseFlags } from "./parse_flags.ts";

const PROMPT = Array.from({ length: 32 }, (_, i) => (i * 37) % 199);
const READ = Array.from({ length: 256 }, (_, i) => (i * 37) % 199);

const SIZES_OF_NONE = {
  vocabSize: 200,
  contextLength: 512,
  embeddingDim: 96,
  hiddenDim: 32,
  numHeads: 2,
  numLayers: 12,
};

/** What is captured and changed: nothing comes first, and again, which shows how much chance there is. */
function waysFor(model: GPT2): Record<string, HookOptions> {
  const vector = new Float32Array(model.config.embeddingDim).fill(0.01);
  const lastLayer = model.config.numLayers - 1;
  return {
    "nothing": {},
    "nothing, again": {},
    "residuals of all layers": { capture: ["blocks.*.residual"] },
    "residuals, last position": { capture: { names: ["blocks.*.residual"], positions: "last" } },
    "attention weights of one layer": { capture: ["blocks.0.attention.weights"] },
    "attention weights of all layers": { capture: ["blocks.*.attention.weights"] },
    "a vector added to one layer": {
      intervene: {
        [`blocks.${lastLayer >> 1}.residual`]: (x, { input }) =>
          add(x, input([vector.length], () => vector)),
      },
    },
  };
}

/** Milliseconds per token. */
async function timeWriting(model: GPT2, maxNewTokens: number, hooks: HookOptions) {
  const options = { ...hooks, maxNewTokens, greedy: true, ignoreEndOfText: true };
  let [first, last, count] = [0, 0, 0];
  for await (const _token of model.generate(PROMPT, options)) {
    last = performance.now();
    first ||= last;
    count++;
  }
  return (last - first) / (count - 1);
}

/** Milliseconds. */
async function timeReading(model: GPT2, hooks: HookOptions): Promise<number> {
  const begin = performance.now();
  await model.forward(READ, { ...hooks, logits: "last" });
  return performance.now() - begin;
}

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["model", "rounds", "tokens"], switches: [] },
  );
  const { model: name = "gpt2" } = values;
  const [rounds, tokens] = [Number(values.rounds ?? 15), Number(values.tokens ?? 100)];
  using model = name === "none"
    ? new GPT2(new GPT2Config(SIZES_OF_NONE), { seed: 1, threads: 1 })
    : await GPT2.fromPretrained(name);
  const ways = Object.entries(waysFor(model));
  const times = ways.map(() => ({ writing: [] as number[], reading: [] as number[] }));
  for (let round = -1; round < rounds; round++) {
    // Who goes first takes turns.
    for (let i = 0; i < ways.length; i++) {
      const way = (i + Math.max(0, round)) % ways.length;
      const [, hooks] = ways[way];
      const writing = await timeWriting(model, tokens, hooks);
      const reading = await timeReading(model, hooks);
      if (round < 0) continue;
      times[way].writing.push(writing);
      times[way].reading.push(reading);
    }
  }
  const ratio = (own: number[], base: number[]) =>
    median(own.map((each, i) => each / base[i])).toFixed(3);
  console.log("| captured or changed | ms per token | ratio | read 256, ms | ratio |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [way, [what]] of ways.entries()) {
    const { writing, reading } = times[way];
    const [base] = times;
    console.log(
      `| ${what} | ${median(writing).toFixed(3)} | ${ratio(writing, base.writing)} | ` +
        `${median(reading).toFixed(1)} | ${ratio(reading, base.reading)} |`,
    );
  }
}
