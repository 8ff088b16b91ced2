import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { spanLines } from "../../src/cli/score/score_table.ts";
import { textWidth } from "../../src/cli/terminal/text_width.ts";
import { runCli, type RunOptions } from "./run_cli.ts";

const score = (args: string[], options?: RunOptions) =>
  runCli(["score", ...args, "--model", "demo", "--threads", "1"], options);

const model = await GPT2.fromPretrained("demo");

Deno.test("score --tsv writes tokens without quotes, and nothing in them ends a cell or a line", async () => {
  const text = '"a" said \\ "b"\t\\t\r\n\n\'c\' \u{1f642}';
  const { stdout } = await score([text, "--tsv"]);
  const [header, ...rows] = stdout.trimEnd().split("\n").map((line) => line.split("\t"));
  const { tokens } = await model.score(text);
  assertEquals(rows.map(({ length }) => length), tokens.map(() => header.length));
  const meant: Record<string, string> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };
  const cells = (name: string) => rows.map((row) => row[header.indexOf(name)]);
  const texts = cells("text").map((cell) => cell.replace(/\\(.)/g, (_, key) => meant[key]));
  assertEquals(texts, tokens.map(({ text }) => text));
  assertEquals(cells("hex"), tokens.map(({ hex = "" }) => hex));
  assertEquals(cells("hex").join(""), "f09f9982");
  const { stdout: sums } = await score([text, "--tsv", "--sum"]);
  assertEquals(sums.trimEnd().split("\n").length, 2);
});

Deno.test("score shows the bytes of tokens that are parts of characters", async () => {
  const { stdout } = await score(["\u{1f642}"]);
  const { tokens } = await model.score("\u{1f642}");
  for (const { hex } of tokens) assertStringIncludes(stdout, `<${hex}>`);
});

Deno.test("score --lines answers each line before the next one comes", async () => {
  const lines = ["To be", "or not", "to be"];
  const answers: string[] = [];
  let answered = Promise.resolve();
  let tell = () => {};
  const stdin = async (into: Uint8Array) => {
    // The next line depends on what was said of the one before.
    await answered;
    const line = lines.shift();
    if (line === undefined) return null;
    answered = new Promise((resolve) => tell = resolve);
    return new TextEncoder().encodeInto(line + "\n", into).written;
  };
  const onStdout = (text: string) => {
    answers.push(JSON.parse(text).text);
    tell();
  };
  assertEquals((await score(["--lines", "--json"], { stdin, onStdout })).code, 0);
  assertEquals(answers, ["To be", "or not", "to be"]);
});

Deno.test("score writes what it says of the lines before one that cannot be read", async () => {
  const good = ["To be", "or not", "to be"];
  const json = good.map((text) => JSON.stringify({ text }) + "\n").join("");
  const encoded = new TextEncoder().encode(good.join("\n") + "\n");
  for (
    const [args, stdin] of [
      [["--jsonl", "text"], json + '{"text": 5}\n' + json],
      [["--lines"], new Uint8Array([...encoded, 255, 10, ...encoded])],
    ] as const
  ) {
    const { code, stdout, stderr } = await score([...args, "--json"], { stdin });
    const answers = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).text);
    assertEquals([code, answers], [65, good], stderr);
    assertStringIncludes(stderr, "line 4");
  }
});

Deno.test("score reads no byte order mark as text", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("marked.txt");
  Deno.writeTextFileSync(path, "\ufeffTo be\n\ufeffa\n");
  const whole = JSON.parse((await score(["--file", path, "--json", "--sum"])).stdout);
  assertEquals(whole.text, "To be\n\ufeffa");
  const { stdout } = await score(["--file", path, "--json", "--sum", "--lines"]);
  const texts = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).text);
  assertEquals(texts, ["To be", "\ufeffa"]);
});

Deno.test("score --json keeps the tokens beside words and parts", async () => {
  for (const args of [["--group", "words"], ["--span", "0-2"]]) {
    const { tokens, spans, numTokens } = JSON.parse(
      (await score(["To be", "--json", ...args])).stdout,
    );
    assertEquals([tokens.length, numTokens, spans[0].text], [2, 2, "To"]);
  }
});

