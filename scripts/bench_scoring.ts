/**
 * Measures how fast texts are scored, beside llama-perplexity and transformers on the same text.
 *
 *     deno run -A scripts/bench_scoring.ts [--size small] [--type q8_0] [--tokens 8192] [--chunk 512] [--rounds 5]
 *       [--threads 2] [--peers llama.cpp,transformers] [--llama-build folder-of-programs] [--python python3]
 *       [--text file.txt]
 *
 * Each round reads the text with every program, one after the other; a ratio is the median of the rounds' ratios. The text is
 * read as llama-perplexity does: in chunks, of each of which the second half is scored; and once more with all of each chunk
 * scored. Weights are random, which makes no difference to speed. The peers' times do not include loading.
 *
 * The limit that a share is given of: reading a prompt of one chunk, without logits but for its last token, and the
 * arithmetic of the vocabulary projection for each token that is scored, at the same rate.
 *
 * @module
 */
import { cacheFolder } from "../src/base/cache_folder.ts";
import { median } from "../src/cli/bench/statistics.ts";
import { perplexity, type PerplexityOptions } from "../src/evaluation/perplexity.ts";
import { GPT2 } from "../src/gpt2.ts";
import { readTinyShakespeare } from "../tests/fixtures/tiny_shakespeare.ts";
import type { FileType } from "../src/checkpoint/file_types.ts";
import { run } from "./bench/command.ts";
import { buildLlamaCpp, llamaPerplexity } from "./bench/llama_cpp.ts";
import { ensureModels } from "./bench/models.ts";
import { parseFlags } from "./parse_flags.ts";

/** What a program took for the text. */
interface Run {
  readonly elapsedMs: number;
  readonly perplexity: number;
}

const FLAGS = [
  ...["size", "type", "tokens", "chunk", "rounds", "threads", "text"] as const,
  ...["peers", "llama-build", "python"] as const,
];

/** The arithmetic of the vocabulary projection for a token, as a part of that of all other products. */
function projectionShare({ config }: GPT2): number {
  const { embeddingDim: embed, hiddenDim: hidden, numLayers, vocabSize } = config;
  return vocabSize * embed / (numLayers * (4 * embed * embed + 2 * embed * hidden));
}

async function scoreOurs(model: GPT2, text: string, options: PerplexityOptions): Promise<Run> {
  const begin = performance.now();
  const { perplexity: { value } } = await perplexity(model, text, options);
  return { elapsedMs: performance.now() - begin, perplexity: value };
}

/** How long it takes to read so many prompts of one chunk, one after another. */
async function readPrompts(model: GPT2, ids: readonly number[], chunk: number): Promise<Run> {
  const begin = performance.now();
  for (let i = 0; i + chunk <= ids.length; i += chunk) {
    using _text = await model.open(ids.slice(i, i + chunk));
  }
  return { elapsedMs: performance.now() - begin, perplexity: NaN };
}

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: FLAGS },
  );
  const { size = "small", type = "q8_0", python = "python3" } = values;
  const [numTokens, chunk, rounds] = [
    Number(values.tokens ?? 8192),
    Number(values.chunk ?? 512),
    Number(values.rounds ?? 5),
  ];
  const threads = Number(values.threads ?? Math.min(navigator.hardwareConcurrency, 16));
  const peers = (values.peers ?? "llama.cpp,transformers").split(",");
  const cache = `${cacheFolder()}/bench`;
  const show = (doing: string) => console.error(doing);
  const withFolder = peers.includes("transformers");
  const [file] = await ensureModels(size, [type as FileType], cache, { withFolder }, show);
  const llamaCpp = peers.includes("llama.cpp")
    ? values["llama-build"] ?? await buildLlamaCpp(cache, show)
    : undefined;
  using model = await GPT2.fromPretrained(file.path, { threads });
  const all = values.text === undefined
    ? await readTinyShakespeare()
    : await Deno.readTextFile(values.text);
  const ids = model.tokenizer!.encode(all).slice(0, Math.floor(numTokens / chunk) * chunk);
  const text = model.tokenizer!.decode(ids);
  const folder = await Deno.makeTempDir();
  const [textPath, idsPath] = [`${folder}/text.txt`, `${folder}/tokens.json`];
  // The line break is what llama.cpp's programs take away from the end of a file.
  await Deno.writeTextFile(textPath, text + "\n");
  await Deno.writeTextFile(idsPath, JSON.stringify(ids));
  const script = `${import.meta.dirname}/bench/transformers_perplexity.py`;
  const transformers = async (dtype: string): Promise<Run> =>
    JSON.parse(
      await run(python, [script, file.folder, idsPath, String(chunk), String(threads), dtype]),
    );
  const programs: Record<string, () => Promise<Run>> = {
    [`this package, ${type}`]: () => scoreOurs(model, text, { chunk }),
    "  all tokens scored": () => scoreOurs(model, text, { maxLength: chunk, stride: chunk }),
    "  prompts of a chunk": () => readPrompts(model, ids, chunk),
    ...llamaCpp && {
      [`llama-perplexity, ${type}`]: () =>
        llamaPerplexity(llamaCpp, file.path, textPath, { chunk, threads }),
    },
    ...withFolder && {
      "transformers, BF16": () => transformers("bf16"),
      "transformers, F32": () => transformers("f32"),
    },
  };
  const runs: Record<string, Run[]> = {};
  try {
    await scoreOurs(model, model.tokenizer!.decode(ids.slice(0, chunk + 1)), { chunk });
    for (let round = 0; round < rounds; round++) {
      for (const [name, measure] of Object.entries(programs)) {
        (runs[name] ??= []).push(await measure());
        const { elapsedMs } = runs[name].at(-1)!;
        show(`round ${round + 1}: ${name.trim()}: ${(elapsedMs / 1000).toFixed(2)} s`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const [[ours], [every], [prompts]] = Object.keys(programs).map((name) => [name]);
  const ratio = (one: readonly Run[], other: readonly Run[]) =>
    median(one.map(({ elapsedMs }, i) => elapsedMs / other[i].elapsedMs));
  console.log(
    `\n${size}, ${ids.length} tokens in chunks of ${chunk}, ${threads} threads, ${rounds} rounds\n`,
  );
  console.log("| program | tokens/s | its time, ours being 1 | perplexity |");
  console.log("| --- | --- | --- | --- |");
  for (const [name, own] of Object.entries(runs)) {
    const speed = ids.length / median(own.map(({ elapsedMs }) => elapsedMs)) * 1000;
    const cells = [name.trim(), speed.toFixed(0), ratio(own, runs[ours]).toFixed(2)];
    const [{ perplexity: value }] = own;
    console.log(`| ${[...cells, Number.isNaN(value) ? "" : value.toFixed(2)].join(" | ")} |`);
  }
  const share = projectionShare(model);
  const numScored = Math.ceil(chunk / 2) - 1;
  for (const [name, part] of [[ours, numScored / chunk], [every, (chunk - 1) / chunk]] as const) {
    const limit = 1 + share * part;
    const reached = ratio(runs[prompts], runs[name]) * limit;
    console.log(`\n${name.trim()}: ${reached.toFixed(2)} of the limit`);
  }
}
