import { assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../../src/base/errors.ts";
import { saveTokenizer } from "../../../src/checkpoint/hugging_face/save_tokenizer.ts";
import { readTokenizerFolder } from "../../../src/checkpoint/hugging_face/tokenizer.ts";
import { trainTokenizer } from "../../../src/tokenizer/train_tokenizer.ts";

const TEXT = "naïve naïve 日本 12 12\n";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("saveTokenizer() writes a folder of which readTokenizerFolder() makes the same tokenizer", async () => {
  for (const kind of ["bpe", "char"] as const) {
    for (const endOfText of [true, false]) {
      const tokenizer = await trainTokenizer(TEXT, { kind, endOfText });
      await withFolder(async (folder) => {
        await saveTokenizer(tokenizer, `${folder}/new/folder/`);
        const read = readTokenizerFolder(`${folder}/new/folder`)!;
        assertEquals(read.tokens, tokenizer.tokens);
        assertEquals(read.merges, tokenizer.merges);
        assertEquals(read.tokenTypes, tokenizer.tokenTypes);
        assertEquals(read.endOfTextId, endOfText ? tokenizer.vocabSize - 1 : undefined);
        // Without tokenizer.json, transformers adds <|endoftext|> where there is none.
        Deno.removeSync(`${folder}/new/folder/tokenizer.json`);
        const older = readTokenizerFolder(`${folder}/new/folder`)!;
        assertEquals(older.tokens.slice(0, tokenizer.vocabSize), tokenizer.tokens);
        assertEquals(older.encode(TEXT), tokenizer.encode(TEXT));
      });
    }
  }
});

Deno.test("readTokenizerFolder() gives nothing where there is no tokenizer", () =>
  withFolder(async (folder) => {
    assertEquals(readTokenizerFolder(folder), undefined);
    await Deno.writeTextFile(`${folder}/vocab.json`, "{}");
    assertEquals(readTokenizerFolder(folder), undefined);
  }));

Deno.test("saveTokenizer() says that it cannot write", () =>
  withFolder(async (folder) => {
    const tokenizer = await trainTokenizer(TEXT);
    await Deno.writeTextFile(`${folder}/file`, "");
    const refused = [
      [`${folder}/file`, Deno.errors.AlreadyExists, "there is something else of that name"],
      [`${folder}/file/below`, StorageError, "the system refused"],
    ] as const;
    for (const [path, kind, message] of refused) {
      await assertRejects(() => saveTokenizer(tokenizer, path), kind, message);
    }
  }));