Deno.test("score --sum has a row for a single text, too", async () => {
  const lines = (await score(["To be", "--sum"])).stdout.trimEnd().split("\n");
  assertEquals(lines.length, 2);
  assertMatch(lines[0], /line +scored +bits/);
  assertMatch(lines[1], /^ +1 +1 .* {2}"To be"$/);
});

Deno.test("score --lines takes two lines for a text of which nothing can be said", async () => {
  const { stdout } = await score(["--lines"], { stdin: "To\nTo be\n" });
  const [title, remark] = stdout.split("\n");
  assertMatch(title, /^Line 1 {2}"To"$/);
  assertStringIncludes(remark, "none has a score");
  assertStringIncludes(stdout.split("\n")[3], "Line 2");
});

Deno.test("score --help says where a part ends, and once that there may be several", async () => {
  const { stdout } = await score(["--help"]);
  const help = stdout.replace(/\s+/g, " ");
  assertMatch(help, /without the end/);
  const [, ofSpan] = /--span(.*?)--top/.exec(help)!;
  assertEquals(ofSpan.match(/be repeated/g)?.length, 1);
});

Deno.test("spanLines() scales the bars to the largest, and to 20 bits where all have less", () => {
  const widths = (...bits: number[]) => {
    const spans = bits.map((each) => ({
      start: 0,
      end: 1,
      text: "a",
      numTokens: 1,
      logProbability: -each * Math.LN2,
    }));
    const lines = spanLines(spans, 100).slice(1);
    return lines.map((line) => line.flat().join("").replace(/[^█]/g, "").length);
  };
  assertEquals(widths(60, 30, 20), [30, 15, 10]);
  assertEquals(widths(10, NaN), [15, 0]);
});

Deno.test("score --sum keeps its rows within the terminal, whatever texts are like, and counts what is scored", async () => {
  const texts = [
    "To be",
    'a "b" '.repeat(20),
    "\u4e2d\u6587".repeat(40),
    "\t\u{1f642}".repeat(9),
    "x",
  ];
  const stdin = texts.join("\n") + "\n";
  for (const numColumns of [60, 70, 80, 100, 120]) {
    const { stdout } = await score(["--lines", "--sum"], { stdin, isTerminal: true, numColumns });
    // deno-lint-ignore no-control-regex
    const [header, ...rows] = stdout.replace(/\x1b\[[\d;]*m/g, "").trimEnd().split("\n");
    assertEquals(rows.length, texts.length);
    const widths = [header, ...rows].map(textWidth);
    assert(widths.every((width) => width < Math.min(numColumns, 100)), `${numColumns}: ${widths}`);
    assertEquals(header.endsWith("text"), numColumns > 60);
    for (const [i, row] of rows.entries()) {
      const { numScored } = await model.score(texts[i]);
      assertEquals(row.trim().split(/ +/).slice(0, 2), [String(i + 1), String(numScored)]);
      // Columns end together.
      assertMatch(row.slice(0, header.indexOf("perplexity") + 10), /\S$/);
    }
    if (numColumns < 80) continue;
    assertMatch(rows[0], / "To be"$/);
    assertMatch(rows[1], / "a \\"b\\".*…"$/);
    assertMatch(rows[2], / "[\u4e2d\u6587]+…"$/);
  }
});

Deno.test("score --span says of the sums below that they are the whole text's", async () => {
  const { numScored, logProbability } = await model.score("To be, or not to be");
  const sums = `${numScored} tokens with a score: ${(-logProbability / Math.LN2).toFixed(2)} bits`;
  const lastLine = async (...args: string[]) =>
    (await score(["To be, or not to be", ...args])).stdout.trimEnd().split("\n").at(-1)!;
  assert((await lastLine("--span", "3-9")).startsWith(`  The whole text: ${sums}`));
  assert((await lastLine("--group", "words")).startsWith(`  ${sums}`));
  assert((await lastLine()).startsWith(`  ${sums}`));
});
