import { MemorySource } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import { assertRefused, type ErrorCase } from "./error_cases.ts";
import { GgufBytes } from "./gguf_bytes.ts";

const F32 = 0;
const Q4_0 = 2;
const Q6_K = 14;
const U32 = 4;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

function gguf(): GgufBytes {
  return new GgufBytes();
}

/** A file with one tensor, described by `sizes`, `typeId` and `offset`, and `numBytes` bytes for it. */
function oneTensor(
  sizes: readonly (number | bigint)[],
  typeId: number,
  offset: number | bigint,
  numBytes: number,
): Uint8Array<ArrayBuffer> {
  return gguf().start(1, 0).tensor("x", sizes, typeId, offset).data(numBytes).bytes();
}

function withAlignment(alignment: number): Uint8Array<ArrayBuffer> {
  return gguf().start(0, 1).u32Entry("general.alignment", alignment).bytes();
}

function manyKeys(numKeys: number): Uint8Array<ArrayBuffer> {
  const file = gguf().start(0, numKeys);
  for (let i = 0; i < numKeys; i++) file.u32Entry(`key.${i}`, i);
  return file.bytes();
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}

const CASES: readonly ErrorCase[] = [
  { name: "no bytes", bytes: gguf().bytes(), message: "but the file has fewer: received" },
  { name: "three bytes", bytes: text("GGU"), message: "but the file has fewer: received" },
  {
    name: "another magic",
    bytes: text("GGML and more"),
    message: 'is not GGUF: received "GGML"',
  },
  {
    name: "version 1",
    bytes: gguf().raw(text("GGUF")).u32(1).bytes(),
    message: "version that is not supported (2 and 3 are): received 1",
  },
  {
    name: "version 99",
    bytes: gguf().raw(text("GGUF")).u32(99).bytes(),
    message: "version that is not supported (2 and 3 are): received 99",
  },
  {
    name: "big-endian",
    bytes: gguf().raw(text("GGUF")).u32(0x03000000).bytes(),
    message: "big-endian",
  },
  {
    name: "only magic and version",
    bytes: gguf().raw(text("GGUF")).u32(3).bytes(),
    message: "but the file has fewer: received",
  },
  {
    name: "2^62 tensors",
    bytes: gguf().start(2n ** 62n, 0).bytes(),
    message: "a number of tensors that is too large",
  },
  {
    name: "2^62 keys",
    bytes: gguf().start(0, 2n ** 62n).bytes(),
    message: "a number of keys that is too large",
  },
  {
    name: "2^64 - 1 keys",
    bytes: gguf().start(0, 2n ** 64n - 1n).bytes(),
    message: "a number of keys that is too large",
  },
  {
    name: "200,000 keys",
    bytes: manyKeys(200_000),
    message: "a number of keys that is too large: at most 65536",
  },
  {
    name: "one key fewer than said",
    bytes: gguf().start(0, 2).u32Entry("a", 1).bytes(),
    message: "metadata key 2 of 2 needs 8 bytes",
  },
  {
    name: "a key twice",
    bytes: gguf().start(0, 2).u32Entry("a", 1).u32Entry("a", 2).bytes(),
    message: 'was there before: received "a"',
  },
  {
    name: "keys that were chosen to have the same hash",
    bytes: Array.from({ length: 1100 }, (_, i) => String(1000 + i * 2 ** 17))
      .reduce((file, key) => file.u32Entry(key, 1), gguf().start(0, 1100)).bytes(),
    message: "is one of too many that are numbers alike",
  },
  { name: "an empty key", bytes: gguf().start(0, 1).u32Entry("", 1).bytes(), message: "is empty" },
  {
    name: "a key of 2^62 bytes",
    bytes: gguf().start(0, 1).u64(2n ** 62n).bytes(),
    message: "a text whose length is too large",
  },
  {
    name: "a key of one byte too many",
    bytes: gguf().start(0, 1).u64(9).raw(text("12345678")).bytes(),
    message: "needs 9 bytes",
  },
  {
    name: "a key that is not UTF-8",
    bytes: gguf().start(0, 1).text(new Uint8Array([0xc3, 0x28])).u32(U32).u32(1).bytes(),
    message: "not valid UTF-8",
  },
  {
    name: "an unknown type of value",
    bytes: gguf().start(0, 1).text("a").u32(13).bytes(),
    message: "an unknown type: received 13",
  },
  {
    name: "a truth value of 2",
    bytes: gguf().start(0, 1).text("a").u32(BOOL).u8(2).bytes(),
    message: "neither 0 nor 1: received 2",
  },
  {
    name: "an array of arrays",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(ARRAY).u64(0).bytes(),
    message: "an array of arrays",
  },
  {
    name: "an array of an unknown type",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(77).u64(0).bytes(),
    message: "an unknown type: received 77",
  },
  {
    name: "an array of 2^62 numbers",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(U32).u64(2n ** 62n).bytes(),
    message: "a length that is too large",
  },
  {
    name: "an array of 2^40 numbers",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(U32).u64(2 ** 40).bytes(),
    message: "but the file has fewer: received",
  },
  {
    name: "an array of 2^40 truth values",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(BOOL).u64(2 ** 40).bytes(),
    message: "but the file has fewer: received",
  },
  {
    name: "an array of 2^40 texts",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(STRING).u64(2 ** 40).bytes(),
    message: "but the file has fewer: received",
  },
  {
    name: "an array of texts, one of 2^40 bytes",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(STRING).u64(2).text("x").u64(2 ** 40)
      .bytes(),
    message: "a text whose length is too large",
  },
  {
    name: "an array of texts that are valid UTF-8 only together",
    bytes: gguf().start(0, 1).text("a").u32(ARRAY).u32(STRING).u64(2)
      .text(new Uint8Array([0xc3])).text(new Uint8Array([0xa9])).bytes(),
    message: "not valid UTF-8",
  },
  {
    name: "alignment 0",
    bytes: withAlignment(0),
    message: "must be a power of two from 8 to 1048576: received 0",
  },
  {
    name: "alignment 1",
    bytes: withAlignment(1),
    message: "must be a power of two from 8 to 1048576: received 1",
  },
  { name: "alignment 3", bytes: withAlignment(3), message: "received 3" },
  { name: "alignment 2^31", bytes: withAlignment(2 ** 31), message: "received 2147483648" },
  {
    name: "an alignment of type u64",
    bytes: gguf().start(0, 1).text("general.alignment").u32(10).u64(32).bytes(),
    message: 'must have the type u32: received "u64"',
  },
  {
    name: "no axes",
    bytes: oneTensor([], F32, 0, 4),
    message: "must have 1 to 4 axes: received 0",
  },
  {
    name: "five axes",
    bytes: oneTensor([1, 1, 1, 1, 1], F32, 0, 4),
    message: "must have 1 to 4 axes: received 5",
  },
  { name: "an axis of size 0", bytes: oneTensor([4, 0], F32, 0, 16), message: "impossible shape" },
  {
    name: "an axis of size -1",
    bytes: oneTensor([2n ** 64n - 1n], F32, 0, 16),
    message: "a size that is too large",
  },
  {
    name: "axes of 2^32 by 2^32",
    bytes: oneTensor([2 ** 32, 2 ** 32], F32, 0, 16),
    message: "impossible shape",
  },
  {
    name: "axes whose product is 2^64",
    bytes: oneTensor([2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16], F32, 0, 16),
    message: "impossible shape",
  },
  {
    name: "a tensor of 4 TiB",
    bytes: oneTensor([2 ** 20, 2 ** 20], F32, 0, 64),
    message: "needs 4398046511104 bytes",
  },
  {
    name: "a row of 33 in blocks of 32",
    bytes: oneTensor([33, 2], Q4_0, 0, 64),
    message: "rows of q4_0 multiples of 32",
  },
  {
    name: "a row of 1600 in blocks of 256",
    bytes: oneTensor([1600], Q6_K, 0, 2000),
    message: "rows of q6_k multiples of 256",
  },
  {
    name: "an unknown element type",
    bytes: oneTensor([32], 4, 0, 64),
    message: "element type that is not supported: received 4",
  },
  {
    name: "an offset that is not aligned",
    bytes: oneTensor([4], F32, 16, 64),
    message: "no multiple of 32: received 16",
  },
  {
    name: "an offset of 2^62",
    bytes: oneTensor([4], F32, 2n ** 62n, 64),
    message: "an offset that is too large",
  },
  {
    name: "an offset past the end",
    bytes: oneTensor([4], F32, 2 ** 40, 64),
    message: "but the file has fewer: received",
  },
  { name: "data one byte short", bytes: oneTensor([4, 4], F32, 0, 63), message: "needs 64 bytes" },
  {
    name: "no data at all",
    bytes: gguf().start(1, 0).tensor("x", [4], F32, 0).bytes(),
    message: "but the file has fewer: received",
  },
  {
    name: "a tensor name twice",
    bytes: gguf().start(2, 0).tensor("x", [4], F32, 0).tensor("x", [4], F32, 32).data(64).bytes(),
    message: 'was there before: received "x"',
  },
  {
    name: "two tensors at one place",
    bytes: gguf().start(2, 0).tensor("x", [4], F32, 0).tensor("y", [4], F32, 0).data(64).bytes(),
    message: 'tensor "y" begins inside tensor "x"',
  },
  {
    name: "a tensor that begins inside another",
    bytes: gguf().start(2, 0).tensor("y", [4], F32, 32).tensor("x", [10], F32, 0).data(64).bytes(),
    message: 'tensor "y" begins inside tensor "x"',
  },
  {
    name: "an empty tensor name",
    bytes: gguf().start(1, 0).tensor("", [4], F32, 0).data(64).bytes(),
    message: "a name of 1 to 63 bytes",
  },
  {
    name: "a tensor name of 64 bytes",
    bytes: gguf().start(1, 0).tensor("n".repeat(64), [4], F32, 0).data(64).bytes(),
    message: "a name of 1 to 63 bytes: received 64",
  },
  {
    name: "a name that would drive a terminal",
    bytes: gguf().start(1, 0).tensor("\x1b[2J\x9b\u202e", [], F32, 0).data(64).bytes(),
    message: '"\\u001b[2J\\u{9b}\\u{202e}" must have 1 to 4 axes',
  },
  {
    name: "a key of 60,000 bytes in the message",
    bytes: gguf().start(0, 1).text("k".repeat(60_000)).u32(99).bytes(),
    message: 'kkk..."',
  },
  {
    name: "a Git-LFS pointer",
    bytes: text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    message: "it is a Git-LFS pointer",
  },
  {
    name: "an HTML page",
    bytes: text("<!DOCTYPE html>\n<html><body>Not found</body></html>"),
    message: "it is an HTML page",
  },
  {
    name: "a PyTorch archive",
    bytes: text("PK\x03\x04 and so on"),
    message: "it is a ZIP archive",
  },
  {
    name: "a safetensors file",
    bytes: new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]),
    message: "it is a safetensors file",
  },
];

for (const errorCase of CASES) {
  Deno.test(`readGgufHeader() refuses ${errorCase.name}`, () => {
    assertRefused(errorCase, () => readGgufHeader(new MemorySource(errorCase.bytes)));
  });
}

Deno.test("readGgufHeader() refuses every beginning of a file, at once", () => {
  const whole = gguf().start(2, 2)
    .u32Entry("a", 1).text("b").u32(ARRAY).u32(STRING).u64(2).text("one").text("two")
    .tensor("x", [4], F32, 0).tensor("y", [32, 2], Q4_0, 32).data(32 + 36).bytes();
  readGgufHeader(new MemorySource(whole));
  for (let length = 0; length < whole.length; length++) {
    const bytes = whole.slice(0, length);
    assertRefused(
      { name: "", bytes, message: "but the file has fewer: received" },
      () => readGgufHeader(new MemorySource(bytes)),
    );
  }
});
