import { assertEquals, assertRejects } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { readLines } from "../../src/cli/read_lines.ts";

/** A source that gives so many bytes at a time. */
function ioOf(bytes: Uint8Array, count: number) {
  let begin = 0;
  const read = (into: Uint8Array) => {
    const part = bytes.subarray(begin, begin + Math.min(count, into.length));
    into.set(part);
    begin += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
  const stdin = { isTerminal: false, read, readLine: () => Promise.resolve("") };
  return { stdin, signal: new AbortController().signal };
}

async function linesOf(text: string, count: number): Promise<string[]> {
  const io = ioOf(new TextEncoder().encode(text), count);
  const lines = await Array.fromAsync(readLines("-", "--file", io));
  assertEquals(lines.map(({ line }) => line), lines.map((_, i) => i + 1));
  const ends = text.split("\n").slice(0, -1).map((line) =>
    new TextEncoder().encode(line).length + 1
  );
  let end = 0;
  for (const [i, length] of ends.entries()) assertEquals(lines[i].endByte, end += length);
  return lines.map(({ text }) => text);
}

Deno.test("readLines() gives the lines of a text, however its bytes come", async () => {
  const texts = [
    "",
    "a",
    "a\n",
    "a\nb",
    "\n\n",
    "a\r\nb\r\n",
    "日本\n🙂é\n\nx",
    "a\n" + "b".repeat(200_000),
  ];
  for (const text of texts) {
    const expected = text.replace(/\n$/, "").split("\n").map((line) => line.replace(/\r$/, ""));
    for (const count of [1, 2, 3, 1000, Infinity]) {
      if (text.length > 1000 && count < 1000) continue;
      assertEquals(await linesOf(text, count), text === "" ? [] : expected);
    }
  }
});

Deno.test("readLines() refuses a line without an end, and one that is not UTF-8", async () => {
  const endless = {
    stdin: {
      isTerminal: false,
      readLine: () => Promise.resolve(""),
      read: (into: Uint8Array) => Promise.resolve(into.length),
    },
    signal: new AbortController().signal,
  };
  await assertRejects(
    () => Array.fromAsync(readLines("-", "--file", endless)),
    FileFormatError,
    "line 1 of stdin is too long",
  );
  await assertRejects(
    () => Array.fromAsync(readLines("-", "--file", ioOf(new Uint8Array([97, 10, 255]), 9))),
    FileFormatError,
    "line 2 of stdin is not UTF-8",
  );
});

Deno.test("readLines() keeps no more than the bytes of a line that comes in small parts", async () => {
  const io = ioOf(new Uint8Array(1000).fill(97), 1);
  const buffers = new Set<ArrayBufferLike>();
  const { read } = io.stdin;
  io.stdin.read = (into) => read(into).finally(() => buffers.add(into.buffer));
  const [{ text }] = await Array.fromAsync(readLines("-", "--file", io));
  assertEquals([text, buffers.size], ["a".repeat(1000), 1]);
});
