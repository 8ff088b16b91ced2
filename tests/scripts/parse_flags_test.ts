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

Deno.test("--help shows what a script begins with", async () => {
  const scripts = [...Deno.readDirSync(folder)].filter(({ isFile, name }) =>
    isFile && name.endsWith(".ts") && name !== "parse_flags.ts" &&
    Deno.readTextFileSync(new URL(name, folder)).includes("parseFlags(")
  );
  assertGreater(scripts.length, 20);
  for (const { name } of scripts) {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fileURLToPath(new URL(name, folder)), "--help"],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, name);
    assertMatch(text, new RegExp(`deno (run -A scripts/${name}|task )`), name);
    assertFalse(text.includes("*"), name);
  }
});
