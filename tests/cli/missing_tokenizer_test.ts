import { assertEquals, assertStringIncludes } from "@std/assert";
import { copyFolder, TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli } from "./run_cli.ts";

Deno.test("generate and tokenize tell a model with another tokenizer from one without", async () => {
  for (
    const [files, message] of [
      [{ "vocab.txt": "[PAD]" }, "received vocab.txt, of another kind of tokenizer"],
      [{}, "the model has no tokenizer: received"],
    ] as const
  ) {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { remove: ["tokenizer.json"], files });
    for (const [command, expected] of [["generate", 65], ["tokenize", 66]] as const) {
      const { code, stderr } = await runCli([command, "x", "--model", path]);
      assertEquals(code, expected);
      assertStringIncludes(stderr, message);
    }
  }
});
