import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileFormatError, StorageError } from "../../../src/base/errors.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { trainTokenizer } from "../../../src/tokenizer/train_tokenizer.ts";
import {
  prepareData,
  type PrepareDataOptions,
  type PreparedData,
} from "../../../src/training/data/prepare_data.ts";
import { readTinyShakespeare } from "../../fixtures/tiny_shakespeare.ts";
import { withFiles } from "./with_files.ts";

const END = "<|endoftext|>";

const letters = await trainTokenizer("abcdefghij \nä", { kind: "char" });

/** The tokens of both splits. */
function tokensOf({ trainPath, validationPath, dtype }: PreparedData): [number[], number[]] {
  const read = (path: string) => {
    const { buffer } = Deno.readFileSync(path);
    return Array.from(dtype === "uint16" ? new Uint16Array(buffer) : new Uint32Array(buffer));
  };
  return [read(trainPath), read(validationPath)];
}

/** The texts that both splits stand for. */
function textsOf(data: PreparedData, tokenizer: Tokenizer): string[] {
  return tokensOf(data).map((ids) => tokenizer.decode(ids));
}

/** Prepares `source` in a folder of `folder`. */
function prepare(folder: string, source: string, options: Partial<PrepareDataOptions> = {}) {
  return prepareData(`${folder}/${source}`, {
    tokenizer: letters,
    out: `${folder}/out`,
    ...options,
  });
}

Deno.test("prepareData() encodes the first and the last part of a text apart, as nanoGPT does", () =>
  withFiles({ "a.txt": "ab cd ef\ngh ij ä abc" }, async (folder) => {
    const data = await prepare(folder, "a.txt");
    assertEquals(tokensOf(data), [
      letters.encode("ab cd ef\ngh ij ä a"),
      letters.encode("bc"),
    ]);
    assertEquals([data.dtype, data.vocabSize, data.isReused], ["uint16", letters.vocabSize, false]);
    assertEquals(data.train, { numTokens: 18, numTexts: 1, numCharacters: 18, numBytes: 19 });
    assertEquals(data.validation, { numTokens: 2, numTexts: 1, numCharacters: 2, numBytes: 2 });
    const names = Array.from(Deno.readDirSync(data.folder), ({ name }) => name).sort();
    assertEquals(names, ["data.json", "train.bin", "val.bin"]);
  }));

Deno.test("prepareData() gives the tokens that the text as a whole has, though it reads it in parts", async () => {
  const text = (await readTinyShakespeare()).slice(0, 300_000);
  await withFiles({ "a.txt": text }, async (folder) => {
    const learned = await trainTokenizer(text, { vocabSize: 600 });
    const spaced = new Tokenizer({
      tokens: learned.tokens,
      merges: learned.merges,
      addPrefixSpace: true,
    });
    const withWords = new Tokenizer({
      tokens: [...learned.tokens, "you are", "MARCIUS"],
      merges: learned.merges,
      tokenTypes: [...learned.tokenTypes, 4, 4],
      addedTokenFlags: new Map([[601, { rstrip: true }]]),
    });
    for (const tokenizer of [learned, spaced, withWords, await Tokenizer.gpt2()]) {
      const out = `${folder}/${tokenizer.vocabSize}${tokenizer.addPrefixSpace}`;
      const data = await prepare(folder, "a.txt", { tokenizer, out, validationShare: 0.25 });
      const [train, validation] = tokensOf(data);
      assertEquals(train.join(), tokenizer.encode(text.slice(0, 225_000)).join());
      assertEquals(validation.join(), tokenizer.encode(text.slice(225_000)).join());
    }
  });
});

