import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { resolveModel } from "../../src/checkpoint/resolve_model.ts";

const FOLDER = new URL("../fixtures/reference/hf_folder", import.meta.url);

Deno.test("resolveModel() gives the path of what is there", async () => {
  const path = fileURLToPath(FOLDER);
  assertEquals(await resolveModel(path), path);
  assertEquals(await resolveModel(FOLDER), path);
  assertEquals(await resolveModel(FOLDER.href), path);
});

Deno.test("resolveModel() decodes file URLs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "with space " });
  try {
    const url = new URL(`file://${folder.replaceAll(" ", "%20")}`);
    assertEquals(await resolveModel(url), folder);
  } finally {
    await Deno.remove(folder);
  }
});

const NOT_FOUND: readonly (readonly [source: string | URL, message: string])[] = [
  ["gpt2", 'models are not downloaded from the hub: received "gpt2". Give "demo"'],
  ["openai-community/gpt2", "models are not downloaded from the hub"],
  ["./gpt2.gguf", 'there is no such file or folder: received "./gpt2.gguf". Check the path.'],
  ["gpt2.gguf", "there is no such file or folder: received"],
  ["a/b/c", "there is no such file or folder: received"],
  ["", 'there is no such file or folder: received ""'],
  [new URL("nowhere", FOLDER), "there is no such file or folder"],
  ["https://example.com/gpt2.gguf", "models are not downloaded: received"],
  [new URL("https://example.com/gpt2.gguf"), "models are not downloaded: received"],
];

for (const [source, message] of NOT_FOUND) {
  Deno.test(`resolveModel() finds nothing at ${source instanceof URL ? "URL " : ""}"${source}"`, async () => {
    await assertRejects(() => resolveModel(source), Deno.errors.NotFound, message);
  });
}
