import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

/** A model of two layers with 288 tokens and 48 positions, whose tokenizer is in its folder. */
const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));
const NUM_POSITIONS = 48;
/** More tokens than are made before a test stops them, yet few enough that a test that fails to do so ends. */
const MANY = "20000";

/** One thread: several wait for each other, for long where other processes keep them from running. */
const WITH_MODEL = ["--model", MODEL, "--threads", "1"];

/** Runs `generate` with the small model, from a terminal unless `stdin` says otherwise. */
function generate(args: string[], stdin?: string) {
  return runCli([...WITH_MODEL, ...args], { stdin });
}

async function generateJson(args: string[], stdin?: string) {
  const { code, stdout, stderr } = await generate([...args, "--json"], stdin);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

Deno.test("generate writes the prompt and its continuation, and the speed to stderr", async () => {
  const { code, stdout, stderr } = await generate(["Once upon", "-n", "8", "--seed", "1"]);
  assertEquals(code, 0);
  assert(stdout.startsWith("Once upon"));
  assert(stdout.endsWith("\n"));
  assertMatch(
    stderr,
    /^\d tokens?(, [\d.]+ tokens\/s)?, first token after \d+ ms; prompt \d tokens; loaded in \d+ ms; seed 1\n$/,
  );
});

Deno.test("generate is the default command", async () => {
  const args = [...WITH_MODEL, "Once", "--seed", "1", "--quiet"];
  assertEquals(await runCli(["generate", ...args]), await runCli(args));
});

Deno.test("generate gives the same text for the same seed, and another one for another", async () => {
  const args = ["Once", "-n", "30", "--quiet", "--ignore-end-of-text", "--seed"];
  const first = await generate([...args, "1"]);
  assertEquals(first.stderr, "");
  assertEquals(await generate([...args, "1"]), first);
  assertNotEquals((await generate([...args, "2"])).stdout, first.stdout);
});

Deno.test("generate shows the seed it chose, with which the text comes again", async () => {
  const args = ["Once", "-n", "30", "--ignore-end-of-text"];
  const first = await generate(args);
  const [, seed] = first.stderr.match(/; seed (\d+)\n$/)!;
  assertEquals((await generate([...args, "--seed", seed])).stdout, first.stdout);
  assertNotEquals((await generate(args)).stdout, first.stdout);
});

Deno.test("generate --greedy shows no seed and needs none", async () => {
  const first = await generate(["Once", "--greedy", "-n", "20"]);
  assertMatch(first.stderr, /loaded in \d+ ms\n/);
  assertEquals((await generate(["Once", "--greedy", "-n", "20"])).stdout, first.stdout);
  assertEquals((await generate(["Once", "--temperature", "0", "-n", "20"])).stdout, first.stdout);
  for (const flags of [["--greedy"], ["--temperature", "0"], ["--greedy", "--seed", "1"]]) {
    assert(
      !("seed" in JSON.parse((await generate(["Once", "-n", "1", "--json", ...flags])).stdout)),
    );
  }
  assertEquals((await generate(["Once", "--top-k", "1", "-n", "20"])).stdout, first.stdout);
});

Deno.test("generate takes the prompt from a file or from stdin, without its last line break", async () => {
  const args = ["--greedy", "-n", "8", "--quiet"];
  const expected = await generate(["Once\nupon", ...args]);
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "Once\nupon\n");
    assertEquals(await generate(["--file", file, ...args], "ignored"), expected);
  } finally {
    await Deno.remove(file);
  }
  assertEquals(await generate(args, "Once\nupon\n"), expected);
  assertEquals(await generate(args, "Once\nupon\r\n"), expected);
  assertEquals(await generate(["--file", "-", ...args], "Once\nupon"), expected);
  assertNotEquals(await generate(args, "Once\nupon\n\n"), expected);
  // What is an argument was meant as it is.
  assertNotEquals(await generate(["Once\nupon\n", ...args]), expected);
});

Deno.test("generate starts from <|endoftext|> without a prompt", async () => {
  const args = ["--greedy", "-n", "8"];
  const fromTerminal = await generate(args);
  assertEquals(fromTerminal.code, 0);
  assertStringIncludes(fromTerminal.stderr, "prompt 1 token;");
  assertEquals((await generate(args, "")).stdout, fromTerminal.stdout);
  assertEquals((await generate(["", ...args])).stdout, fromTerminal.stdout);
});

