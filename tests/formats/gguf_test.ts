import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { FileFormatError } from "../../src/base/errors.ts";
import { MemorySource, openRegularFile } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import { metadataNumber, metadataString, metadataStrings } from "../../src/formats/gguf_value.ts";
import { GgufBytes } from "./gguf_bytes.ts";

const FIXTURES = new URL("../fixtures/formats/", import.meta.url);
const EXPECTED = JSON.parse(Deno.readTextFileSync(new URL("expected.json", FIXTURES)));

function readFixture() {
  return readGgufHeader(new MemorySource(Deno.readFileSync(new URL("python.gguf", FIXTURES))));
}

Deno.test("readGgufHeader() finds the values that the Python library wrote, with their types", () => {
  const { version, alignment, metadata } = readFixture();
  assertEquals(version, 3);
  assertEquals(alignment, 32);
  assertEquals(
    [...metadata],
    [
      ["general.architecture", { type: "string", value: "gpt2" }],
      ["value.u8", { type: "u8", value: 255 }],
      ["value.i8", { type: "i8", value: -128 }],
      ["value.u16", { type: "u16", value: 65535 }],
      ["value.i16", { type: "i16", value: -32768 }],
      ["value.u32", { type: "u32", value: 2 ** 32 - 1 }],
      ["value.i32", { type: "i32", value: -(2 ** 31) }],
      ["value.f32", { type: "f32", value: Math.fround(1e-5) }],
      ["value.u64", { type: "u64", value: 2n ** 64n - 1n }],
      ["value.i64", { type: "i64", value: -(2n ** 63n) }],
      ["value.f64", { type: "f64", value: 0.1 }],
      ["value.bool", { type: "bool", value: true }],
      ["value.string", { type: "string", value: "Füße 👣" }],
      ["array.string", { type: "string[]", value: EXPECTED.tokens }],
      ["array.i32", { type: "i32[]", value: new Int32Array([1, -2, 3]) }],
      ["array.f32", { type: "f32[]", value: new Float32Array([0.5, -1.25]) }],
      ["array.bool", { type: "bool[]", value: new Uint8Array([1, 0, 1]) }],
      ["array.u64", { type: "u64[]", value: new BigUint64Array([1n, 2n ** 64n - 1n]) }],
    ],
  );
});

Deno.test("readGgufHeader() finds the tensors that the Python library wrote, outermost axis first", () => {
  const { tensors } = readFixture();
  assertEquals(tensors.size, 11);
  assertEquals(
    Object.fromEntries(tensors),
    Object.fromEntries(
      Object.entries(EXPECTED.gguf).map(([name, tensor]) => [name, { name, ...tensor as object }]),
    ),
  );
});

Deno.test("readGgufHeader() gives offsets at which the numbers are", () => {
  using source = openRegularFile(fileURLToPath(new URL("python.gguf", FIXTURES)));
  const { offset, byteLength } = readGgufHeader(source).tensors.get("f32")!;
  const numbers = new Float32Array(source.read(offset, byteLength).buffer);
  assertEquals([...numbers], Array.from({ length: 15 }, (_, i) => (i - 30) / 4));
});

Deno.test("readGgufHeader() reads headers of any length through its chunks", () => {
  // 300,000 texts of 0 to 12 bytes: several chunks of 2 MiB, with texts across their borders.
  const texts = Array.from(
    { length: 300_000 },
    (_, i) => "é日👍".slice(0, i % 3) + "👍".repeat(i % 2) + i % 7,
  );
  const file = new GgufBytes().start(0, 2).text("texts").u32(9).u32(8).u64(texts.length);
  for (const text of texts) file.text(text);
  file.u32Entry("after", 7);
  const { metadata } = readGgufHeader(new MemorySource(file.bytes()));
  assertEquals(metadataStrings({ metadata }, "texts")?.length, texts.length);
  assertEquals(metadataStrings({ metadata }, "texts")?.every((text, i) => text === texts[i]), true);
  assertEquals(metadataNumber({ metadata }, "after"), 7);
});

Deno.test("readGgufHeader() reads a text that is longer than a chunk", () => {
  const long = "long ".repeat(500_000);
  const file = new GgufBytes().start(0, 2).text("one").u32(8).text(long);
  file.text("array").u32(9).u32(8).u64(3).text("").text(long).text("x");
  const holder = readGgufHeader(new MemorySource(file.bytes()));
  assertEquals(metadataString(holder, "one") === long, true);
  assertEquals(metadataStrings(holder, "array")?.[1] === long, true);
  assertEquals(metadataStrings(holder, "array")?.[2], "x");
});