Deno.test("prepareData() puts <|endoftext|> between texts, wherever they come from", () =>
  withFiles({
    "folder/a.txt": "ab",
    "folder/b/c.md": "cd",
    "folder/d.txt": "efgh",
    "folder/e.txt": "ij",
    "one.txt": ["ab", "cd", "efgh", "ij"].join(END),
    "lines.jsonl": ["ab", "cd", "efgh", "ij"].map((text) => JSON.stringify({ text })).join("\n"),
  }, async (folder) => {
    for (const source of ["folder", "one.txt", "lines.jsonl"]) {
      const data = await prepare(folder, source, {
        out: `${folder}/${source}-out`,
        validationShare: 0.2,
      });
      assertEquals(textsOf(data, letters), [`ab${END}cd${END}efgh`, "ij"]);
      assertEquals([data.train.numTokens, data.train.numTexts], [10, 3]);
      const more = await prepare(folder, source, {
        out: `${folder}/${source}-out`,
        validationShare: 0.6,
      });
      assertEquals(textsOf(more, letters), [`ab${END}cd`, `efgh${END}ij`]);
    }
  }));

Deno.test("prepareData() reads <|endoftext|> in JSON lines, or without such a token, as text", async () => {
  const tokenizer = await trainTokenizer(`abc${END}`, { kind: "char", endOfText: false });
  await withFiles({ "a.txt": `a${END}b`, "a.jsonl": `{"text":"a${END}b"}` }, async (folder) => {
    for (const source of ["a.txt", "a.jsonl"]) {
      const data = await prepare(folder, source, { tokenizer, validationShare: 0 });
      assertEquals(tokensOf(data), [tokenizer.encode(`a${END}b`), []]);
    }
  });
});

Deno.test("prepareData() puts the token that begins texts before each", async () => {
  const { tokens, merges } = letters;
  const tokenizer = new Tokenizer({
    tokens,
    merges,
    beginOfTextId: 3,
    endOfTextId: letters.endOfTextId,
  });
  await withFiles({ "a.txt": `ab${END}c` }, async (folder) => {
    const data = await prepare(folder, "a.txt", { tokenizer, validationShare: 0 });
    const [a, b, c] = letters.encode("abc");
    assertEquals(tokensOf(data)[0], [3, a, b, letters.endOfTextId!, 3, c]);
  });
});

Deno.test("prepareData() stores tokens in four bytes where the vocabulary is larger than two have", async () => {
  const tokens = [...letters.tokens, ...Array.from({ length: 65_540 }, (_, i) => `<${i}>`)];
  const tokenTypes = tokens.map((_, id) => id < letters.vocabSize ? letters.tokenTypes[id] : 4);
  const tokenizer = new Tokenizer({ tokens, merges: letters.merges, tokenTypes });
  await withFiles({ "a.txt": "ab<65539>c" }, async (folder) => {
    const data = await prepare(folder, "a.txt", { tokenizer, validationShare: 0 });
    assertEquals(data.dtype, "uint32");
    assertEquals(tokensOf(data)[0], tokenizer.encode("ab<65539>c"));
    assert(tokensOf(data)[0].includes(tokens.length - 1));
  });
});

Deno.test("prepareData() prepares again only what has changed", () =>
  withFiles({ "a.txt": "abcdefghij" }, async (folder) => {
    const first = await prepare(folder, "a.txt");
    const written = Deno.statSync(first.trainPath).ino;
    const isReused = async (options: Partial<PrepareDataOptions> = {}) =>
      (await prepare(folder, "a.txt", options)).isReused;
    assertEquals([await isReused(), Deno.statSync(first.trainPath).ino], [true, written]);
    assertEquals(await prepare(folder, "a.txt"), { ...first, isReused: true });
    assertEquals(await isReused({ validationShare: 0.2 }), false);
    assertEquals(await isReused({ validationShare: 0.2 }), true);
    assertEquals(
      await isReused({ validationShare: 0.2, tokenizer: await Tokenizer.gpt2() }),
      false,
    );
    Deno.writeTextFileSync(`${folder}/a.txt`, "abcdefghijk".slice(1));
    Deno.utimeSync(`${folder}/a.txt`, 1, 1);
    assertEquals(
      await isReused({ validationShare: 0.2, tokenizer: await Tokenizer.gpt2() }),
      false,
    );
    // What is damaged is written again.
    Deno.writeTextFileSync(first.validationPath, "x");
    assertEquals(
      await isReused({ validationShare: 0.2, tokenizer: await Tokenizer.gpt2() }),
      false,
    );
    Deno.writeTextFileSync(`${folder}/out/data.json`, "{");
    assertEquals(
      await isReused({ validationShare: 0.2, tokenizer: await Tokenizer.gpt2() }),
      false,
    );
  }));

