/**
 * `generate` with many prompts, and what it tells other programs.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli, type RunOptions } from "./run_cli.ts";

/** A model of two layers with 288 tokens and 48 positions, whose tokenizer is in its folder. */
const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));
const OPTIONS = ["--model", MODEL, "--threads", "1", "--ignore-end-of-text"];

function generate(args: string[], options: RunOptions = {}) {
  return runCli([...OPTIONS, ...args], options);
}

/** The objects of all lines. */
async function generateLines(prompts: string, ...args: string[]) {
  const { code, stdout, stderr } = await generate(["--prompts", "-", ...args], { stdin: prompts });
  assertEquals(code, 0, stderr);
  assert(stdout.endsWith("\n"));
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("generate --prompts writes for each line what it gives alone, in order, whatever the batch", async () => {
  // Of different lengths, so that some end before others that come first; one that fills the context; one twice.
  const prompts = ["Once", "a", "Once upon a time there was", "Once", "x".repeat(45), "b c"];
  const args = ["--seed", "3", "-n", "9"];
  const lines = await generateLines(prompts.join("\n"), ...args);
  assertEquals(lines.map(({ prompt }) => prompt), prompts);
  for (const [i, line] of lines.entries()) {
    assertEquals(Object.keys(line), ["prompt", "seed", "sequences"]);
    assertEquals(Object.keys(line.sequences[0]), ["text", "finishReason"]);
    assertEquals(line.seed, 3);
    const { stdout } = await generate([prompts[i], ...args, "--quiet", "--no-echo"]);
    if (i !== 3) assertEquals(line.sequences[0].text, stdout.replace(/\n$/, ""), prompts[i]);
  }
  assert(lines[3].sequences[0].text !== lines[0].sequences[0].text);
  assertEquals(lines[4].sequences[0].finishReason, "contextLength");
  for (const size of ["1", "2", "5"]) {
    assertEquals(await generateLines(prompts.join("\n"), ...args, "--batch-size", size), lines);
  }
  const jsonl = prompts.map((prompt) => JSON.stringify({ prompt })).join("\n");
  assertEquals(await generateLines(jsonl, ...args), lines);
});

Deno.test("generate --prompts takes several sequences, and with --json their tokens", async () => {
  const args = ["--num-return-sequences", "3", "--json", "-n", "4", "--batch-size", "2"];
  const lines = await generateLines("a\nb", ...args);
  for (const { sequences } of lines) {
    assertEquals(sequences.length, 3);
    for (const { tokens, text } of sequences) {
      assertEquals(tokens.length, 4);
      assertEquals(tokens.map(({ text }: { text: string }) => text).join(""), text);
    }
  }
});

Deno.test("generate --prompts --greedy names no seed, as nothing depends on one", async () => {
  const [line] = await generateLines("a", "-n", "1", "--greedy", "--seed", "1");
  assertEquals(Object.keys(line), ["prompt", "sequences"]);
});

Deno.test("generate --prompts writes a line for each prompt even if nothing is to be added", async () => {
  assertEquals((await generateLines("a\nb", "-n", "0", "--seed", "1")).length, 2);
});

Deno.test("generate --prompts shows on a terminal how far it is, and tells the speed", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "a\nb\n");
    const { stdout, stderr } = await generate(["--prompts", file, "-n", "2"], { isTerminal: true });
    assertEquals(stdout.split("\n").length, 3);
    assertMatch(stderr, /^\rContinuing prompts \[-{30}\] +0 % {2}0 of 2/);
    assertMatch(stderr, /4 tokens, .*; prompt 2 tokens; loaded in \d+ ms; seed \d+\n$/);
    const quiet = await generate(["--prompts", file, "-n", "2", "-q"], { isTerminal: true });
    assertEquals(quiet.stderr, "");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("generate --prompts refuses a prompt that does not fit, by its line, before it writes", async () => {
  const prompts = `a\n\n${"x".repeat(60)}\n`;
  const { code, stdout, stderr } = await generate(["--prompts", "-"], { stdin: prompts });
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(
    stderr,
    "The prompt in line 3 of stdin is longer than the context: received 60 tokens for 48 " +
      "positions. Shorten it, or add --overflow crop to read only its end.",
  );
  assertEquals((await generateLines(prompts, "--overflow", "crop", "-n", "2")).length, 2);
});

Deno.test("generate takes prompts from one place", async () => {
  for (const args of [["Once"], ["--file", "p.txt"]]) {
    const { code, stderr } = await generate(["--prompts", "p.jsonl", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'received both, "p.jsonl" and');
  }
});

Deno.test("generate --top-log-probabilities names the likeliest tokens in --json", async () => {
  const args = ["Once", "--json", "--greedy", "-n", "3", "--top-log-probabilities", "4"];
  const { sequences: [{ tokens }] } = JSON.parse((await generate(args)).stdout);
  assertEquals(tokens.length, 3);
  for (const { id, logProbability, topLogProbabilities: top } of tokens) {
    assertEquals(top.length, 4);
    assertEquals(top[0].id, id);
    assertAlmostEquals(top[0].logProbability, logProbability, 1e-6);
    assert(top[0].logProbability >= top[1].logProbability);
    for (const { text, hex, ...rest } of top) {
      assertEquals(Object.keys(rest), ["id", "logProbability"]);
      assertEquals(hex !== undefined, text.includes("\ufffd"));
      assertEquals(text.length > 0, true);
    }
  }
  const { code, stderr } = await generate(["Once", "--top-log-probabilities", "4"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--top-log-probabilities needs --json");
});

Deno.test("generate --allow-special reads special tokens in prompts as such", async () => {
  const numTokens = async (...args: string[]) => {
    const { stdout } = await generate(["<|endoftext|>a", "--json", "-n", "1", ...args]);
    return JSON.parse(stdout).timings.numPromptTokens;
  };
  assertEquals(await numTokens("--allow-special"), 2);
  assert(await numTokens() > 2);
});

Deno.test("generate says the flags of what has no room", async () => {
  // 100 GB of keys and values.
  const args = ["Once", "--model", "demo", "-n", "250", "--num-return-sequences", "100000"];
  const many = await runCli(["generate", ...args]);
  assertEquals([many.code, many.stdout], [2, ""]);
  assertMatch(many.stderr, /^error: Cannot compute 100000 texts .* GB.*--num-return-sequences/);
  const endless = await generate(["Once", "--num-return-sequences", "100000000"]);
  assertEquals([endless.code, endless.stdout], [2, ""]);
  assertMatch(endless.stderr, /--num-return-sequences must be an integer from 1 to 100000/);
  const { code, stderr } = await generate(["x".repeat(60)]);
  assertEquals(code, 2);
  assertMatch(stderr, /^error: The prompt is longer than the context: .*add --overflow crop/);
  const biased = await generate(["Once", "--logit-bias", "999=1"]);
  assertEquals(biased.code, 2);
  assertMatch(biased.stderr, /--logit-bias/);
});
