import { assertRejects, assertStringIncludes } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { openCheckpoint } from "../../src/checkpoint/open_checkpoint.ts";
import { type Changes, copyFolder, TemporaryFolder } from "./folders.ts";

Deno.test("openCheckpoint() refuses a folder with only a pickle, and says how to get safetensors", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, {
    remove: ["model.safetensors"],
    files: { "pytorch_model.bin": "PK" },
  });
  const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
  assertStringIncludes(error.message, 'received "pytorch_model.bin"');
  assertStringIncludes(
    error.message,
    "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder)",
  );
});

const missing: [what: string, changes: Changes, message: string][] = [
  [
    "config.json",
    { remove: ["config.json"] },
    "no config.json: received a folder with 2 entries. Pass a folder that save_pretrained() wrote",
  ],
  ["weights", { remove: ["model.safetensors"] }, "it has neither model.safetensors nor"],
  [
    "everything",
    { remove: ["model.safetensors", "config.json", "tokenizer.json"] },
    "no config.json",
  ],
  ["everything but a GGUF file", {
    remove: ["model.safetensors", "config.json"],
    files: { "some.gguf": "" },
  }, "/some.gguf"],
];

for (const [what, changes, message] of missing) {
  Deno.test(`openCheckpoint() does not find ${what} in a folder without it`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, changes);
    await assertRejects(() => openCheckpoint(path), Deno.errors.NotFound, message);
  });
}

Deno.test("openCheckpoint() does not find what is not there", async () => {
  await assertRejects(
    () => openCheckpoint("/no/such/model"),
    Deno.errors.NotFound,
    "/no/such/model",
  );
});
