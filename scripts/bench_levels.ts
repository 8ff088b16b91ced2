/**
 * Measures how fast models are read and written at each level of instructions that this processor has (GPT2_CPU_LEVEL).
 *
 *     deno run -A scripts/bench_levels.ts --models gpt2-Q8_0.gguf,gpt2-F16.gguf
 *       [--prompt-tokens 256] [--new-tokens 32] [--rounds 3] [--threads 2]
 *
 * Builds the libraries that are not there yet: half a minute and more for each. Each round runs `bench` at all levels, one after
 * the other; tokens/s are the medians of the rounds, and in brackets is how much faster that is than at the lowest level: the
 * median of the rounds' ratios.
 *
 * @module
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../src/cli/bench/statistics.ts";
import { LEVEL_VARIABLE, levelsOfThisCpu } from "../src/native_library/cpu_levels.ts";
import { run } from "./bench/command.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

/** What `bench --json` says of a test. */
interface Test {
  readonly kind: "prefill" | "decode";
  readonly numTokens: number;
  readonly tokensPerSecond: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));

async function deno(args: readonly string[], level: string): Promise<string> {
  return await run(Deno.execPath(), args, { cwd: root, env: { [LEVEL_VARIABLE]: level } });
}

/** Tokens per second, by what was measured. */
async function measure(model: string, level: string, flags: readonly string[]) {
  const args = ["run", "-A", "--no-check", "mod.ts", "bench", "-m", model, "-r", "1", "--json"];
  const [{ tests }]: { tests: Test[] }[] =
    JSON.parse(await deno([...args, ...flags], level)).results;
  return tests.map(({ kind, numTokens, tokensPerSecond }) => ({
    what: `${basename(model)}, ${kind === "prefill" ? "read" : "write"} ${numTokens}`,
    tokensPerSecond,
  }));
}

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["models", "prompt-tokens", "new-tokens", "rounds", "threads"], switches: [] },
  );
  if (values.models === undefined) {
    refuseArguments(
      "no model is named: received no --models. Give paths, with commas between them",
    );
  }
  const models = values.models.split(",").map((path) => Deno.realPathSync(path));
  const flags = [
    ...["-p", values["prompt-tokens"] ?? "256", "-n", values["new-tokens"] ?? "32"],
    ...["--threads", values.threads ?? "2"],
  ];
  const levels = levelsOfThisCpu().reverse();
  for (const level of levels) await deno(["task", "build", "--level", level], level);

  // What was measured, then the level, then the round.
  const speeds = new Map<string, Map<string, number[]>>();
  for (let round = 0; round < Number(values.rounds ?? 3); round++) {
    for (const model of models) {
      for (const level of round % 2 === 0 ? levels : levels.toReversed()) {
        console.error(`Round ${round + 1}: ${basename(model)}, ${level}`);
        for (const { what, tokensPerSecond } of await measure(model, level, flags)) {
          const ofLevels = speeds.getOrInsertComputed(what, () => new Map());
          ofLevels.getOrInsertComputed(level, () => []).push(tokensPerSecond);
        }
      }
    }
  }
  const cell = (ofLevels: Map<string, number[]>, level: string) => {
    const [lowest, own] = [ofLevels.get(levels[0])!, ofLevels.get(level)!];
    const ratio = median(own.map((speed, round) => speed / lowest[round]));
    return `${median(own).toFixed(0)} (${ratio.toFixed(2)})`;
  };
  console.log(`| tokens/s | ${levels.join(" | ")} |\n| --- |${" --- |".repeat(levels.length)}`);
  for (const [what, ofLevels] of speeds) {
    console.log(`| ${what} | ${levels.map((level) => cell(ofLevels, level)).join(" | ")} |`);
  }
}
