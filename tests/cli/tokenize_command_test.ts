import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

/** Runs `tokenize` with GPT-2's own vocabulary. */
function tokenize(args: string[], stdin?: string | Uint8Array<ArrayBuffer>) {
  return runCli(["tokenize", "--model", "gpt2", ...args], { stdin });
}

Deno.test("tokenize shows ids and what they stand for", async () => {
  assertEquals(await tokenize(["Hello world\n👗"]), {
    code: 0,
    stdout: [
      '15496  "Hello"',
      '  995  " world"',
      '  198  "\\n"',
      "41840  <f09f91>",
      "  245  <97>",
      "",
    ].join("\n"),
    stderr: "",
  });
});

Deno.test("tokenize --ids and --json give the same ids", async () => {
  assertEquals((await tokenize(["--ids", "Hello world"])).stdout, "15496 995\n");
  assertEquals(JSON.parse((await tokenize(["--json", "Hello world"])).stdout), {
    model: "gpt2",
    text: "Hello world",
    tokens: [{ id: 15496, piece: "Hello" }, { id: 995, piece: "Ġworld" }],
  });
});

Deno.test("tokenize --decode turns ids into text", async () => {
  assertEquals((await tokenize(["--decode", "15496", "995"])).stdout, "Hello world\n");
  assertEquals((await tokenize(["-d"], "15496, 995\n198")).stdout, "Hello world\n");
  assertEquals(JSON.parse((await tokenize(["-d", "--json", "15496 995"])).stdout), {
    model: "gpt2",
    ids: [15496, 995],
    text: "Hello world",
  });
  assertEquals((await tokenize(["--decode"], "")).stdout, "\n");
});

Deno.test("tokenize reads a file and stdin exactly as they are", async () => {
  const text = "\ufeff Hello\r\n\n";
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    const expected = (await tokenize(["--ids", text])).stdout;
    assertEquals((await tokenize(["--ids", "--file", file])).stdout, expected);
    assertEquals((await tokenize(["--ids"], text)).stdout, expected);
    assertEquals((await tokenize(["--decode"], expected)).stdout, text);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("tokenize reads special tokens as text, unless allowed", async () => {
  assertEquals((await tokenize(["--ids", "<|endoftext|>", "--allow-special"])).stdout, "50256\n");
  assertEquals((await tokenize(["--ids", "<|endoftext|>"])).stdout.split(" ").length, 7);
});

Deno.test("tokenize takes the tokenizer of a model", async () => {
  const { code, stdout } = await runCli(["tokenize", "--model", MODEL, "--ids", "the"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^\d+( \d+)*\n$/);
});

Deno.test("tokenize tells what is wrong with its input", async () => {
  const { code, stderr } = await tokenize([], new Uint8Array([0xff]));
  assertEquals(code, 65);
  assertStringIncludes(stderr, "it is not UTF-8: received 1 byte from stdin");
  assertEquals((await runCli(["tokenize", "--model", "./nowhere/at-all", "x"])).code, 66);
});

Deno.test("tokenize writes long output piece by piece, and the same as at once", async () => {
  // Neither characters of two code units nor tokens that are parts of a character are cut at the ends of pieces.
  const text = "x" + "👗a1\n".repeat(20_000);
  const tokenizer = await Tokenizer.gpt2();
  const ids = tokenizer.encode(text);
  const rows = (await tokenize([], text)).stdout.trimEnd().split("\n");
  assertEquals(rows.map((row) => parseInt(row)), ids);
  const idsText = (await tokenize(["--ids"], text)).stdout;
  assertEquals(idsText, ids.join(" ") + "\n");
  const tokens = ids.map((id) => ({ id, piece: tokenizer.piece(id) }));
  const json = (await tokenize(["--json"], text)).stdout;
  assertEquals(json, JSON.stringify({ model: "gpt2", text, tokens }) + "\n");
  assertEquals((await tokenize(["--decode"], idsText)).stdout, text);
  const decoded = (await tokenize(["--decode", "--json"], idsText)).stdout;
  assertEquals(decoded, JSON.stringify({ model: "gpt2", ids, text }) + "\n");
  for (const args of [[], ["--ids"], ["--json"], ["--decode"], ["--decode", "--json"]]) {
    const stdin = args.includes("--decode") ? idsText : text;
    const whole = (await tokenize(args, stdin)).stdout;
    const { stdout } = await runCli(["tokenize", "--model", "gpt2", ...args], {
      stdin,
      numWrites: 2,
    });
    assert(whole.startsWith(stdout) && stdout.length < whole.length / 2, args.join());
  }
});

Deno.test("tokenize --decode shows nothing where one of many ids is unknown", async () => {
  const { code, stdout } = await tokenize(["--decode"], "11 ".repeat(20_000) + "50257");
  assertEquals([code === 0, stdout], [false, ""]);
});

Deno.test("tokenize writes nothing for an empty text, which a terminal cannot give", async () => {
  const run = (args: string[], stdin?: string) =>
    runCli(["tokenize", "--model", "gpt2", ...args], { stdin });
  for (const { code, stdout } of [await run([], ""), await run([""])]) {
    assertEquals([code, stdout], [0, ""]);
  }
  assertEquals(JSON.parse((await run(["--json"], "")).stdout).tokens, []);
  assertEquals((await run([])).code, 2);
});
