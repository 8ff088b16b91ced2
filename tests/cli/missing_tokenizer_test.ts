import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copyFolder, TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli } from "./run_cli.ts";

Deno.test("generate and tokenize tell a model with another tokenizer from one without, both with 65", async () => {
  for (
    const [files, message] of [
      [{ "vocab.txt": "[PAD]" }, "received vocab.txt, of another kind of tokenizer"],
      [{}, "the model has no tokenizer: received"],
    ] as const
  ) {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { remove: ["tokenizer.json"], files });
    for (const command of ["generate", "tokenize"]) {
      const { code, stderr } = await runCli([command, "x", "--model", path]);
      assertEquals(code, 65);
      assertStringIncludes(stderr, message);
      assertStringIncludes(stderr, "Without one, GPT2.generate() takes token ids.");
    }
  }
});

Deno.test("convert and quantize write a file without tokenizer, and say what llama.cpp makes of it", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { remove: ["tokenizer.json"] });
  const [first, second] = [folder.file("a.gguf"), folder.file("b.gguf")];
  const notice = /^The model has no tokenizer of GPT-2: .* llama\.cpp does not load it\.\nWrote /;
  for (
    const args of [["convert", path, "-o", first, "-t", "f32"], [
      "quantize",
      first,
      second,
      "-t",
      "f16",
    ]]
  ) {
    const { code, stderr } = await runCli(args);
    assertEquals(code, 0);
    assertMatch(stderr, notice);
  }
  assertEquals((await runCli(["x", "--model", second])).code, 65);
});

Deno.test("convert says that llama.cpp does not know a variant of GPT-2", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { config: { activation_function: "gelu" } });
  const { code, stderr } = await runCli(["convert", path, "-o", folder.file("a.gguf")]);
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /^llama\.cpp computes .* plain GPT-2, .* not know gpt2\.activation\.\nWrote /,
  );
});
