import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

const OTHER_MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

function generate(args: string[]) {
  return runCli(
    ["generate", "ROMEO:", "--model", "demo", "--threads", "1", "-n", "40", "--greedy", ...args],
  );
}

Deno.test("generate --speculate lookup writes the same, and says how many drafted tokens were right", async () => {
  const plain = await generate([]);
  const drafted = await generate(["--speculate", "lookup"]);
  assertEquals([drafted.code, drafted.stdout], [0, plain.stdout]);
  assertMatch(drafted.stderr, /; \d+ of \d+ drafted tokens accepted/);
  assert(!plain.stderr.includes("drafted"));
});

Deno.test("generate --draft has another model draft", async () => {
  // It would take as long as the model itself, and so it does not draft.
  const { code, stdout, stderr: said } = await generate(["--draft", "demo"]);
  assertEquals([code, stdout], [0, (await generate([])).stdout]);
  assertStringIncludes(said, "; nothing drafted that would have paid\n");
  const { code: otherCode, stderr } = await generate(["--draft", OTHER_MODEL]);
  assertEquals(otherCode, 2);
  assertStringIncludes(stderr, "Choose a draft model with the same tokenizer");
});

Deno.test("generate --json tells of drafts among the timings", async () => {
  const { stdout } = await generate(["--json", "--speculate", "lookup"]);
  const { drafts } = JSON.parse(stdout).timings;
  assert(drafts.numDrafted >= drafts.numAccepted && drafts.numAccepted > 0);
});

Deno.test("generate refuses --speculate together with --draft, and either with --tree", async () => {
  const both = await generate(["--speculate", "lookup", "--draft", "demo"]);
  assertEquals(both.code, 2);
  assertStringIncludes(both.stderr, "only one of --speculate and --draft");
  const tree = await generate(["--tree", "--speculate", "lookup"]);
  assertEquals(tree.code, 2);
  assertStringIncludes(tree.stderr, "leave --speculate and --draft out");
});
