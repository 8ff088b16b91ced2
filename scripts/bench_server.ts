/**
 * This package's server and llama.cpp's, built from the same source, with the same file and the same requests in turn.
 *
 *     deno run -A scripts/bench_server.ts [--rounds 3] [--threads 2] [--model file.gguf] [--texts 32] [--json]
 *
 * Without `--model`, a GPT-2 small with random weights in Q8_0 is made.
 *
 * @module
 */
import { cacheFolder } from "../src/base/cache_folder.ts";
import { buildLlamaCpp } from "./bench/llama_cpp.ts";
import { ensureModels } from "./bench/models.ts";
import { measure, type Measured, RefusedError } from "./bench_server/client.ts";
import { llamaServer, ourServer, type RunningServer } from "./bench_server/servers.ts";
import { workloadsOf } from "./bench_server/workloads.ts";
import { parseFlags } from "./parse_flags.ts";

/** What was measured of a server with one kind of work, in all rounds. */
interface Row {
  readonly server: string;
  readonly work: string;
  readonly rounds: Measured[];
  refusal?: string;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function summarize({ server, work, rounds, refusal }: Row) {
  const all = (of: (round: Measured) => readonly number[]) => rounds.flatMap(of);
  const [first, each] = [all(({ firstTokenMs }) => firstTokenMs), all(({ tokenMs }) => tokenMs)];
  return {
    server,
    work,
    refusal,
    tokensPerSecond: quantile(rounds.map(({ tokensPerSecond }) => tokensPerSecond), 0.5),
    firstTokenP50Ms: quantile(first, 0.5),
    firstTokenP99Ms: quantile(first, 0.99),
    tokenP50Ms: quantile(each, 0.5),
    tokenP99Ms: quantile(each, 0.99),
  };
}

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: ["rounds", "threads", "model", "texts"], switches: ["json"] },
  );
  const { rounds = "3", threads = String(navigator.hardwareConcurrency), texts = "32" } = values;
  const cache = `${cacheFolder()}/bench`;
  const say = (doing: string) => console.error(`${doing} ...`);
  const options = { withFolder: false };
  const model = values.model ??
    (await ensureModels("small", ["q8_0"], cache, options, say))[0].path;
  const setup = { model, threads: Number(threads), numTexts: Number(texts) };
  const programs = await buildLlamaCpp(cache, say, ["llama-server"]);
  await using stack = new AsyncDisposableStack();
  const servers: RunningServer[] = [
    stack.use(await ourServer(setup)),
    stack.use(await llamaServer(`${programs}/llama-server`, setup)),
  ];
  const rows = new Map<string, Row>();
  // The first round is for what comes once: graphs, caches, memory. Each round has texts of its own, so that nothing of them
  // is known from before.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const workload of workloadsOf(round)) {
      for (const { name, url } of servers) {
        const key = `${name} ${workload.title}`;
        const row = rows.get(key) ?? { server: name, work: workload.title, rounds: [] };
        rows.set(key, row);
        if (row.refusal !== undefined) continue;
        if (Deno.stderr.isTerminal()) say(`Round ${round}: ${workload.title}: ${name}`);
        try {
          const measured = await measure(url, workload);
          if (round > 0) row.rounds.push(measured);
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error;
          row.refusal = error.message;
        }
      }
    }
  }
  const summaries = [...rows.values()].map(summarize).sort((a, b) => a.work < b.work ? -1 : 1);
  if (switches.json) console.log(JSON.stringify(summaries, null, 2));
  else console.table(summaries);
}
