/**
 * Says whether a change made the program slower: two checkouts, each built, take turns in processes of their own.
 *
 *     deno run -A scripts/compare_checkouts.ts ../before . --model gpt2-Q8_0.gguf --rounds 15
 *
 * Prints, in Markdown, medians and the median of the ratios of the rounds, second to first: of the time from the start to
 * the end of a program that generates one token, and of the tokens per second that it tells for 200. Deno gets the options
 * that each checkout's own task `start` has.
 *
 * @module
 */
import { median } from "../src/cli/bench/statistics.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

const PROMPT = "Once upon a time";

const { values: { model = "demo", rounds = "15" }, arguments: checkouts } = parseFlags(
  Deno.args,
  { values: ["model", "rounds"], numArguments: 2 },
);
const numRounds = Number(rounds);
if (checkouts.length !== 2 || !Number.isSafeInteger(numRounds) || numRounds < 1) {
  refuseArguments(
    `two folders and a whole number of --rounds are needed: received ${checkouts.length} and ${rounds}`,
  );
}

/** The options for Deno with which a checkout's task `start` runs the program. */
function startOptions(checkout: string): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${checkout}/deno.json`));
  const [, options] = /deno run (\S+(?: -\S+)*) mod\.ts( generate)?$/.exec(tasks.start) ?? [];
  if (options === undefined) throw new SyntaxError(`No start of mod.ts: received "${tasks.start}"`);
  return options.split(" ");
}

/** What a checkout's program tells of so many tokens, and how long it took altogether. */
async function generate(checkout: string, numTokens: number) {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...startOptions(checkout), "--no-check"],
      ...[`${checkout}/mod.ts`, PROMPT, "--model", model, "--greedy"],
      ...["-n", `${numTokens}`],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (!success) throw new Error(text);
  return {
    elapsedMs: performance.now() - start,
    tokensPerSecond: Number(/([\d.]+) tokens\/s/.exec(text)?.[1]),
  };
}

const startMs: [number[], number[]] = [[], []];
const speed: [number[], number[]] = [[], []];
for (let round = 0; round < numRounds; round++) {
  for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
    startMs[side].push((await generate(checkouts[side], 1)).elapsedMs);
    speed[side].push((await generate(checkouts[side], 200)).tokensPerSecond);
  }
}
console.log("|                             | first | second | ratio |");
console.log("| --------------------------- | ----- | ------ | ----- |");
for (
  const [name, [first, second]] of [
    ["start to the first token, ms", startMs],
    ["writing, tokens/s", speed],
  ] as const
) {
  const ratio = median(second.map((sample, round) => sample / first[round]));
  const cells = [median(first).toFixed(0), median(second).toFixed(0), ratio.toFixed(3)];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
