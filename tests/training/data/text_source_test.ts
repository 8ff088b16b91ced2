import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { TextSource } from "../../../src/training/data/text_source.ts";
import { splitAt } from "../../../src/training/data/split_at.ts";
import { withFiles } from "./with_files.ts";

/** The texts at a path, whole, with where each begins. */
async function textsAt(path: string, separator?: string): Promise<[string, string, number][]> {
  const texts: [string, string, number][] = [];
  let isNew = true;
  for await (const { text, endsText, path: file, line } of TextSource.open(path).parts(separator)) {
    if (isNew) texts.push([text, file, line]);
    else texts.at(-1)![0] += text;
    isNew = endsText;
  }
  return texts;
}

Deno.test("TextSource reads a file as one text, or as several with something between them", () =>
  withFiles({ "a.txt": "\ufeffone\r\ntwo|three\n||four|" }, async (folder) => {
    const path = `${folder}/a.txt`;
    assertEquals(await textsAt(path), [["\ufeffone\r\ntwo|three\n||four|", path, 1]]);
    assertEquals((await textsAt(path, "|")).map(([text]) => text), [
      "\ufeffone\r\ntwo",
      "three\n",
      "",
      "four",
      "",
    ]);
    assertEquals((await textsAt(path, "||")).map(([, , line]) => line), [1, 3]);
  }));

Deno.test("TextSource reads the texts of a folder in the order of their names, and no others", () =>
  withFiles({
    "b.txt": "b",
    "a/z.md": "z",
    "a/y.TXT": "y",
    "c.md": "",
    "code.py": "no",
    ".hidden.txt": "no",
    ".git/x.txt": "no",
    "d.txt": "d",
  }, async (folder) => {
    assertEquals(await textsAt(folder), [
      ["y", `${folder}/a/y.TXT`, 1],
      ["z", `${folder}/a/z.md`, 1],
      ["b", `${folder}/b.txt`, 1],
      ["d", `${folder}/d.txt`, 1],
    ]);
    assertEquals(TextSource.open(folder).totalBytes, 4);
  }));

Deno.test("TextSource leaves out runs and tokenizers that lie among the texts, but not the folder that is asked for", () =>
  withFiles({
    "a.txt": "a",
    "begun/run.lock": "",
    "begun/tokenizer/merges.txt": "no",
    "ended/plan.json": "{}",
    "ended/log.jsonl": "",
    "ended/best/merges.txt": "no",
    "pair/vocab.json": "{}",
    "pair/merges.txt": "no",
    "one/tokenizer.json": "{}",
    "one/README.md": "no",
    "notes/plan.json": "{}",
    "notes/b.txt": "b",
  }, async (folder) => {
    assertEquals((await textsAt(folder)).map(([text]) => text), ["a", "b"]);
    assertEquals((await textsAt(`${folder}/one`)).map(([text]) => text), ["no"]);
  }));

Deno.test("TextSource reads a text from each line of a .jsonl file", () =>
  withFiles({
    "a.jsonl": '{"text":"one\\ntwo"}\r\n\n{"id": 1, "text": ""}\n{"text": "<|endoftext|>"}',
  }, async (folder) => {
    const path = `${folder}/a.jsonl`;
    assertEquals(await textsAt(path, "<|endoftext|>"), [
      ["one\ntwo", path, 1],
      ["<|endoftext|>", path, 4],
    ]);
  }));

Deno.test("TextSource names the line of a .jsonl file that has no text", () =>
  withFiles({
    "list.jsonl": '{"text": "a"}\n["text"]\n',
    "number.jsonl": '{"text": 1}\n',
    "cut.jsonl": '{"text": "a"}\n{"text": "b',
  }, async (folder) => {
    const refused = (name: string, message: string) =>
      assertRejects(() => textsAt(`${folder}/${name}`), FileFormatError, message);
    await refused("list.jsonl", 'line 2 has no "text" that is a string: received "[\\"text\\"]"');
    await refused("number.jsonl", 'line 1 has no "text" that is a string');
    await refused("cut.jsonl", "line 2 is not JSON");
  }));

Deno.test("TextSource says where a file is not UTF-8", () =>
  withFiles({
    "latin1.txt": Uint8Array.of(0x61, 0x62, 0xe9, 0x63, 0x64),
    "cut.txt": Uint8Array.of(0x61, 0xc3),
    "long.txt": new Uint8Array(2 ** 18 + 100).fill(0x61).fill(0xff, 2 ** 18 + 7, 2 ** 18 + 8),
  }, async (folder) => {
    const refused = (name: string, message: string) =>
      assertRejects(() => textsAt(`${folder}/${name}`), FileFormatError, message);
    await refused("latin1.txt", "it is not UTF-8 near byte 2: received e96364");
    await refused("cut.txt", "it is not UTF-8 near byte 1: received c3");
    await refused("long.txt", `byte ${2 ** 18 + 7}: received ff616161`);
  }));

Deno.test("TextSource refuses a folder without texts, and what is not there", () =>
  withFiles({ "a.py": "no" }, (folder) => {
    assertThrows(() => TextSource.open(folder), FileFormatError, "there is no .txt or .md file");
    assertThrows(() => TextSource.open(`${folder}/b.txt`), Deno.errors.NotFound, "no such file");
    return Promise.resolve();
  }));

Deno.test("TextSource stops reading when its signal says so", () =>
  withFiles({ "a.txt": "a".repeat(2 ** 20) }, async (folder) => {
    const controller = new AbortController();
    const parts = TextSource.open(`${folder}/a.txt`).parts(undefined, {
      signal: controller.signal,
      onRead: () => controller.abort(),
    });
    const { name } = await assertRejects(() => Array.fromAsync(parts), DOMException);
    assertEquals(name, "AbortError");
  }));

Deno.test("splitAt() finds separators however the text is cut into parts", async () => {
  const text = "<<a<>b<><>c<<>";
  for (let length = 1; length <= text.length; length++) {
    const parts = text.match(new RegExp(`.{1,${length}}`, "g"))!;
    const found: string[] = [""];
    for await (const { text, endsText } of splitAt(asynchronously(parts), "<>")) {
      found[found.length - 1] += text;
      if (endsText) found.push("");
    }
    assertEquals(found, [...text.split("<>"), ""], String(length));
  }
});

async function* asynchronously<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
  await Promise.resolve();
}
