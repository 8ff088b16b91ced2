import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

function generate(args: string[]) {
  return runCli([
    "generate",
    "--model",
    MODEL,
    "--threads",
    "1",
    "a",
    // In JSON the prompt has a place of its own.
    ...args.includes("--json") ? [] : ["--no-echo"],
    "--quiet",
    "--seed",
    "1",
    ...args,
  ]);
}

Deno.test("generate --choices writes one of the texts", async () => {
  const cases: [string[], RegExp][] = [
    [["--choices", "yes,no"], /^(yes|no)\n$/],
    [["--choices", "yes", "--choices", "no"], /^(yes|no)\n$/],
    [["--choices", '["yes, of course"]'], /^yes, of course\n$/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await generate(args);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, expected);
  }
});

Deno.test("generate --regex writes a text that matches", async () => {
  const { code, stdout } = await generate(["--regex", "[a-f]{3}\\d{2}é"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^[a-f]{3}\d{2}é\n$/);
});

Deno.test("generate --json-schema takes a schema or its file", async () => {
  const schema =
    '{"type":"object","properties":{"n":{"type":"integer","minimum":5,"maximum":7}},"required":["n"]}';
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, schema);
    for (const value of [schema, path]) {
      const { code, stdout } = await generate(["--json-schema", value]);
      assertEquals(code, 0);
      const { n } = JSON.parse(stdout);
      assert(n >= 5 && n <= 7);
    }
    const { code, stdout } = await generate(["--json-schema", path, "--json"]);
    assertEquals(code, 0);
    const [{ text, finishReason }] = JSON.parse(stdout).sequences;
    assert([5, 6, 7].includes(JSON.parse(text).n));
    assertEquals(finishReason, "endOfText");
    await Deno.writeTextFile(path, "{");
    const damaged = await generate(["--json-schema", path]);
    assertEquals(damaged.code, 65);
    assertStringIncludes(damaged.stderr, "--json-schema must be a JSON Schema");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("generate refuses constraints that are none, with the flag that asks for them", async () => {
  const cases: [string[], number, string][] = [
    [["--regex", "("], 2, "--regex must be a regular expression"],
    [["--regex", "(?=a)"], 2, "regex has a lookahead"],
    [["--regex", "a", "--choices", "b"], 2, "There can be only one of --choices and --regex"],
    [["--choices", "[1]"], 2, "--choices must be texts"],
    [["--choices", ""], 2, "only the empty text"],
    [["--json-schema", "{"], 2, "--json-schema must be a JSON Schema"],
    [
      ["--json-schema", '{"type":"string","pattern":"("}'],
      2,
      "pattern is not a regular expression",
    ],
    [["--json-schema", '{"multipleOf":2}'], 2, '"multipleOf"'],
    [["--json-schema", "there_is_no_such_file.json"], 66, "Check the path after --json-schema"],
  ];
  for (const [args, expectedCode, message] of cases) {
    const { code, stdout, stderr } = await generate(args);
    assertEquals([code, stdout], [expectedCode, ""], stderr);
    assertStringIncludes(stderr, message);
  }
});

Deno.test("generate says when a text ended before it fulfils its constraint", async () => {
  const loud = (...args: string[]) =>
    runCli(["generate", "--model", MODEL, "--threads", "1", "a", "--seed", "1", ...args]);
  const cut = await loud("--regex", "[a-f]{30}", "-n", "3");
  assertStringIncludes(
    cut.stderr,
    "ended before it was complete: allow more tokens with --max-new",
  );
  const whole = await loud("--regex", "[a-f]{3}", "-n", "30");
  assertEquals(whole.stderr.includes("complete"), false);
  const free = await loud("-n", "3");
  assertEquals(free.stderr.includes("complete"), false);
});
