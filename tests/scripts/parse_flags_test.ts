import { assertEquals, assertThrows } from "@std/assert";
import { parseFlags } from "../../scripts/parse_flags.ts";

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
