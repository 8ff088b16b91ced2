import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

function generate(args: string[]) {
  return runCli(["generate", "--model", MODEL, "--threads", "1", "a", "-n", "5", ...args]);
}

Deno.test("generate --num-beams writes the best texts, and --json has their scores", async () => {
  const beams = ["--num-beams", "3", "--num-return-sequences", "2"];
  const { code, stdout } = await generate([...beams, "--json"]);
  assertEquals(code, 0);
  const { seed, sequences: [first, second] } = JSON.parse(stdout);
  assertEquals(seed, undefined);
  assert(first.score > second.score);
  const sums = [first, second].map(({ tokens }) =>
    tokens.reduce((sum: number, token: { logProbability: number }) => sum + token.logProbability, 0)
  );
  assert(Math.abs(sums[0] / 5 - first.score) < 1e-4);
  const plain = await generate([...beams, "--no-echo"]);
  assertEquals(
    plain.stdout,
    `=== 1 of 2 ===\n${first.text}\n=== 2 of 2 ===\n${second.text}\n`.replaceAll("\n\n", "\n"),
  );
  assert(!plain.stderr.includes("seed"));
  const longer = await generate([...beams, "--json", "--length-penalty", "0"]);
  const [{ score }] = JSON.parse(longer.stdout).sequences;
  assert(Math.abs(score - sums[0]) < 1e-3);
});

Deno.test("generate refuses what does not go together with --num-beams", async () => {
  const cases = [
    [
      ["--num-beams", "2", "--temperature", "0.5"],
      "temperature does not go together with --num-beams",
    ],
    [["--num-beams", "2", "--stop", "x"], "stop does not go together with --num-beams"],
    [["--num-beams", "2", "--num-return-sequences", "3"], "--num-return-sequences must be at most"],
    [
      ["--greedy", "--num-return-sequences", "2"],
      "--num-return-sequences above 1 would be the same text each time with --greedy or a --temperature of 0",
    ],
    [["--early-stopping", "never"], "--early-stopping needs --num-beams"],
    [["--num-beams", "2", "--early-stopping", "maybe"], "--early-stopping"],
    [["--num-beams", "0"], "--num-beams"],
  ] as const;
  for (const [args, message] of cases) {
    const { code, stderr } = await generate([...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
  }
});
