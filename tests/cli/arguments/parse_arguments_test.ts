import { assertEquals, assertThrows } from "@std/assert";
import type { Flags } from "../../../src/cli/arguments/flags.ts";
import {
  parseArguments,
  parseDecimal,
  parseInteger,
} from "../../../src/cli/arguments/parse_arguments.ts";
import { UsageError } from "../../../src/cli/arguments/usage_error.ts";

const flags = {
  name: { kind: "text", valueName: "text", help: "", short: "n" },
  size: { kind: "integer", valueName: "count", help: "", default: 7 },
  noRepeatSize: { kind: "integer", valueName: "count", help: "" },
  penalty: { kind: "decimal", valueName: "number", help: "" },
  type: { kind: "choice", valueName: "type", choices: ["q8_0", "f32"], help: "" },
  stop: { kind: "textList", valueName: "text", help: "" },
  quiet: { kind: "switch", help: "", short: "q" },
} as const satisfies Flags;

const nothing = {
  name: undefined,
  size: 7,
  noRepeatSize: undefined,
  penalty: undefined,
  type: undefined,
  stop: [],
  quiet: false,
};

const CASES: readonly (readonly [args: string[], values: object, operands?: string[]])[] = [
  [[], {}],
  [["--name", "x"], { name: "x" }],
  [["--name=x=y"], { name: "x=y" }],
  [["-n", "x"], { name: "x" }],
  [["-n=x"], { name: "x" }],
  [["-nx"], { name: "x" }],
  [["-nx=y"], { name: "x=y" }],
  [["-n-"], { name: "-" }],
  [["--name", "-nx"], { name: "-nx" }],
  [["--name", "two\nlines"], { name: "two\nlines" }],
  [["--name=two\nlines"], { name: "two\nlines" }],
  [["--name", "-x"], { name: "-x" }],
  [["--name", "-"], { name: "-" }],
  [["--name", "a", "--name", "b"], { name: "b" }],
  [["--size", "3"], { size: 3 }],
  [["--size", "-0"], { size: 0 }],
  [["--size=+3"], { size: 3 }],
  [["--no-repeat-size=3"], { noRepeatSize: 3 }],
  [["--no-repeat-size", "3"], { noRepeatSize: 3 }],
  [["--penalty", "-0.5"], { penalty: -0.5 }],
  [["--penalty", "-.5"], { penalty: -0.5 }],
  [["--type", "Q8_0"], { type: "q8_0" }],
  [["--stop", "a", "--stop=b", "--stop", ""], { stop: ["a", "b", ""] }],
  [["-q", "true"], { quiet: true }, ["true"]],
  [["a", "--quiet", "b"], { quiet: true }, ["a", "b"]],
  [["-"], {}, ["-"]],
  [["12"], {}, ["12"]],
  [["", " "], {}, ["", " "]],
  [["a", "--", "--quiet", "--", "-x"], {}, ["a", "--quiet", "--", "-x"]],
];

for (const [args, values, operands = []] of CASES) {
  Deno.test(`parseArguments() reads ${JSON.stringify(args)}`, () => {
    assertEquals(parseArguments(flags, args), {
      values: { ...nothing, ...values },
      given: new Set(Object.keys(values)),
      operands,
    } as ReturnType<typeof parseArguments<typeof flags>>);
  });
}

Deno.test("parseArguments() takes no name of Object.prototype for a flag", () => {
  for (const arg of ["--constructor", "--__proto__=x", "--to-string"]) {
    assertThrows(() => parseArguments(flags, [arg]), UsageError, "no such flag");
  }
});

Deno.test("parseInteger() reads decimal digits only", () => {
  for (const text of ["", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "٣", "9007199254740992", "NaN"]) {
    assertEquals(parseInteger(text), undefined, text);
  }
  assertEquals(parseInteger("-9007199254740991"), -9007199254740991);
  assertEquals(parseInteger("007"), 7);
});

Deno.test("parseDecimal() reads digits, a point and an exponent only", () => {
  for (
    const text of [
      "",
      ".",
      "-",
      "1e",
      "e3",
      "1e3.5",
      "0x1",
      "1e400",
      "1.2.3",
      "Infinity",
      "1,5",
      "9".repeat(400),
    ]
  ) {
    assertEquals(parseDecimal(text), undefined, text);
  }
  assertEquals(parseDecimal("1."), 1);
  assertEquals(parseDecimal("+.25"), 0.25);
  assertEquals(parseDecimal("1e-4"), 0.0001);
  assertEquals(parseDecimal("-2.5E+1"), -25);
});

Deno.test("parseArguments() takes any number of operands after --", () => {
  const { operands } = parseArguments({}, ["--", ...Array(200_000).fill("x")]);
  assertEquals(operands.length, 200_000);
});
