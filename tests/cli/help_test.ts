import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { flagText } from "../../src/cli/arguments/flags.ts";
import { commands } from "../../src/cli/commands.ts";
import { runCli } from "./run_cli.ts";

const COMMANDS = await Promise.all(commands.values().map((load) => load()));
const PROGRAM = "deno run -A mod.ts";
/** Also of what is to be copied, which stays in one line; the last column of 80 stays free. */
const WIDTH = 79;

/** All that show help; without arguments the program shows some too. */
const ARGUMENTS = [[], ["--help"], ...COMMANDS.map(({ name }) => [name, "--help"])];

for (const { name: command, flags, examples } of COMMANDS) {
  Deno.test(`${command} --help has its usage, every flag, and examples that parse`, async () => {
    const { code, stdout, stderr } = await runCli([command, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^Usage: ${PROGRAM} ${command} (\\S+ )*\\[options\\]$`, "m"));
    assertMatch(stdout, /-h, --help/);
    for (const [name, { short }] of Object.entries(flags)) {
      assertMatch(stdout, new RegExp(`^  ${short ? `-${short}, ` : ""}${flagText(name)}\\b`, "m"));
    }
    for (const line of stdout.split("\n")) assert(line.length <= WIDTH, line);
    for (const [name, flag] of Object.entries(flags)) {
      const [, text] = stdout.replace(/\n {31}/g, " ").split(`${flagText(name)} `);
      const [line] = (text ?? "").split("\n");
      for (const choice of flag.kind === "choice" ? flag.choices : []) {
        assert(line.includes(choice), `${choice}: ${line}`);
      }
    }
    assert(examples.length > 0);
    for (const [example] of examples) {
      assertStringIncludes(stdout, `\n  ${PROGRAM} ${example}\n`);
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

Deno.test("examples that need nothing but the demo model run as they are printed", async () => {
  const examples = COMMANDS.flatMap(({ examples }) => examples.map(([args]) => args))
    .filter((args) => /\bdemo\b/.test(args) && !/^(train|serve)|\.(txt|jsonl?)\b/.test(args));
  assert(examples.length >= 7, `${examples.length}`);
  for (const example of examples) {
    const { code, stdout, stderr } = await runCli(words(example));
    assertEquals([example, code, stdout === ""], [example, 0, false], stderr);
  }
});

Deno.test("--help breaks lines between words on a narrow terminal", async () => {
  for (const [numColumns, args] of [60, 40].flatMap((n) => ARGUMENTS.map((a) => [n, a] as const))) {
    const narrow = await runCli(args, { isTerminal: true, numColumns });
    const wide = await runCli(args, { isTerminal: true, numColumns: 200 });
    for (const line of narrow.stdout.split("\n")) {
      const isCopied = line.includes(PROGRAM) || !line.trim().includes(" ");
      if (!isCopied) assert(line.length < numColumns, line);
    }
    // The same words in the same order, whatever the lines.
    const wordsOf = (text: string) => text.split(/[\s#]+/);
    assertEquals(wordsOf(narrow.stdout), wordsOf(wide.stdout));
    for (const line of wide.stdout.split("\n")) assert(line.length <= WIDTH + 1, line);
  }
});

Deno.test("--help lists all commands, each with what it does", async () => {
  const { code, stdout } = await runCli(["--help"]);
  assertEquals(code, 0);
  const [, list] = stdout.match(/^Commands:\n(.*?)\n\n/ms)!;
  const listed = Array.from(list.matchAll(/^ {2}(\w+) +[A-Z]/gm), ([, name]) => name);
  assertEquals(listed, [...commands.keys()]);
  for (const { summary } of COMMANDS) {
    assertStringIncludes(list.replaceAll(/\n +/g, " "), summary);
  }
  for (const args of [["help"], ["-h"], ["a prompt", "--help"]]) {
    assertEquals((await runCli(args)).stdout, stdout);
  }
});

Deno.test("every command is called by its own name", () => {
  assertEquals(COMMANDS.map(({ name }) => name), [...commands.keys()]);
});

/** Flags of two names: how many tokens to write, at most or exactly, and what to write, a file or perhaps a folder. */
const SAME_MEANING: Readonly<Record<string, string>> = {
  maxNewTokens: "newTokens",
  out: "output",
};

Deno.test("whatever names the file or folder to write has the letter o", () => {
  const writing = COMMANDS.flatMap(({ flags }) => [flags.out ?? flags.output ?? []].flat());
  assertEquals(writing.map(({ short }) => short), Array(4).fill("o"));
});

Deno.test("a flag's letter means the same in all commands", () => {
  const meanings = new Map<string, Set<string>>();
  for (const { flags } of COMMANDS) {
    for (const [name, { short }] of Object.entries(flags)) {
      if (short === undefined) continue;
      const meaning = SAME_MEANING[name] ?? name;
      meanings.set(short, (meanings.get(short) ?? new Set()).add(meaning));
    }
  }
  for (const [short, names] of meanings) assertEquals(names.size, 1, `-${short}: ${[...names]}`);
});

Deno.test("a flag that several commands have takes the same kind of value in all", () => {
  const kinds = new Map<string, Set<string>>();
  // A number, a word or a text here is a list of them in bench.
  const single = { textList: "text", integer: "text", decimal: "text", choice: "text" };
  for (const { flags } of COMMANDS) {
    for (const [name, { kind }] of Object.entries(flags)) {
      const one = single[kind as keyof typeof single] ?? kind;
      kinds.set(name, (kinds.get(name) ?? new Set()).add(one));
    }
  }
  for (const [name, found] of kinds) assertEquals(found.size, 1, name);
});

Deno.test("every command can write JSON", () => {
  for (const { name, flags } of COMMANDS) assertEquals(flags.json?.kind, "switch", name);
});

Deno.test("without arguments a terminal gets three examples that parse", async () => {
  const { code, stdout, stderr } = await runCli([]);
  assertEquals([code, stderr], [0, ""]);
  const examples = [...stdout.matchAll(/^ {2}deno run -A mod\.ts (.*)$/gm)];
  assertEquals(examples.length, 3);
  for (const [, example] of examples.filter(([, example]) => example !== "--help")) {
    const { stderr } = await runCli([...words(example), "--no-such-flag"]);
    assertStringIncludes(stderr, `no such flag: received "--no-such-flag"`, example);
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
