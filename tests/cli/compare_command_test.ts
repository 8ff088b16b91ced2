import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { runCli, type RunOptions } from "./run_cli.ts";

const DEMO = fileURLToPath(new URL("../../src/demo/demo.gguf", import.meta.url));
const OTHER = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));
const TEXT = Deno.readTextFileSync(
  new URL("../fixtures/reference/demo/passage.txt", import.meta.url),
).slice(0, 1500);

await openLibrary();

/** Runs `compare` with the demo model and its Q4_0 form. */
async function compare(args: string[], options: RunOptions = {}) {
  const folder = await Deno.makeTempDir();
  try {
    const smaller = join(folder, "q4_0.gguf");
    await convertCheckpoint(DEMO, smaller, { type: "q4_0" });
    return await runCli(["compare", DEMO, smaller, "--threads", "2", ...args], {
      stdin: TEXT,
      ...options,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("compare shows a column for each model, as llama-perplexity measures", async () => {
  const { code, stdout, stderr } = await compare(["-f", "-"]);
  assertEquals([code, stderr], [0, ""]);
  const [title, remark, ...lines] = stdout.trimEnd().split("\n");
  assertEquals(title, "llama.cpp's definition: the second half of chunks of 256 tokens");
  assertMatch(remark, /^254 of 669 tokens scored/);
  const rows = lines.map((line) => line.trim().split(/ {2,}/));
  assertEquals(rows.map(([name]) => name), [
    "demo",
    "file",
    "bits per weight",
    "perplexity",
    "ratio",
    "KL divergence",
    "median",
    "90 %",
    "95 %",
    "99 %",
    "99.9 %",
    "max",
    "same top",
    "mean Δp",
    "RMS Δp",
  ]);
  assertEquals(rows[0][1], "q4_0");
  assertEquals(rows[1].slice(1), ["4.0 MB", "2.3 MB"]);
  assertMatch(rows[3].slice(1).join(", "), /^16\.7\d\d ± 2\.3[56]\d, 16\.[89]\d\d ± 2\.38\d$/);
  assertMatch(rows[4][1], /^1\.01\d\d\d ± 0\.00\d\d\d$/);
  assertMatch(rows[5][1], /^0\.004\d\d\d ± 0\.0003\d\d$/);
  assertMatch(rows[12][1], /^9\d\.\d\d ± \d\.\d\d %$/);
});

Deno.test("compare writes the same numbers as JSON, CSV and Markdown", async () => {
  const args = ["-f", "-", "--chunk", "100"];
  const json = JSON.parse((await compare([...args, "--json"])).stdout);
  assertEquals([json.file, json.windows], ["-", { definition: "llama.cpp", chunk: 100 }]);
  const [first, second] = json.models;
  assertEquals([first.name, second.name, first.difference], ["demo", "q4_0", undefined]);
  assertEquals(first.fileBytes, Deno.statSync(DEMO).size);

  const [header, ...rows] = (await compare([...args, "--csv"])).stdout.trimEnd().split("\n")
    .map((line) => line.split(","));
  assertEquals(rows.map(({ length }) => length), [header.length, header.length]);
  const value = (row: number, name: string) => rows[row][header.indexOf(name)];
  assertEquals(Number(value(0, "perplexity")), first.perplexity.value);
  assertEquals(value(0, "kl_mean"), "");
  assertEquals(Number(value(1, "kl_99.9")), second.difference.divergence.percentile99_9);
  assertEquals(Number(value(1, "same_top_error")), second.difference.sameTop.error);

  const lines = (await compare([...args, "--markdown"])).stdout.trimEnd().split("\n");
  assertMatch(lines[0], /^\| model \| file \| bits per weight \| perplexity \| ratio \| /);
  assertEquals(lines.length, 4);
  const { value: perplexity, error } = second.perplexity;
  assertStringIncludes(
    lines[3],
    `| q4_0 | 2.3 MB | 5.35 | ${perplexity.toFixed(3)} ± ${error.toFixed(3)} |`,
  );
});

Deno.test("compare puts models below each other where a line has no room for them", async () => {
  const args = ["compare", ...Array(5).fill("demo"), "-f", "-", "--threads", "1", "--chunk", "64"];
  const { stdout } = await runCli(args, { stdin: TEXT });
  const lines = stdout.split("\n");
  for (const line of lines) assert(line.length <= 80, line);
  const shown = lines.filter((line) => /^ +demo/.test(line)).map((line) =>
    line.match(/demo/g)!.length
  );
  assertEquals(shown.reduce((a, b) => a + b), 5);
  assert(shown.length > 1);
});

Deno.test("compare shows on a terminal how far it is", async () => {
  const { stderr } = await compare(["-f", "-"], { isTerminal: true });
  assertMatch(stderr, /Comparing \[-+\] +0 % +0 of 254 tokens/);
});

Deno.test("compare reads what is piped to it, and gives no error of a single token", async () => {
  const stdin = "to be, or";
  const args = ["--chunk", "4"];
  const { code, stdout } = await compare(args, { stdin });
  assertEquals(code, 0);
  assertMatch(stdout, /\n1 of 4 tokens scored/);
  assert(!stdout.includes("±"), stdout);
  const { models } = JSON.parse((await compare([...args, "--json"], { stdin })).stdout);
  const { perplexity, difference } = models[1];
  const all = [
    perplexity,
    difference.perplexityRatio,
    difference.sameTop,
    difference.divergence.mean,
  ];
  assertEquals(all.map(({ error }) => error), [null, null, null, null]);
  assert(!(await compare([...args, "--csv"], { stdin })).stdout.includes("NaN"));
});

const wrong: [
  what: string,
  args: string[],
  stdin: string | undefined,
  code: number,
  message: string,
][] = [
  ["one model", ["demo", "-f", "-"], TEXT, 2, "Give two models or more"],
  ["no text", ["demo", "demo"], undefined, 2, "Give the path of a file after --file"],
  [
    "an empty text",
    ["demo", "demo", "-f", "-"],
    "",
    65,
    "Cannot measure on stdin: there is no text in it",
  ],
  ["a short text", ["demo", "demo", "-f", "-"], "Hello", 65, "at least 256 tokens: received"],
  ["two formats", ["demo", "demo", "-f", "-", "--csv", "--json"], TEXT, 2, "--json and --csv"],
  ["a text that is not there", ["demo", "demo", "-f", "./nowhere"], "", 66, "no such file"],
  ["a model that is not there", ["demo", "./nowhere.gguf", "-f", "-"], TEXT, 66, "nowhere.gguf"],
  ["two vocabularies", ["demo", OTHER, "-f", "-"], TEXT, 2, "the vocabulary of the first"],
];

for (const [what, args, stdin, expected, message] of wrong) {
  Deno.test(`compare refuses ${what}`, async () => {
    const { code, stdout, stderr } = await runCli(["compare", ...args], { stdin });
    assertEquals([code, stdout], [expected, ""], stderr);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("compare takes a file that is no model for the text, and says how to name it", async () => {
  const text = fileURLToPath(new URL("../fixtures/reference/demo/passage.txt", import.meta.url));
  const { code, stdout, stderr } = await runCli(["compare", "demo", DEMO, text]);
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(
    stderr,
    'passage.txt" is no model; if it is the text to compare on, write --file ',
  );
});

Deno.test("compare shows 0 plainly where two models are equal", async () => {
  const { stdout } = await runCli(["compare", DEMO, DEMO, "-f", "-"], { stdin: TEXT });
  assertMatch(stdout, /KL divergence +0\n/);
  assertMatch(stdout, /99\.9 % +0\n/);
  assertMatch(stdout, /ratio +1\.00000 ± 0\n/);
});