Deno.test("generate --no-echo leaves the prompt out", async () => {
  const args = ["Once", "--greedy", "-n", "8", "--quiet"];
  const { stdout } = await generate(args);
  assertEquals("Once" + (await generate([...args, "--no-echo"])).stdout, stdout);
});

Deno.test("generate --json gives texts, tokens and timings", async () => {
  const args = ["Once", "-n", "6", "--seed", "5", "--ignore-end-of-text"];
  const result = await generateJson(args);
  assertEquals([result.model, result.prompt, result.seed], [MODEL, "Once", 5]);
  const [{ text, tokens, finishReason }] = result.sequences;
  assertEquals(finishReason, "maxNewTokens");
  assertEquals(tokens.length, 6);
  assertEquals(tokens.map(({ text }: { text: string }) => text).join(""), text);
  for (const { id, logProbability } of tokens) {
    assert(Number.isInteger(id) && id >= 0 && id < 288);
    assert(logProbability < 0);
  }
  assertEquals(result.timings.numNewTokens, 6);
  assertGreater(result.timings.tokensPerSecond, 0);
  assertEquals(
    (await generate([...args, "--no-echo", "--quiet"])).stdout.trimEnd(),
    text.trimEnd(),
  );
});

Deno.test("generate --num-return-sequences writes several texts", async () => {
  const args = [
    "Once",
    "-n",
    "6",
    "--seed",
    "5",
    "--ignore-end-of-text",
    "--num-return-sequences",
    "3",
  ];
  const { sequences } = await generateJson(args);
  assertEquals(sequences.length, 3);
  assertNotEquals(sequences[0].text, sequences[1].text);
  const { stdout } = await generate([...args, "--quiet"]);
  let rest = stdout;
  for (const [index, { text }] of sequences.entries()) {
    const expected = `=== ${index + 1} of 3 ===\nOnce${text}`;
    assertEquals(rest.slice(0, expected.length), expected);
    rest = rest.slice(expected.length).replace(/^\n/, "");
  }
  assertEquals(rest, "");
});

Deno.test("generate --stop ends before the text", async () => {
  const args = ["Once", "--greedy", "-n", "20", "--ignore-end-of-text"];
  const [whole] = (await generateJson(args)).sequences;
  const stop = whole.text.slice(3, 5);
  const [stopped] = (await generateJson([...args, "--stop", "\0", "--stop", stop])).sequences;
  assertEquals(stopped.finishReason, "stop");
  assertEquals(stopped.text, whole.text.slice(0, whole.text.indexOf(stop)));
});

Deno.test("generate says why it stops where the context is full", async () => {
  const args = ["Once", "--greedy", "-n", "100", "--ignore-end-of-text"];
  const { code, stderr } = await generate(args);
  assertEquals(code, 0);
  assertStringIncludes(
    stderr,
    `\nStopped: the model has ${NUM_POSITIONS} positions, and the text fills them. With --overflow crop`,
  );
  const [sequence] = (await generateJson(args)).sequences;
  assertEquals(sequence.finishReason, "contextLength");
});

Deno.test("generate --overflow crop goes on where the context is full", async () => {
  const args = ["Once", "--greedy", "-n", "100", "--ignore-end-of-text", "--overflow", "crop"];
  const [sequence] = (await generateJson(args)).sequences;
  assertEquals([sequence.finishReason, sequence.tokens.length], ["maxNewTokens", 100]);
});

Deno.test("generate refuses a prompt that does not fit", async () => {
  const { code, stdout, stderr } = await generate(["x ".repeat(60)]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /longer than the context: received \d+ tokens for 48 positions/);
});