Deno.test("prepareData() takes files of tokens as they are, be they its own or nanoGPT's", () =>
  withFiles({
    "a.txt": "abcdefghij",
    "nanogpt/train.bin": Uint8Array.of(1, 0, 2, 0, 3, 0),
    "nanogpt/val.bin": Uint8Array.of(4, 0),
  }, async (folder) => {
    const own = await prepare(folder, "a.txt");
    const again = await prepare(folder, "out", { out: `${folder}/unused` });
    assertEquals(again, { ...own, isReused: true });
    const foreign = await prepare(folder, "nanogpt", { out: `${folder}/unused` });
    assertEquals(tokensOf(foreign), [[1, 2, 3], [4]]);
    assertEquals([foreign.train, foreign.vocabSize], [{ numTokens: 3 }, undefined]);
    assertEquals(foreign.trainPath, `${folder}/nanogpt/train.bin`);
    const tokenizer = await Tokenizer.gpt2();
    await assertRejects(
      () => prepare(folder, "out", { tokenizer }),
      FileFormatError,
      `it is for a vocabulary of ${letters.vocabSize}, and the tokenizer has another: received "50257 tokens"`,
    );
  }));

Deno.test("prepareData() says what is wrong with files of tokens", () =>
  withFiles({
    "odd/train.bin": Uint8Array.of(1, 0, 2),
    "odd/val.bin": "",
    "half/train.bin": "",
    "ended/train.bin": "",
    "ended/val.bin": "",
    "ended/data.json": '{"version":1,"isIncomplete":true}',
    "short/train.bin": Uint8Array.of(1, 0),
    "short/val.bin": "",
    "short/data.json":
      '{"version":1,"dtype":"uint16","train":{"numTokens":2},"validation":{"numTokens":0}}',
    "other/train.bin": "",
    "other/data.json": '{"version":2}',
  }, async (folder) => {
    const refused = (source: string, message: string) =>
      assertRejects(() => prepare(folder, source), FileFormatError, message);
    await refused("odd", 'it is not a whole number of uint16s: received "3 bytes"');
    await refused("half", "there is no val.bin in it");
    await refused("ended", "its preparation did not end");
    await refused("short", 'it does not have the 2 tokens of data.json: received "2 bytes"');
    await refused("other", "it is not version 1: received 2");
  }));

Deno.test("prepareData() names a character that the tokenizer has no token for, and its line", () =>
  withFiles({
    "a.txt": "abc\n".repeat(20_000) + "abc\nabxc\n",
    "b.jsonl": '{"text": "a\\n\\nb"}\n{"text": "a\\nö"}\n',
  }, async (folder) => {
    const refused = (source: string, message: string) =>
      assertRejects(() => prepare(folder, source), FileFormatError, message);
    await refused("a.txt", `received "x" (U+0078) at line 20002 of "${folder}/a.txt"`);
    await refused("b.jsonl", `received "ö" (U+00F6) at line 2 of "${folder}/b.jsonl"`);
    // Nothing is left behind.
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), [
      "a.txt",
      "b.jsonl",
    ]);
  }));

Deno.test("prepareData() refuses what is no text, before it writes anything", () =>
  withFiles({
    "latin1.txt": Uint8Array.of(0x61, 0xe9, 0x62),
    "empty.txt": "",
    "empty.jsonl": '{"text": ""}\n',
    "lines.jsonl": '{"text": "a"}\n{"words": "b"}\n',
    "folder/a.py": "",
  }, async (folder) => {
    const refused = async (source: string, message: string) => {
      await assertRejects(() => prepare(folder, source), FileFormatError, message);
      assert(!Array.from(Deno.readDirSync(folder), ({ name }) => name).includes("out"));
    };
    await refused("latin1.txt", "it is not UTF-8 near byte 1");
    await refused("empty.txt", "there is no text in it");
    await refused("empty.jsonl", "there is no text in it");
    await refused("lines.jsonl", 'line 2 has no "text" that is a string');
    await refused("folder", "there is no .txt or .md file in it");
    await assertRejects(() => prepare(folder, "nowhere"), Deno.errors.NotFound);
  }));

