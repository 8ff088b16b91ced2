/**
 * A server with far more clients than it has room for, some of them broken: is anything lost that was accepted, how long does
 * it take to be refused or to stop, and does its memory grow?
 *
 *     deno run -A scripts/load_server.ts [--seconds 600] [--model demo] [--max-texts 8] [--json]
 *
 * @module
 */
import { Client, KINDS } from "./load_server/client.ts";
import { Samples } from "./load_server/samples.ts";
import { parseFlags } from "./parse_flags.ts";
import { startServer } from "./start_server.ts";

/** What must hold. */
const LIMITS = { rejectMs: 50, cancelMs: 100, memoryGrowth: 1.1 };
/** Clients for each text that the server writes at a time. */
const CLIENTS_PER_TEXT = 4;
/** Memory is compared from here on: before, graphs and caches are made. */
const WARM_UP_SHARE = 0.25;

/** A value of the server's metrics. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, "m").exec(text)![1]);
}

/** The upper bound, in milliseconds, of the range in which the 99th percentile of a histogram lies. */
async function p99Ms(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const buckets = [...text.matchAll(new RegExp(`^${name}_bucket{le="(.+)"} (\\d+)$`, "gm"))];
  const count = Number(buckets.at(-1)![2]);
  const [, bound] = buckets.find(([, , below]) => Number(below) >= 0.99 * count)!;
  return bound === "+Inf" ? Infinity : 1000 * Number(bound);
}

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: ["seconds", "model", "max-texts"], switches: ["json"] },
  );
  const seconds = Number(values.seconds ?? 600);
  const { model = "demo", "max-texts": maxTexts = "8" } = values;
  const { child, url } = await startServer([
    ...["--model", model, "--max-texts", maxTexts, "--max-waiting", maxTexts],
  ]);
  const samples = new Samples();
  const begin = performance.now();
  const end = begin + 1000 * seconds;
  const numClients = CLIENTS_PER_TEXT * Number(maxTexts);
  const clients = Array.from(
    { length: numClients },
    (_, i) => new Client(url, { kind: KINDS[i % KINDS.length], seed: i, samples }).runUntil(end),
  );
  const memory: number[] = [];
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 100 * seconds)));
    memory.push(await metric(url, "process_resident_memory_bytes") / 2 ** 20);
  }
  await Promise.all(clients);
  // What clients left behind must be gone.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const left = await metric(url, "gpt2_texts_running") + await metric(url, "gpt2_requests_waiting");
  const cancelP99Ms = await p99Ms(url, "gpt2_cancel_seconds");
  child.kill("SIGTERM");
  const { code } = await child.status;

  const warm = memory.slice(Math.floor(WARM_UP_SHARE * memory.length));
  const third = Math.ceil(warm.length / 3);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const growth = mean(warm.slice(-third)) / mean(warm.slice(0, third));
  const report = {
    seconds,
    clients: numClients,
    maxTexts: Number(maxTexts),
    ...samples.counts,
    rejectMs: samples.quantiles("reject"),
    cancelP99Ms,
    completeMs: samples.quantiles("complete"),
    memoryMib: { first: warm[0], last: warm.at(-1), most: Math.max(...warm), growth },
    left,
    code,
  };
  console.log(switches.json ? JSON.stringify(report) : report);
  const failures = [
    samples.counts.lost > 0 && `${samples.counts.lost} accepted requests were lost`,
    report.rejectMs.p99 > LIMITS.rejectMs && "rejections take too long",
    cancelP99Ms > LIMITS.cancelMs && "cancelling takes too long",
    growth > LIMITS.memoryGrowth && "memory grows",
    left > 0 && "texts are left behind",
    code !== 0 && `the server ended with ${code}`,
  ].filter((failure) => failure !== false);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) Deno.exit(1);
}