Deno.test("generate --logit-bias forces and bans tokens", async () => {
  const args = ["Once", "--greedy", "-n", "3", "--ignore-end-of-text"];
  const idsOf = async (args: string[]) =>
    (await generateJson(args)).sequences[0].tokens.map(({ id }: { id: number }) => id);
  assertEquals(await idsOf([...args, "--logit-bias", "70=1000"]), [70, 70, 70]);
  const [first] = await idsOf(args);
  assertNotEquals((await idsOf([...args, "--logit-bias", `${first}=-inf`]))[0], first);
  const { code, stderr } = await generate(["--logit-bias", "288=1"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "288");
});

Deno.test("generate passes every sampling flag on", async () => {
  const base = ["Once", "-n", "40", "--seed", "3", "--ignore-end-of-text", "--quiet"];
  const { stdout } = await generate(base);
  const changes = [
    ["--temperature", "3"],
    ["--top-k", "2"],
    ["--top-p", "0.1"],
    ["--min-p", "0.9"],
    ["--typical-p", "0.1"],
    ["--repetition-penalty", "5"],
    ["--presence-penalty", "20"],
    ["--frequency-penalty", "20"],
  ];
  for (const change of changes) {
    assertNotEquals((await generate([...base, ...change])).stdout, stdout, change.join(" "));
  }
  const greedy = ["Once", "-n", "40", "--greedy", "--ignore-end-of-text", "--quiet"];
  const { stdout: repeated } = await generate(greedy);
  assertNotEquals((await generate([...greedy, "--no-repeat-ngram-size", "1"])).stdout, repeated);
  const both = [...base, "--temperature", "3", "--top-p", "0.5"];
  assertNotEquals(
    (await generate([...both, "--order", "llama.cpp"])).stdout,
    (await generate(both)).stdout,
  );
});

Deno.test("generate --max-new-tokens 0 writes the prompt", async () => {
  const { code, stdout, stderr } = await generate(["Once", "-n", "0"]);
  assertEquals([code, stdout], [0, "Once\n"]);
  assertMatch(stderr, /^0 tokens; prompt \d+ tokens/);
});

Deno.test("generate --type and --threads load the model accordingly", async () => {
  const args = ["Once", "--greedy", "-n", "4", "--quiet"];
  const { stdout } = await generate(args);
  assertEquals(await generate([...args, "--type", "f32", "--threads", "2"]), {
    code: 0,
    stdout,
    stderr: "",
  });
});

Deno.test("generate ends quietly when nobody reads on", async () => {
  const args = [
    "--model",
    MODEL,
    "Once",
    "-n",
    MANY,
    "--overflow",
    "crop",
    "--ignore-end-of-text",
  ];
  const { code, stdout, stderr } = await runCli(args, { numWrites: 5 });
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith("Once"));
});

Deno.test("generate ends with 130 when it is interrupted", async () => {
  const before = await runCli([...WITH_MODEL, "Once"], { signal: AbortSignal.abort() });
  assertEquals(before, { code: 130, stdout: "", stderr: "Interrupted.\n" });
  const during = new AbortController();
  setTimeout(() => during.abort(), 300);
  const { code, stderr } = await runCli(
    [...WITH_MODEL, "Once", "-n", MANY, "--overflow", "crop", "--ignore-end-of-text"],
    { signal: during.signal },
  );
  assertEquals([code, stderr], [130, "Interrupted.\n"]);
});

Deno.test("generate tells what is wrong with its input", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const latin1 = `${folder}/latin1.txt`;
    await Deno.writeFile(latin1, new Uint8Array([0x4d, 0xfc, 0x6c, 0x6c]));
    const cases: [args: string[], code: number, message: RegExp][] = [
      [["--file", `${folder}/none.txt`], 66, /there is no such file: received ".*none\.txt"/],
      [["--file", folder], 66, /it is a folder/],
      [["--file", latin1], 65, /it is not UTF-8: received 4 bytes from ".*latin1\.txt"/],
      [["x", "--model", "./gpt2"], 66, /no such file or folder: received "\.\/gpt2"/],
      [["x", "--model", `${folder}/none.gguf`], 66, /no such file or folder: received/],
      [["x", "--model", latin1], 65, /latin1\.txt/],
      [["x", "--model", folder], 66, /./],
    ];
    for (const [args, expectedCode, message] of cases) {
      const { code, stdout, stderr } = await generate(args);
      assertMatch(stderr, message);
      assertEquals([code, stdout], [expectedCode, ""], args.join(" "));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("generate --logit-bias is told apart from the library's option in its errors", async () => {
  const { code, stderr } = await generate(["Once", "--logit-bias", "99999=1"]);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^error: Cannot sample: a token of --logit-bias is not a token id below \d+: received 99999\. Name the model's own tokens by their ids\.\n/,
  );
});
