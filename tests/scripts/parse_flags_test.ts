import { assertEquals, assertFalse, assertGreater, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parseFlags } from "../../scripts/parse_flags.ts";

const folder = new URL("../../scripts/", import.meta.url);

const names = { values: ["model", "tokens"], switches: ["help"], numArguments: 1 } as const;
const parse = (args: string[]) => parseFlags(args, names, (problem) => new RangeError(problem));

Deno.test("parseFlags() takes values, switches and arguments", () => {
  assertEquals(parse(["--model", "a", "--tokens=64", "12"]), {
    values: { model: "a", tokens: "64" },
    switches: { help: false },
    arguments: ["12"],
  });
  assertEquals(parse(["--help"]).switches, { help: true });
});

const refused: readonly [args: string[], message: string][] = [
  [["--modle", "a"], "unknown argument: received --modle"],
  [["--model"], "--model needs a value: received none"],
  [["--model", "--help"], "--model needs a value: received none"],
  [["a", "b"], "unknown argument: received b"],
];
for (const [args, message] of refused) {
  Deno.test(`parseFlags() refuses ${args.join(" ")}`, () => {
    assertThrows(() => parse(args), RangeError, message);
  });
}

Deno.test("parseFlags() names all flags when it refuses one", () => {
  const message = "--modle. Its flags are --model <value>, --tokens <value>, --help";
  assertThrows(() => parse(["--modle"]), RangeError, message);
});

/** The scripts that take flags, but for those with a text and exit codes of their own. */
const scripts = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
  name.endsWith(".ts") && name !== "parse_flags.ts" &&
  Deno.readTextFileSync(new URL(name, folder)).includes("parseFlags(")
).sort();

async function runScript(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(new URL(name, folder)), ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("--help shows what a script begins with", async () => {
  assertGreater(scripts.length, 20);
  for (const name of scripts) {
    const { code, stdout } = await runScript(name, "--help");
    assertEquals(code, 0, name);
    assertMatch(stdout, new RegExp(`deno (run -A scripts/${name}|task )`), name);
    assertFalse(stdout.includes("*"), name);
  }
});

Deno.test("a flag that a script does not know ends it with exit code 2 and one line", async () => {
  for (const name of [...scripts, "bench.ts"]) {
    const { code, stdout, stderr } = await runScript(name, "--no-such-flag");
    assertEquals([code, stdout], [2, ""], `${name}: ${stderr}`);
    assertMatch(stderr, /^Cannot .*: received --no-such-flag.*--help.*\n$/, name);
  }
});
