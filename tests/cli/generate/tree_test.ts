import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Branch } from "../../../src/generation/explore.ts";
import { treeLines } from "../../../src/cli/generate/tree.ts";
import { runCli } from "../run_cli.ts";

const leaf = (text: string, probability: number, branches: Branch[] = []): Branch => {
  const logProbability = Math.log(probability);
  return { id: 0, text, logProbability, totalLogProbability: logProbability, branches };
};

Deno.test("treeLines() draws branches below one another, the last one with a corner", () => {
  const tree = [leaf(" a", 0.5, [leaf("\n", 0.25), leaf("\x1b[2J", 1)]), leaf("b", 0.125)];
  assertEquals(treeLines(tree), [
    '├─  50.0 %  " a"',
    '│  ├─  25.0 %  "\\n"',
    '│  └─ 100.0 %  "\\u001b[2J"',
    '└─  12.5 %  "b"',
  ]);
});

Deno.test("generate --tree draws what may follow, or writes it as JSON", async () => {
  const tree = ["ROMEO:", "--model", "demo", "--tree", "--width", "2", "--depth", "2"];
  const { code, stdout, stderr } = await runCli(tree);
  assertEquals(code, 0);
  assertMatch(stdout, /^"ROMEO:"\n├─ +[\d.]+ % {2}"\\n"\n│ {2}├─ /);
  assertStringIncludes(stderr, "In percent: how likely a token is");
  assertEquals((await runCli([...tree, "--quiet"])).stderr, "");
  const { prompt, branches } = JSON.parse((await runCli([...tree, "--json"])).stdout);
  assertEquals(prompt, "ROMEO:");
  assertEquals(branches.length, 2);
  assertEquals(branches[0].text, "\n");
  const none = await runCli([...tree, "--min-probability", "1"]);
  assertEquals([none.code, none.stdout], [0, ""]);
  assertStringIncludes(none.stderr, "--min-probability");
});

Deno.test("generate --tree shows the end of a long prompt, in one line that drives no terminal", async () => {
  const prompt = `${"much ".repeat(30)}\x1b[2J\nado`;
  const { stdout } = await runCli([prompt, "--model", "demo", "--tree", "--depth", "1"]);
  const [root, first] = stdout.split("\n");
  assertMatch(root, /^\.\.\. "[much ]+\\u001b\[2J\\nado"$/);
  assertMatch(first, /^[├└]─ /);
});

Deno.test("generate refuses flags of a tree without one, and prompts with one", async () => {
  for (const flag of ["--width", "--depth", "--min-probability"]) {
    const { code, stderr } = await runCli(["a", "--model", "demo", flag, "1"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${flag} needs --tree`);
  }
  assertEquals((await runCli(["--prompts", "-", "--model", "demo", "--tree"])).code, 2);
  // What is asked of a text that is written would be passed over in silence.
  for (const flag of ["--regex", "--choices", "--stop", "--num-beams", "--forced-start"]) {
    const { code, stderr } = await runCli(["a", "--model", "demo", "--tree", flag, "1"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `leave ${flag} out`);
  }
  // Also where the value is the default one.
  const defaults = ["--temperature", "--top-k", "--num-return-sequences", "--seed", "-n"];
  for (const flag of defaults) {
    const { code, stderr } = await runCli(["a", "--model", "demo", "--tree", flag, "1"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `leave ${flag === "-n" ? "--max-new-tokens" : flag} out`);
    if (flag === "-n") assertStringIncludes(stderr, "--depth");
    if (flag === "--num-return-sequences") assertStringIncludes(stderr, "--width");
  }
});