Deno.test("prepareData() leaves what was prepared before as it was when it fails or is stopped", () =>
  withFiles({
    "a.txt": "abcdefghij",
    "bad.txt": "abcdefghix",
    "long.txt": "ab cd\n".repeat(50_000),
  }, async (folder) => {
    const before = await prepare(folder, "a.txt");
    await assertRejects(() => prepare(folder, "bad.txt"), FileFormatError);
    for (const stage of ["counting", "encoding"]) {
      const controller = new AbortController();
      const error = await assertRejects(() =>
        prepare(folder, "long.txt", {
          signal: controller.signal,
          onProgress: (progress) => progress.stage === stage && controller.abort(),
        }), DOMException);
      assertEquals(error.name, "AbortError");
    }
    assertEquals(await prepare(folder, "a.txt"), { ...before, isReused: true });
    const names = Array.from(Deno.readDirSync(before.folder), ({ name }) => name).sort();
    assertEquals(names, ["data.json", "train.bin", "val.bin"]);
  }));

Deno.test("prepareData() notices that a text was changed between counting and encoding it", () =>
  withFiles({ "a.txt": "abcdefghij" }, async (folder) => {
    const changing = () =>
      prepare(folder, "a.txt", {
        onProgress: ({ stage }) =>
          stage === "counting" && Deno.writeTextFileSync(`${folder}/a.txt`, "abcdefghijabc"),
      });
    await assertRejects(changing, FileFormatError, "it was changed while it was read");
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["a.txt"]);
  }));

Deno.test("prepareData() says that it cannot write", () =>
  withFiles({ "a.txt": "abc", "file": "", "out/train.bin/x": "" }, async (folder) => {
    const refused = (out: string, message: string) =>
      assertRejects(
        () => prepare(folder, "a.txt", { out: `${folder}/${out}` }),
        StorageError,
        message,
      );
    await refused("file/out", "Cannot create the folder");
    await refused("out", "it exists and is not a regular file: received a folder");
  }));

Deno.test("prepareData() tells how far it is", () =>
  withFiles({ "a.txt": "ab cd\n".repeat(50_000) }, async (folder) => {
    const seen: string[] = [];
    let last = 0;
    await prepare(folder, "a.txt", {
      onProgress: ({ stage, readBytes, totalBytes }) => {
        if (seen.at(-1) !== stage) seen.push(stage);
        assertEquals(totalBytes, 300_000);
        last = readBytes;
      },
    });
    assertEquals([seen, last], [["counting", "encoding"], 300_000]);
  }));

Deno.test("prepareData() twice at once does the work once", () =>
  withFiles({ "a.txt": "ab cd\n".repeat(20_000) }, async (folder) => {
    const both = await Promise.all([prepare(folder, "a.txt"), prepare(folder, "a.txt")]);
    assertEquals(both.map(({ isReused }) => isReused).sort(), [false, true]);
    assertEquals(tokensOf(both[0]), tokensOf(both[1]));
  }));

Deno.test("prepareData() refuses options that there are not", async () => {
  const refused = (options: object, message: string) =>
    assertRejects(() => prepareData("a.txt", options as PrepareDataOptions), Error, message);
  await refused({ tokenizer: letters }, "tokenizer and out must be given: received only tokenizer");
  await refused({ tokenizer: "gpt2", out: "x" }, "tokenizer must be a Tokenizer");
  await refused(
    { tokenizer: letters, out: "x", validationShare: 1 },
    "validationShare must be a number",
  );
  await refused({ tokenizer: letters, out: "x", share: 1 }, "there is no such option");
});
