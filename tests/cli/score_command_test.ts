import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli, type RunOptions } from "./run_cli.ts";

const score = (args: string[], options?: RunOptions) =>
  runCli(["score", ...args, "--model", "demo", "--threads", "1"], options);

const model = await GPT2.fromPretrained("demo");

const rowsOf = (tsv: string) => tsv.trimEnd().split("\n").map((line) => line.split("\t"));

Deno.test("score shows the surprisal and rank of each token, and what that adds up to", async () => {
  const { code, stdout, stderr } = await score(["To be, or not to be"]);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  const { tokens, perplexity, bitsPerByte, numScored } = await model.score("To be, or not to be");
  assertEquals(lines.length, 1 + tokens.length + 2);
  assertMatch(lines[1], /^ {6}0 {2}"To" +-$/);
  for (const [i, { text, logProbability, rank }] of tokens.entries()) {
    if (i === 0) continue;
    const bits = (-logProbability / Math.log(2)).toFixed(2);
    assertMatch(lines[i + 1], new RegExp(`^ +${i} +"${text}" +${bits} +[█▏▎▍▌▋▊▉ ]* ${rank}$`));
  }
  assertStringIncludes(lines.at(-1)!, `${numScored} tokens with a score`);
  assertStringIncludes(lines.at(-1)!, `${bitsPerByte.toFixed(3)} bits per byte`);
  assertStringIncludes(lines.at(-1)!, `perplexity ${perplexity.toFixed(3)}`);
  // All columns end together, and so does what names them.
  assertEquals(lines[0].length, lines[2].length);
});

Deno.test("score has colours on a terminal only, and says the same without", async () => {
  const plain = await score(["To be"]);
  const colored = await score(["To be"], { isTerminal: true });
  assert(!plain.stdout.includes("\x1b") && colored.stdout.includes("\x1b["));
  // deno-lint-ignore no-control-regex
  const text = colored.stdout.replace(/\x1b\[[\d;]*m/g, "");
  assertEquals(text.replace(/[█▏▎▍▌▋▊▉ ]+/g, " "), plain.stdout.replace(/[█▏▎▍▌▋▊▉ ]+/g, " "));
});

Deno.test("score --json has all numbers, one object for each text", async () => {
  const args = ["--lines", "--json", "--top", "2"];
  const { stdout } = await score(args, { stdin: "To be\r\n\nor not to be" });
  const results = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(results.map(({ line, text }) => [line, text]), [[1, "To be"], [3, "or not to be"]]);
  for (const result of results) {
    const expected = await model.score(result.text, { topLogProbabilities: 2 });
    const { model: name, weightType, line: _line, text: _text, numTokens, ...rest } = result;
    assertEquals(numTokens, expected.tokens.length);
    assertEquals([name, weightType], ["demo", "q8_0"]);
    assertEquals(rest, JSON.parse(JSON.stringify(expected)));
  }
});

Deno.test("score --tsv has a row for each token, word, part or text", async () => {
  const text = "To be, or";
  const [header, ...rows] = rowsOf((await score([text, "--tsv"])).stdout);
  assertEquals(header.slice(0, 6), ["line", "id", "logProbability", "rank", "entropy", "text"]);
  assertEquals(rows.map((row) => row[5]).join(""), text);
  assertEquals(rows[0].slice(2, 5), ["", "", ""]);
  const [, ...words] = rowsOf((await score([text, "--tsv", "--group", "words"])).stdout);
  assertEquals(words.map((row) => row[3]), ["To", "be,", "or"]);
  assertAlmostEquals(Number(words[1][5]), Number(rows[1][2]) + Number(rows[2][2]), 1e-9);
  const args = [text, "--tsv", "--span", "3-5", "--span", "0-9"];
  const [, ...spans] = rowsOf((await score(args)).stdout);
  assertEquals(spans.map((row) => row.slice(0, 5)), [["1", "3", "5", "be", "1"], [
    "1",
    "0",
    "9",
    "To be, or",
    "4",
  ]]);
  const [sumHeader, sums] = rowsOf((await score([text, "--tsv", "--sum"])).stdout);
  const { logProbability } = await model.score(text);
  assertEquals(Number(sums[sumHeader.indexOf("logProbability")]), logProbability);
});

Deno.test("score --sum has a row for each line, of a file too, and --jsonl takes a field of each", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("texts.jsonl");
  Deno.writeTextFileSync(path, '{"id": 1, "__proto__": 2, "text": "To be"}\n{"text": "\\n"}\n');
  const { stdout, code } = await score(["--file", path, "--jsonl", "text", "--sum"]);
  assertEquals(code, 0);
  const [header, first, second] = stdout.trimEnd().split("\n");
  assertMatch(header, /line +scored +bits +per token +per byte +perplexity +text$/);
  assertMatch(first, /^ +1 +1 +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d{3} +[\d.]+ {2}"To be"$/);
  assertMatch(second, /^ +2 +0 +0\.000 +- +- +- {2}"\\n"$/);
});

Deno.test("score --after-end-of-text scores the first token too, and --stride reads windows", async () => {
  const { stdout } = await score(["To be", "--after-end-of-text", "--json"]);
  assertEquals(JSON.parse(stdout).numScored, 2);
  const long = "To be, or not to be. ".repeat(60);
  const [near, far] = await Promise.all(["64", "256"].map(async (stride) => {
    const { stdout } = await score(["--stride", stride, "--json"], { stdin: long + "\n" });
    const result = JSON.parse(stdout);
    const { logProbability } = await model.score(long, { stride: Number(stride) });
    assertAlmostEquals(result.logProbability, logProbability, 1e-9);
    return result;
  }));
  assertEquals(near.text, long);
  assertEquals(near.tokens.length, far.tokens.length);
  assert(near.logProbability !== far.logProbability);
});

