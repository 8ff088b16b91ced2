import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "./run_cli.ts";

const TOKENS = ["--answer", " his", "--against", " her"];

function patch(...args: string[]) {
  return runCli(["patch", ...args, "--model", "demo", "--threads", "1"]);
}

Deno.test("patch shows a table of layers and positions, from the first that differs", async () => {
  const { code, stdout, stderr } = await patch("The king is", "The queen is", ...TOKENS);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertMatch(lines[0], /^The residual stream/);
  assertEquals(lines[1], '  the logit of " his" less that of " her"');
  assertMatch(lines[2], /corrupted prompt \(-?\d+\.\d\d\); 1: as after the clean one \(-?\d/);
  // Before it, both prompts are the same.
  assertEquals(lines[3].trim().split(/ {2,}/).length, 2);
  assertEquals(
    lines.slice(4, 8).map((line) => line.slice(0, 9).trim()),
    [0, 1, 2, 3].map((layer) => `block ${layer}`),
  );
  assertEquals(lines.slice(8), ["", "  Without the first 1, where both prompts are the same: 0."]);
  // Before the first layer, the one token that differs decides alone.
  assertMatch(lines[4], /1\.00 █ +0\.00$/);
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("patch --sites heads has a column for each head, and --json all numbers", async () => {
  const args = ["The king is", "The queen is", ...TOKENS, "--sites", "heads"];
  const { stdout } = await patch(...args);
  assertMatch(stdout, /head 0 +head 1 +head 2 +head 3/);
  const result = JSON.parse((await patch(...args, "--json")).stdout);
  assertEquals([result.model, result.sites, result.shape], ["demo", "heads", [4, 4]]);
  assertEquals([result.data.length, result.metrics.length], [16, 16]);
  assertEquals(result.cleanTokens.length, result.corruptedTokens.length);
  assertEquals([result.answer.text, result.against.text], [" his", " her"]);
  const [first] = result.data;
  assertStringIncludes(stdout, `block 0`);
  assertStringIncludes(stdout, first.toFixed(2));
  assert(
    Math.abs((result.metrics[0] - result.corrupted) / (result.clean - result.corrupted) - first) <
      1e-6,
  );
});

Deno.test("patch says which tokens it compares where it chose them itself", async () => {
  const prompts = ["God save the king and", "God save the queen and"];
  const { answer, against } = JSON.parse((await patch(...prompts, "--json")).stdout);
  const remark = `the logit of ${JSON.stringify(answer.text)} less that of ${
    JSON.stringify(against.text)
  }`;
  assertStringIncludes((await patch(...prompts)).stdout, `\n  ${remark}\n`);
  const [[likeliest], [other]] = await Promise.all(
    prompts.map(async (text) => {
      const explained = await runCli(["explain", text, "--model", "demo", "--json"]);
      return JSON.parse(explained.stdout).candidates.tokens.map(({ id }: { id: number }) => id);
    }),
  );
  assertEquals([answer.id, against.id], [likeliest, other]);
});

const wrong: [what: string, args: string[], message: string][] = [
  ["prompts of other lengths", ["The king is here", "The queen is"], "received 4 tokens"],
  ["one prompt", ["The king"], "Give two prompts"],
  [
    "the same answer twice",
    ["The king is", "The queen is"],
    "for both. Name them in --answer and --against,",
  ],
  [
    "an answer of two tokens",
    ["The king is", "The queen is", "--answer", "xyz!"],
    "must be one token",
  ],
  [
    "other sites",
    ["The king is", "The queen is", "--sites", "layers"],
    "residual, attention, mlp, heads",
  ],
];

for (const [what, args, message] of wrong) {
  Deno.test(`patch refuses ${what}`, async () => {
    const { code, stdout, stderr } = await patch(...args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("explain --compare says how far another model is", async () => {
  const explain = (...args: string[]) =>
    runCli(["explain", "The cat sat", "--model", "demo", "--threads", "1", ...args]);
  const same = JSON.parse((await explain("--compare", "demo", "--json")).stdout).comparison;
  assert(same.length > 8);
  for (const { relativeError } of same) assertEquals(relativeError, 0);
  const { code, stdout } = await explain("--type", "f32", "--compare", "demo");
  assertEquals(code, 0);
  const section = stdout.slice(stdout.indexOf("How far demo is from that"));
  assertMatch(section, /^ {2}blocks\.3\.residual +0\.\d\d % +0\.\d+ /m);
  const other = await explain("--compare", "no-such-file.gguf");
  assertEquals(other.stdout, "");
  assertStringIncludes(other.stderr, "no-such-file.gguf");
});
