/**
 * This package, measured as it is shipped: its command line, in a process of its own.
 *
 * @module
 */
import { run } from "./command.ts";
import { childUsage, type ModelFile, type Program, PROMPT, type Workload } from "./program.ts";

const main = `${import.meta.dirname}/../../mod.ts`;

/** This package, with a number of threads. */
export function ours(threads: number): Program {
  const deno = ["run", "-A", main];
  const bench = async (model: ModelFile, workload: Workload, test: readonly string[]) => {
    const { depth, batch, repetitions } = workload;
    const output = await run(Deno.execPath(), [
      ...[...deno, "bench", "--json", "-m", model.path, "--threads", String(threads)],
      ...["--depth", String(depth), "-b", String(batch), "-r", String(repetitions), ...test],
    ]);
    return JSON.parse(output).results[0].tests[0].tokensPerSecond as number;
  };
  const decode = (model: ModelFile, workload: Workload) =>
    bench(model, workload, ["-p", "0", "-n", String(workload.tokens)]);
  return {
    name: "this package",
    prefill: (model, workload) =>
      bench(model, workload, ["-p", String(workload.tokens), "-n", "0"]),
    decode,
    decodeBatch: decode,
    usage: ({ path }, { tokens }) =>
      childUsage(Deno.execPath(), [
        ...[...deno, "generate", PROMPT, "-m", path, "-n", String(tokens)],
        ...["--threads", String(threads), "--no-echo", "--quiet", "--ignore-end-of-text"],
      ]),
  };
}