const wrong: [what: string, args: string[], stdin: string | undefined, message: string][] = [
  ["nothing", [], undefined, "score needs a text"],
  ["no lines", ["--lines"], undefined, "score needs texts"],
  ["a text and lines", ["a", "--lines"], "b", "With --lines the texts come from"],
  ["both formats", ["a", "--json", "--tsv"], undefined, "--tsv has no effect with --json"],
  ["both kinds of lines", ["--lines", "--jsonl", "x"], "a", "--jsonl has no effect with --lines"],
  ["sums of words", ["a", "--sum", "--group", "words"], undefined, "--group has no effect"],
  ["words and parts", ["a", "--span", "0-1", "--group", "words"], undefined, "no effect"],
  ["a part that is none", ["a", "--span", "5"], undefined, "--span needs two numbers"],
  ["a part backwards", ["a", "--span", "5-2"], undefined, "--span needs two numbers"],
  ["likely tokens of sums", ["a", "--top", "2", "--sum"], undefined, "--top has no effect"],
  ["likely words", ["a", "--top", "2", "--group", "words"], undefined, "--top has no effect"],
  ["likely parts", ["a", "--top", "2", "--span", "0-1"], undefined, "--top has no effect"],
  ["likely tokens in TSV", ["a", "--top", "2", "--tsv"], undefined, "--top has no effect"],
  ["too many likely tokens", ["a", "--top", "101"], undefined, "100"],
  ["groups of something", ["a", "--group", "lines"], undefined, "words"],
];

for (const [what, args, stdin, message] of wrong) {
  Deno.test(`score refuses ${what}`, async () => {
    const { code, stdout, stderr } = await score(args, { stdin });
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("score says which line of a file cannot be read", async () => {
  for (
    const [stdin, message] of [
      ['{"text": "a"}\n{"text": 5}\n', 'line 2 of stdin: it has no text as "text"'],
      ["[]", "line 1 of stdin: it is no JSON object"],
      ["{", "line 1 of stdin: it is not valid JSON: "],
      [
        '{"text":"\\ud800"}',
        "it is not valid JSON: a string has half a surrogate pair at position 16: ",
      ],
      [
        '{"text":"a","text":"b"}',
        'it is not valid JSON: the key "text" is there twice at position ',
      ],
      [new Uint8Array([123, 125, 10, 255]), 'line 1 of stdin: it has no text as "text"'],
    ] as const
  ) {
    const { code, stderr } = await score(["--jsonl", "text"], {
      stdin: typeof stdin === "string" ? stdin : stdin.slice(),
    });
    assertEquals(code, 65, stderr);
    assertStringIncludes(stderr, message);
  }
  const marked = { stdin: '\ufeff{"text":"a"}\n' };
  assertEquals((await score(["--jsonl", "text"], marked)).code, 0);
  const { code, stderr } = await score(["--lines"], { stdin: new Uint8Array([97, 10, 255, 10]) });
  assertEquals(code, 65);
  assertStringIncludes(stderr, "line 2 of stdin is not UTF-8");
  assertEquals((await score(["--file", "nowhere.txt", "--lines"])).code, 66);
});

Deno.test("score has a part of a text that is not there refused", async () => {
  const { code, stderr } = await score(["abc", "--span", "2-9"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "3 characters");
});

Deno.test("score refuses an empty text, also one of no lines, in the words of perplexity and compare", async () => {
  const refusal = (verb: string, received: string) =>
    `error: Cannot ${verb} stdin: there is no text in it: received ${received}. Give a longer text.\n`;
  const cases: [args: string[], stdin: string, received: string][] = [
    [["--file", "-"], "", '""'],
    [["--file", "-"], "\n", '"\\n"'],
    [["--file", "-", "--sum"], "\ufeff\r\n", '"\\u{feff}\\r\\n"'],
    [["--lines"], "", '""'],
    [["--lines"], "\n", "1 empty line"],
    [["--jsonl", "text"], "\n\r\n", "2 empty lines"],
  ];
  for (const [args, stdin, received] of cases) {
    const result = await score(args, { stdin });
    assertEquals(result, { code: 65, stdout: "", stderr: refusal("score", received) });
  }
  for (const args of [["perplexity", "-m", "demo"], ["compare", "demo", "demo"]]) {
    const result = await runCli(args, { stdin: "" });
    assertEquals(result, { code: 65, stdout: "", stderr: refusal("measure on", '""') });
  }
  assertEquals((await score([""])).code, 2);
  assertEquals((await score(["--lines"], { stdin: "\nTo be\n" })).code, 0);
});

Deno.test("score says that it reads the text itself where there is a file of that name", async () => {
  using folder = new TemporaryFolder();
  const path = `${folder.path}/tr.txt`;
  await Deno.writeTextFile(path, "To be");
  const { code, stdout, stderr } = await score([path, "--sum"]);
  assertEquals([code, stdout === ""], [0, false]);
  assertStringIncludes(stderr, `itself; for the file of that name write --file`);
  assertEquals((await score([path, "--quiet"])).stderr, "");
});
