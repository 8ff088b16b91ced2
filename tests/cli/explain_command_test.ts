import { assert, assertEquals, assertMatch } from "@std/assert";
import { attributionSection } from "../../src/cli/explain/attribution_section.ts";
import { lensSection } from "../../src/cli/explain/layer_sections.ts";
import { explain } from "../../src/inspection/explain.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { runCli } from "./run_cli.ts";

const PROMPT = "The cat sat on the";
const SECTIONS = [
  "Tokens",
  "What may come next",
  "What each layer would have said",
  "Where heads look",
  'What speaks for " c" rather than " f"',
];
const ESCAPE = "\x1b";

async function explained(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(["explain", "--model", "demo", ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("explain shows all sections, in 80 columns without colour where nobody has a terminal", async () => {
  const stdout = await explained(PROMPT);
  assert(!stdout.includes(ESCAPE));
  const lines = stdout.split("\n");
  assertEquals(lines.filter((line) => /^[TW]/.test(line)), SECTIONS);
  for (const line of lines) assert(line.length <= 80 && line === line.trimEnd(), line);
  assertMatch(stdout, /^> {5}6 {2}" the" +\d+\.\d % {2}█+/m);
  assertMatch(stdout, /^ {3}1 {2}" c" +\d+\.\d % +█{30} +\d+\.\d %$/m);
  assertMatch(stdout, /^ {2}--top-k 50 {2}leaves 50 tokens with \d+\.\d %$/m);
  assertMatch(stdout, /^ {2}blocks\.3\.residual +\d+\.\d\d {2}#1 +\d+\.\d % +" c"/m);
  assertMatch(stdout, /^ {2}head 0\.3 +4 "at" +looks at +3 " s" +\d+\.\d % {2}█+/m);
  assertMatch(stdout, /^ {2}after the same token before {2}head 0\.3 +\d+\.\d %/m);
  assertMatch(stdout, /^ {2}blocks\.3\.mlp +\+\d\.\d\d +│█+/m);
});

Deno.test("explain fits into 60 columns, also with the names of many layers and heads", async () => {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const { lens, attribution, ...explanation } = await explain(
    model,
    model.tokenizer!.encode(PROMPT),
  );
  // As they are called in GPT-2 XL.
  const far = <T extends { name: string }>(list: readonly T[]) =>
    list.map((each) => ({ ...each, name: each.name.replace("blocks.3.", "blocks.47.") }));
  const { contributions } = attribution;
  const large = {
    ...explanation,
    lens: far(lens),
    attribution: { ...attribution, contributions: far(contributions) },
  };
  const lines = [...lensSection(large, 60), ...attributionSection(large, 60, 100)].map((line) =>
    line.map((part) => typeof part === "string" ? part : part[0]).join("").trimEnd()
  );
  for (const line of lines) assert(line.length <= 60, line);
});

Deno.test("explain uses colour on a terminal, and says the same", async () => {
  const { stdout } = await runCli(["explain", "--model", "demo", PROMPT], { isTerminal: true });
  assert(stdout.includes(ESCAPE));
  // deno-lint-ignore no-control-regex -- that is what is looked for
  const plain = stdout.replaceAll(/\x1b\[[\d;]*m/g, "");
  for (const line of plain.split("\n")) assert(line.length <= 100, line);
  for (const section of SECTIONS) {
    assert(plain.includes(`\n${section}\n`) || plain.startsWith(section));
  }
});

Deno.test("explain --json writes all numbers, and they are those of the model", async () => {
  const args = [PROMPT, "--json", "--top", "3", "--top-p", "0.1", "--threads", "1"];
  const found = JSON.parse(await explained(...args));
  assertEquals(Object.keys(found), [
    "model",
    "position",
    "tokens",
    "lens",
    "attention",
    "attribution",
    "candidates",
  ]);
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  const tokens = model.tokenizer!.encode(PROMPT);
  assertEquals(found.tokens.map(({ id }: { id: number }) => id), tokens);
  using text = await model.open(PROMPT);
  const likeliest = await text.likeliest(3);
  for (const [rank, { id, logProbability }] of likeliest.entries()) {
    const candidate = found.candidates.tokens[rank];
    assertEquals([candidate.id, candidate.rank], [id, rank]);
    assertEquals(candidate.probability, Math.exp(logProbability));
    assertEquals(candidate.afterStages.length, 2);
  }
  const stages = found.candidates.stages.map(({ name, numTokens }: Record<string, unknown>) => [
    name,
    numTokens,
  ]);
  assertEquals(stages, [["topK", 50], ["topP", 2]]);
  assertEquals(found.candidates.tokens[2].afterStages[1], 0);
  assertEquals(found.lens.map(({ positions }: { positions: unknown[] }) => positions.length), [
    ...new Array(5).fill(7),
  ]);
  assertEquals(found.attribution.contributions.length, 2 + 4 * (4 + 2) + 1);
});

Deno.test("explain --position and --answer explain another place and token", async () => {
  const json = await explained(PROMPT, "--json", "--position", "2", "--answer", " the");
  const { position, attribution: { answer, against }, candidates } = JSON.parse(json);
  assertEquals([position, answer.text, against.text], [2, " the", candidates.tokens[0].text]);
  const shown = await explained(PROMPT, "--position", "2", "--answer", " the", "--against", "s");
  assertMatch(shown, /^> {5}2 {2}"at"/m);
  assertMatch(shown, /^ {6}6 {2}" the"/m);
  assertMatch(shown, /^What speaks for " the" rather than "s"$/m);
});

Deno.test("explain tells what sampling takes away, and of a long text only what is near", async () => {
  const stdout = await explained(
    "ROMEO: ".repeat(30),
    "--greedy",
    "--top",
    "2",
    "--position",
    "40",
  );
  assertMatch(stdout, /^ {2}--greedy {2}leaves 1 token with/m);
  assertMatch(stdout, /no: --greedy$/m);
  assertMatch(stdout, /^ {8}25 more before$/m);
  assertMatch(stdout, /^ {8}\d+ more after$/m);
});

Deno.test("explain reads a text from stdin, and one without tokens from the beginning", async () => {
  const { stdout } = await runCli(["explain", "--model", "demo"], { stdin: `${PROMPT}\n` });
  assertEquals(stdout, await explained(PROMPT));
  assertMatch(await explained(""), /^> {5}0 {2}"<\|endoftext\|>"$/m);
});

const wrong: [args: string[], message: RegExp][] = [
  [
    ["--position", "7", PROMPT],
    /--position .* received 7, and it has 7 tokens\. Give a number from 0 to 6/,
  ],
  [
    ["--answer", "the cat", PROMPT],
    /--answer must be one token: received "the cat", which is \d+: "the"/,
  ],
  [["--answer", "", PROMPT], /--answer needs a value/],
  [["--against", "g lord", PROMPT], /The command tokenize shows/],
  [["--top", "0", PROMPT], /--top/],
  [["--temperature", "abc", PROMPT], /--temperature/],
  [
    ["a ".repeat(300)],
    /longer than the context: received \d+ tokens for 256 positions\. Shorten it/,
  ],
];

for (const [args, message] of wrong) {
  Deno.test(`explain refuses ${args.join(" ").slice(0, 40)}`, async () => {
    const { code, stdout, stderr } = await runCli(["explain", "--model", "demo", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
  });
}

Deno.test("explain takes a text that is longer than the context where --position is within that", async () => {
  const text = "To be, or not to be. ".repeat(60);
  const json = async (given: string, position: string) =>
    JSON.parse(await explained(given, "--position", position, "--json"));
  const [long, short] = [await json(text, "20"), await json(text.slice(0, 100), "20")];
  assertEquals(long.tokens.length, 256);
  assertEquals(long.candidates, short.candidates);
  assertEquals(long.attribution, short.attribution);
  for (const position of ["256", "-1"]) {
    const { code, stderr } = await runCli([
      ...["explain", "--model", "demo", text, `--position=${position}`],
    ]);
    assertEquals(code, 2);
    assertMatch(stderr, /Shorten it, or give a --position from 0 to 255\./);
  }
});
