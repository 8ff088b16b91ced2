import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runCli, type RunOptions } from "./run_cli.ts";

const PASSAGE = Deno.readTextFileSync(
  new URL("../fixtures/reference/demo/passage.txt", import.meta.url),
).slice(0, 1500);
const TEXT = "ROMEO:\nWhat light through yonder window breaks?\n";

function measure(args: string[], options: RunOptions = {}) {
  return runCli(["perplexity", ...args, "--model", "demo", "--threads", "2"], options);
}

Deno.test("perplexity names its definition, and gives errors and bits per byte", async () => {
  const { code, stdout, stderr } = await measure(["-"], { stdin: PASSAGE });
  assertEquals([code, stderr], [0, ""]);
  const [title, ...lines] = stdout.trimEnd().split("\n");
  assertEquals(title, "Hugging Face's definition: windows of 256 tokens, a stride of 128");
  assertEquals(lines.shift(), "  model          demo, weights in q8_0");
  assertMatch(lines[0], /^ {2}perplexity {5}16\.9\d\d\d ± 1\.5[01]\d\d$/);
  assertMatch(lines[1], /^ {2}loss {11}2\.82\d\d\d ± 0\.089\d\d nats per token$/);
  assertMatch(lines[2], /^ {2}bits per byte {2}1\.81\d\d\d$/);
  assertMatch(lines[3], /668 of 669 tokens, 1,499 bytes, 5 windows$/);
  assertMatch(lines[4], /^ {2}speed {10}[\d,]+ tokens\/s: 1,181 tokens in [\d.]+ s$/);
});

Deno.test("perplexity --chunk is llama.cpp's definition", async () => {
  const { stdout } = await measure(["-", "--chunk", "128"], { stdin: PASSAGE });
  const [title, , line] = stdout.split("\n");
  assertEquals(title, "llama.cpp's definition: the second half of chunks of 128 tokens");
  // llama-perplexity says 18.9649 +/- 2.38022.
  assertMatch(line, /18\.9\d\d\d ± 2\.3[78]\d\d$/);
});

Deno.test("perplexity --json has all numbers, and - is stdin", async () => {
  const { stdout } = await measure(["-", "--json", "--stride", "4", "--max-length", "8"], {
    stdin: TEXT,
  });
  const result = JSON.parse(stdout);
  assertEquals([result.model, result.weightType, result.file], ["demo", "q8_0", "-"]);
  assertEquals(result.windows, { definition: "hugging-face", maxLength: 8, stride: 4 });
  assertEquals(result.numScored, result.numTokens - 1);
  assertEquals(result.perplexity.value, Math.exp(result.loss.value));
  assert(result.elapsedMs > 0 && result.tokensPerSecond > 0);
});

Deno.test("perplexity gives no error of a single token", async () => {
  const { stdout } = await measure(["-"], { stdin: "to be" });
  assertMatch(stdout, /scored +1 of 2 tokens/);
  assert(!stdout.includes("±"), stdout);
  const result = JSON.parse((await measure(["-", "--json"], { stdin: "to be" })).stdout);
  assertEquals([result.numScored, result.loss.error, result.perplexity.error], [1, null, null]);
});

Deno.test("perplexity --help says which type a model of the hub is measured in", async () => {
  const { stdout } = await runCli(["perplexity", "--help"]);
  assertStringIncludes(stdout.replace(/\s+/g, " "), "as stored; q8_0 for a model of the hub");
});

Deno.test("perplexity shows on a terminal how far it is", async () => {
  const { stderr } = await measure(["-"], { isTerminal: true, stdin: PASSAGE });
  assertMatch(stderr, /Reading the text \[-+\] +0 % +0 of 668 tokens/);
});

Deno.test("perplexity reads the same text from an argument, --file, - and a pipe", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, TEXT);
    const numbers = async (args: string[], stdin?: string) => {
      const { code, stdout, stderr } = await measure([...args, "--json"], { stdin });
      assertEquals([code, stderr], [0, ""]);
      const { loss, file, numTokens } = JSON.parse(stdout);
      return { loss, file, numTokens };
    };
    const expected = await numbers([path]);
    assertEquals(expected.file, path);
    for (const flag of ["--file", "-f"]) assertEquals(await numbers([flag, path]), expected);
    for (const args of [["-"], ["--file", "-"], []]) {
      assertEquals(await numbers(args, TEXT), { ...expected, file: "-" });
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("perplexity --after-end-of-text and --allow-special are score's", async () => {
  const text = "A.<|endoftext|>B.";
  const flags = ["--after-end-of-text", "--allow-special", "--json"];
  const { loss, numScored, numTokens } = JSON.parse(
    (await measure(flags, { stdin: text })).stdout,
  );
  const { stdout } = await runCli(["score", ...flags, "--sum", "--model", "demo"], { stdin: text });
  const { logProbability, numScored: expected } = JSON.parse(stdout);
  assertEquals([numScored, numTokens], [expected, expected]);
  assertAlmostEquals(loss.value * numScored, -logProbability, 1e-3);
});

Deno.test("perplexity --quiet shows nothing but the result", async () => {
  const { code, stderr, stdout } = await measure(["-", "-q"], { isTerminal: true, stdin: TEXT });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /perplexity/);
});

const wrong: [
  what: string,
  args: string[],
  stdin: string | Uint8Array<ArrayBuffer> | undefined,
  number,
  string,
][] = [
  ["an empty text", ["-"], "", 65, "Cannot measure on stdin: there is no text in it"],
  ["a text that is not UTF-8", ["-"], new Uint8Array([0, 0xff]), 65, "it is not UTF-8"],
  ["one token", ["-"], "a", 65, "at least 2 tokens: received 1"],
  ["less than a chunk", ["-", "--chunk", "200"], TEXT, 65, "at least 200 tokens: received"],
  ["too large a chunk", ["-", "--chunk", "512"], TEXT, 2, "--chunk must be at most the context"],
  ["a stride of 0", ["-", "--stride", "0"], TEXT, 2, "--stride"],
  ["a stride over the window", ["-", "--stride", "300"], TEXT, 2, "--stride must be at most"],
  [
    "both definitions",
    ["-", "--stride", "9", "--chunk", "9"],
    TEXT,
    2,
    "in two ways: --chunk is llama.cpp's, --stride",
  ],
  ["no file", [], undefined, 2, "needs a text: received none. Give the path of a file"],
  ["two files", ["a", "--file", "b"], TEXT, 2, 'received two, "a" and --file "b"'],
  [
    "a first token that never counts",
    ["-", "--chunk", "9", "--after-end-of-text"],
    TEXT,
    2,
    "with --chunk it never counts. Leave out one of --after-end-of-text and --chunk",
  ],
  [
    "a file that is not there",
    ["./nowhere.txt"],
    TEXT,
    66,
    'Cannot read the file: there is no such file: received "./nowhere.txt". Check the path.\n',
  ],
  ["a sentence", ["To be or not to be"], TEXT, 66, "there is the command score"],
  ["a folder", ["."], TEXT, 66, "it is a folder"],
];

for (const [what, args, stdin, expected, message] of wrong) {
  Deno.test(`perplexity refuses ${what}`, async () => {
    const { code, stdout, stderr } = await measure(args, { stdin });
    assertEquals([code, stdout], [expected, ""], stderr);
    assertStringIncludes(stderr, message);
  });
}
