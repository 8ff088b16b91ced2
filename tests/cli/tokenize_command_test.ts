import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

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
