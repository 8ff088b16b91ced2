import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

function generate(args: string[]) {
  const fixed = ["--model", MODEL, "--threads", "1", "a", "--seed", "1", "-n", "8"];
  return runCli(["generate", ...fixed, "--json", ...args]);
}

async function idsOf(args: string[]): Promise<number[]> {
  const { code, stdout, stderr } = await generate(args);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout).sequences[0].tokens.map(({ id }: { id: number }) => id);
}

Deno.test("generate --suppress-tokens, --bad-words and --forced-start keep to what they say", async () => {
  const ids = await idsOf([]);
  const suppressed = await idsOf(["--suppress-tokens", ids.slice(0, 4).join()]);
  assert(!suppressed.some((id) => ids.slice(0, 4).includes(id)));
  const { stdout } = await generate(["--forced-start", "the", "--bad-words", "e", "--greedy"]);
  const [{ text }] = JSON.parse(stdout).sequences;
  assert(text.startsWith("the"), text);
});

Deno.test("generate refuses rules that are none", async () => {
  const cases = [
    [["--suppress-tokens", "1,x"], "--suppress-tokens must be token ids"],
    [["--suppress-tokens", "-1"], "--suppress-tokens must be token ids"],
    [["--suppress-tokens", "100000"], "a token of --suppress-tokens must be"],
    [["--bad-words", ""], "--bad-words"],
    [["--min-new-tokens", "9"], "--min-new-tokens must be at most --max-new-tokens, 8"],
  ] as const;
  for (const [args, message] of cases) {
    const { code, stderr } = await generate([...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
  }
});
