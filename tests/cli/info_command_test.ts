import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { copyFolder, TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli, type RunOptions } from "./run_cli.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

Deno.test("info shows the sizes of a folder", async () => {
  const { code, stdout, stderr } = await runCli(["info", MODEL]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^ {2}name +"hf_folder"$/m);
  assertMatch(stdout, /^ {2}embeddingDim +32$/m);
  assertMatch(stdout, /^ {2}f32 +\d+ tensors +[\d.]+ kB$/m);
  assertMatch(stdout, /^ {2}tokens +288$/m);
  assertNotMatch(stdout, /^Metadata|^Tensors/m);
});

Deno.test("info shows the metadata and, if asked for, the tensors of a GGUF file", async () => {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await runCli(["convert", MODEL, "-o", path, "--overwrite", "--type", "q8_0"]);
    const { stdout } = await runCli(["info", path]);
    assertMatch(stdout, /^ {2}general\.architecture +"gpt2"$/m);
    assertMatch(stdout, /^ {2}gpt2\.attention\.layer_norm_epsilon +0\.00001$/m);
    assertMatch(stdout, /^ {2}tokenizer\.ggml\.tokens +288 x string$/m);
    assertNotMatch(stdout, /^Tensors/m);
    const { stdout: long } = await runCli(["info", path, "--tensors"]);
    assertMatch(
      long,
      /^ {2}blocks\.0\.qkvProjection\.weight +"blk\.0\.attn_qkv\.weight" +q8_0 +\(96, 32\) +3\.3 kB$/m,
    );

    const { stdout: json } = await runCli(["info", path, "--json"]);
    const info = JSON.parse(json);
    // 288 tokens and 48 positions of 32; 2 layers with an MLP of 64.
    const block = 4 * 32 + (96 * 32 + 96) + (32 * 32 + 32) + (64 * 32 + 64) + (32 * 64 + 32);
    assertEquals(info.numNonEmbeddingParameters, 288 * 32 + 2 * block + 2 * 32);
    assertEquals(info.numParameters, info.numNonEmbeddingParameters + 48 * 32);
    assertEquals(info.config.numLayers, 2);
    assertEquals(info.metadata["general.architecture"], "gpt2");
    assertEquals(info.metadata["tokenizer.ggml.tokens"], { type: "string[]", length: 288 });
    assertEquals(info.tensors.length, 2 * 12 + 4);
    const sum = (sizes: { numBytes: number }[]) =>
      sizes.reduce((sum, { numBytes }) => sum + numBytes, 0);
    assertEquals(sum(info.tensors), info.numBytes);
    assertEquals(sum(info.types), info.numBytes);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("info shows all tokens that end a text", async () => {
  using folder = new TemporaryFolder();
  for (
    const [eos_token_id, ids, text] of [
      [[287, 5, 7], [287, 5, 7], "287, 5, 7"],
      [5, [5], "5"],
      [[], [], "none"],
    ] as const
  ) {
    const files = { "generation_config.json": JSON.stringify({ eos_token_id }) };
    const path = await copyFolder(folder, { files });
    const { stdout } = await runCli(["info", path]);
    assertMatch(stdout, new RegExp(`^ {2}end of text +${text}$`, "m"));
    const { tokenizer } = JSON.parse((await runCli(["info", path, "--json"])).stdout);
    assertEquals(tokenizer.endOfTextIds, ids);
    // The one of the vocabulary, which may end no text.
    assertEquals(tokenizer.endOfTextId, ids[0] ?? 287);
    Deno.removeSync(path, { recursive: true });
  }
});

Deno.test("info cuts long values on a terminal, and leaves names of the file out if they do not fit", async () => {
  const lines = async (options?: RunOptions) =>
    (await runCli(["info", "demo", "--tensors"], options)).stdout.split("\n");
  const whole = await lines();
  assert(whole.some((line) => /^ {2}huggingface\.config +"\{\\n .{80,}\.\.\."$/.test(line)));
  for (const numColumns of [70, 80, 100, 160]) {
    const shown = await lines({ isTerminal: true, numColumns });
    assertEquals(shown.length, whole.length);
    for (const [i, line] of shown.entries()) {
      assert(line.length < numColumns || line.startsWith("  path"), line);
      const isCut = line.endsWith('…"');
      const isOfTensor = /^ {2}(blocks|finalNorm|tokenE|positionE)/.test(line);
      if (isCut) assert(whole[i].startsWith(line.slice(0, -2)));
      else if (!isOfTensor || numColumns > 90) assertEquals(line, whole[i]);
      else assertEquals(line.split(/ {2,}/), whole[i].split(/ {2,}/).toSpliced(2, 1));
    }
  }
});
