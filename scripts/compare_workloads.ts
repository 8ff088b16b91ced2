/**
 * Says what a change did to work with many texts: two checkouts, each built, take turns in processes of their own.
 *
 *     deno run -A scripts/compare_workloads.ts ../before . --model gpt2-Q8_0.gguf --rounds 5
 *
 * Prints, in Markdown, medians in seconds and the median of the ratios of the rounds, first to second: how many times as
 * fast the second checkout is.
 *
 * @module
 */
import { median } from "../src/cli/bench/statistics.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";
import { type Workload, workloads } from "./workloads.ts";

const { values: { model = "demo", rounds = "5" }, arguments: checkouts } = parseFlags(
  Deno.args,
  { values: ["model", "rounds"], numArguments: 2 },
);
const numRounds = Number(rounds);
if (checkouts.length !== 2 || !Number.isSafeInteger(numRounds) || numRounds < 1) {
  refuseArguments(
    `two folders and a whole number of --rounds are needed: received ${checkouts.length} and ${rounds}`,
  );
}

/** The seconds that a checkout takes for a workload, measured in a process of its own. */
async function measure(checkout: string, workload: Workload): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", new URL("./workloads.ts", import.meta.url).href],
      ...[await Deno.realPath(checkout), model, workload],
    ],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return Number(text.decode(stdout));
}

console.log("| | first, s | second, s | times as fast |");
console.log("| --- | --- | --- | --- |");
for (const workload of Object.keys(workloads) as Workload[]) {
  const seconds: [number[], number[]] = [[], []];
  for (let round = 0; round < numRounds; round++) {
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      seconds[side].push(await measure(checkouts[side], workload));
    }
  }
  const [first, second] = seconds;
  const ratio = median(first.map((sample, round) => sample / second[round]));
  const cells = [median(first).toFixed(2), median(second).toFixed(2), ratio.toFixed(2)];
  console.log(`| ${workloads[workload].title} | ${cells.join(" | ")} |`);
}
