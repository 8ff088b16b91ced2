/**
 * Measures what speculation gains, and what it costs where there is nothing to gain.
 *
 *     deno run -A scripts/bench_speculation.ts [--model gpt2] [--draft model] [--rounds 11] [--tokens 200]
 *
 * Each round writes the same texts with and without drafts, one after the other. What is compared is the time from the first
 * new token to the last; the ratio is the median of the rounds' ratios.
 *
 * @module
 */
import { median } from "../src/cli/bench/statistics.ts";
import { GPT2 } from "../src/gpt2.ts";
import type { GenerateOptions } from "../src/generation/generate_options.ts";
import { parseFlags } from "./parse_flags.ts";

const PROMPT = "function area(shape) {\n  if (shape.kind === 'circle') return circle(shape);\n" +
  "  if (shape.kind === 'square') return square(shape);\n  if (shape.kind === 'circle')";

/** Each round has another seed, and so another text where it is random. */
const TEXTS: Readonly<Record<string, GenerateOptions & { readonly numTexts?: number }>> = {
  "greedy, repeats itself": { greedy: true },
  "greedy, four texts": { greedy: true, numTexts: 4 },
  "top-k 50": {},
  "top-k 3, temperature 3: pairs recur by chance": { topK: 3, temperature: 3 },
  "all tokens, temperature 1.5": { topK: 0, temperature: 1.5 },
};

interface Run {
  readonly elapsedMs: number;
  readonly numDrafted: number;
  readonly numAccepted: number;
  readonly ids: string;
}

async function write(model: GPT2, numTexts: number, options: GenerateOptions): Promise<Run> {
  let [numDrafted, numAccepted, first, last] = [0, 0, 0, 0];
  const onDraft: GenerateOptions["onDraft"] = (result) => {
    numDrafted += result.numDrafted;
    numAccepted += result.numAccepted;
  };
  const ids: number[][] = [];
  const prompts = Array<string>(numTexts).fill(PROMPT);
  for await (const { prompt, id } of model.generate(prompts, { ...options, onDraft })) {
    last = performance.now();
    first ||= last;
    (ids[prompt] ??= []).push(id);
  }
  return { elapsedMs: last - first, numDrafted, numAccepted, ids: ids.join(" ") };
}

if (import.meta.main) {
  const { values } = parseFlags(Deno.args, {
    values: ["model", "draft", "rounds", "tokens", "threads"],
    switches: [],
  });
  const { model: name = "gpt2", draft: draftName } = values;
  const [rounds, maxNewTokens] = [Number(values.rounds ?? 11), Number(values.tokens ?? 200)];
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  using model = await GPT2.fromPretrained(name, { threads });
  using draft = draftName === undefined
    ? undefined
    : await GPT2.fromPretrained(draftName, { threads });
  const kinds: Record<string, GenerateOptions> = { lookup: { speculate: "lookup" } };
  if (draft !== undefined) kinds[`draft ${draftName}`] = { draft };

  console.log("| text | drafts | plain, tokens/s | with drafts | times as fast | accepted |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const [text, { numTexts = 1, ...options }] of Object.entries(TEXTS)) {
    const plain: Run[] = [];
    const drafted: Record<string, Run[]> = {};
    for (let seed = 0; seed < rounds; seed++) {
      const settings = { maxNewTokens, seed, logProbabilities: false, ...options };
      plain.push(await write(model, numTexts, settings));
      for (const [kind, speculation] of Object.entries(kinds)) {
        const run = await write(model, numTexts, { ...settings, ...speculation });
        if (run.ids !== plain.at(-1)!.ids) console.log(`The texts differ: ${text}, ${kind}.`);
        (drafted[kind] ??= []).push(run);
      }
    }
    const numTokens = maxNewTokens * numTexts;
    const speedOf = (runs: Run[]) =>
      (numTokens / median(runs.map(({ elapsedMs }) => elapsedMs)) * 1000).toFixed(0);
    for (const [kind, runs] of Object.entries(drafted)) {
      const ratio = median(runs.map(({ elapsedMs }, i) => plain[i].elapsedMs / elapsedMs));
      const sum = (key: "numDrafted" | "numAccepted") =>
        runs.reduce((sum, run) => sum + run[key], 0);
      console.log(
        `| ${text} | ${kind} | ${speedOf(plain)} | ${speedOf(runs)} | ${ratio.toFixed(2)} | ${
          sum("numAccepted")
        } of ${sum("numDrafted")} |`,
      );
    }
  }
}
