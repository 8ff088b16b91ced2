import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "./run_cli.ts";

const COMMANDS = ["generate", "convert", "quantize", "tokenize", "info"];
const PROGRAM = "deno run -A mod.ts";
const WIDTH = 80;

for (const command of COMMANDS) {
  Deno.test(`${command} --help has its usage, every flag, and examples that parse`, async () => {
    const { code, stdout, stderr } = await runCli([command, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `Usage: ${PROGRAM} ${command} `);
    assertMatch(stdout, /-h, --help/);
    for (const line of stdout.split("\n")) {
      // What is to be copied stays in one line.
      if (!line.includes(PROGRAM)) assert(line.length <= WIDTH, line);
    }
    const examples = [...stdout.matchAll(/^ {2}deno run -A mod\.ts (.*)$/gm)];
    assert(examples.length > 0);
    for (const [, example] of examples) {
      // With a flag at its end that cannot be, an example gets no further than it: what is before it was understood.
      const { stderr } = await runCli([...words(example), "--no-such-flag"]);
      assertStringIncludes(stderr, `no such flag: received "--no-such-flag"`, example);
    }
  });

  Deno.test(`${command} can be asked for help in several ways`, async () => {
    const { stdout } = await runCli([command, "--help"]);
    for (
      const args of [[command, "-h"], ["help", command], [command, "--no-such-flag", "--help"]]
    ) {
      assertEquals(await runCli(args), { code: 0, stdout, stderr: "" });
    }
  });
}

Deno.test("--help lists all commands", async () => {
  const { code, stdout } = await runCli(["--help"]);
  assertEquals(code, 0);
  for (const command of COMMANDS) assertMatch(stdout, new RegExp(`^  ${command} +[A-Z]`, "m"));
  for (const args of [["help"], ["-h"], ["a prompt", "--help"]]) {
    assertEquals((await runCli(args)).stdout, stdout);
  }
});

Deno.test("--help after -- is a prompt", async () => {
  const { code, stdout } = await runCli(["--model", "nowhere.gguf", "--", "--help"]);
  assertEquals([code, stdout], [66, ""]);
});

Deno.test("--version prints the version of the package", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  assertEquals(await runCli(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
});

/** Splits a line into words as a shell does, as far as the examples need it. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain);
}