Deno.test("readGgufHeader() gives arrays of texts as they are in the file, and decodes long ones later", () => {
  const texts = Array.from({ length: 2000 }, (_, i) => `text ${i}`);
  const array = new GgufBytes().u64(texts.length);
  for (const text of texts) array.text(text);
  const file = new GgufBytes().start(0, 2).text("texts").u32(9).u32(8).raw(array.bytes())
    .text("few").u32(9).u32(8).u64(1).text("ö").bytes();
  const { metadata, textArrays } = readGgufHeader(new MemorySource(file));
  assertEquals([...textArrays.keys()], ["texts", "few"]);
  assertEquals(textArrays.get("texts"), array.bytes().subarray(8));
  assertEquals(textArrays.get("few"), Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xb6));
  file.fill(0); // What is decoded later does not come from the source.
  assertEquals(metadata.get("texts")?.value, texts);
  assertStrictEquals(metadata.get("texts")?.value, metadata.get("texts")?.value);
});

Deno.test("readGgufHeader() refuses a long array of texts that is not UTF-8 when it is looked at", () => {
  const file = new GgufBytes().start(0, 2).text("texts").u32(9).u32(8).u64(2000);
  for (let i = 0; i < 1999; i++) file.text("text");
  const bytes = file.u64(1).raw(Uint8Array.of(0xff)).u32Entry("after", 7).bytes();
  const { metadata } = readGgufHeader(new MemorySource(bytes));
  assertEquals(metadataNumber({ metadata }, "after"), 7);
  assertThrows(
    () => metadata.get("texts")?.value,
    FileFormatError,
    'metadata "texts" has text that is not valid UTF-8, ending at this offset',
  );
});

Deno.test("readGgufHeader() keeps zero bytes and byte order marks inside texts", () => {
  const texts = ["a\0b", "", "\0", "\ufeffmark"];
  const file = new GgufBytes().start(0, 1).text("texts").u32(9).u32(8).u64(texts.length);
  for (const text of texts) file.text(text);
  const { metadata } = readGgufHeader(new MemorySource(file.bytes()));
  assertEquals(metadata.get("texts")?.value, texts);
});

Deno.test("readGgufHeader() takes version 2, other alignments, and gaps between tensors", () => {
  const file = new GgufBytes().raw(new TextEncoder().encode("GGUF")).u32(2).u64(2).u64(1)
    .u32Entry("general.alignment", 64)
    .tensor("late", [2, 3], 0, 192).tensor("early", [4], 0, 0).data(192 + 24, 64);
  const { version, alignment, tensors, dataOffset } = readGgufHeader(
    new MemorySource(file.bytes()),
  );
  assertEquals([version, alignment, dataOffset % 64], [2, 64, 0]);
  assertEquals([...tensors.values()], [
    { name: "late", shape: [3, 2], type: "f32", offset: dataOffset + 192, byteLength: 24 },
    { name: "early", shape: [4], type: "f32", offset: dataOffset, byteLength: 16 },
  ]);
});

Deno.test("readGgufHeader() reads only the header of a file", () => {
  const file = new GgufBytes().start(1, 0).tensor("x", [2 ** 20], 0, 0).data(2 ** 22);
  const source = new MemorySource(file.bytes());
  let numBytes = 0;
  readGgufHeader({
    size: source.size,
    read: (offset, length) => (numBytes += length, source.read(offset, length)),
    readInto: (offset, target) => (numBytes += target.length, source.readInto(offset, target)),
  });
  assertEquals(numBytes, 2 ** 21); // one chunk
});

Deno.test("metadataNumber() takes any numeric type, and refuses what is none", () => {
  const holder = readFixture();
  assertEquals(metadataNumber(holder, "value.u8"), 255);
  assertEquals(metadataNumber(holder, "value.f64"), 0.1);
  assertEquals(metadataNumber(holder, "absent"), undefined);
  for (const key of ["value.string", "value.bool", "array.i32", "value.u64"]) {
    assertThrows(
      () => metadataNumber(holder, key),
      FileFormatError,
      `metadata "${key}" must be a number`,
    );
  }
});

Deno.test("metadataString() and metadataStrings() refuse other types", () => {
  const holder = readFixture();
  assertEquals(metadataString(holder, "general.architecture"), "gpt2");
  assertEquals(metadataStrings(holder, "array.string"), EXPECTED.tokens);
  assertEquals(metadataString(holder, "absent"), undefined);
  assertEquals(metadataStrings(holder, "absent"), undefined);
  assertThrows(
    () => metadataString(holder, "value.u8"),
    FileFormatError,
    "must be text, but has the type u8: received 255",
  );
  assertThrows(
    () => metadataStrings(holder, "array.i32"),
    FileFormatError,
    "must be an array of texts, but has the type i32[]: received [1, -2, 3]",
  );
});
