import { MemorySource } from "../../src/base/byte_source.ts";
import { readSafetensorsHeader } from "../../src/formats/safetensors.ts";
import { assertRefused, type ErrorCase } from "./error_cases.ts";
import { entry, safetensorsBytes } from "./safetensors_bytes.ts";

/** A header length and nothing that belongs to it. */
function onlyLength(length: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([length, 0n]).buffer);
}

/** A file with the given entries, and so many bytes of data. */
function file(entries: readonly string[], numDataBytes: number): Uint8Array<ArrayBuffer> {
  return safetensorsBytes(`{${entries.join(",")}}`, numDataBytes);
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}

const SHORT_FILES: readonly ErrorCase[] = Array.from({ length: 8 }, (_, numBytes) => ({
  name: `${numBytes} bytes`,
  bytes: new Uint8Array(numBytes),
  message: `shorter than the 8 bytes before its header: received ${numBytes}`,
}));

const SHAPES: readonly ErrorCase[] = [
  ["[4294967296,4294967296]", "a shape of 2^53 bytes or more"],
  ["[9007199254740993]", "a shape that is no list of counts"],
  ["[9007199254740992,0]", "a shape that is no list of counts"],
  ["[4503599627370496,4,0]", "a shape of 2^53 bytes or more"],
  ["[1.5]", "a shape that is no list of counts: received [1.5]"],
  ["[-1]", "a shape that is no list of counts: received [-1]"],
  ["[-0]", "a shape that is no list of counts"],
  ["[1e400]", "a number is too large"],
  ["[NaN]", "a value is missing or not JSON"],
  ['["2"]', 'a shape that is no list of counts: received ["2"]'],
  ["[[2]]", "a shape that is no list of counts: received [a list]"],
  ["null", "a shape that is no list of counts: received null"],
  ["{}", "a shape that is no list of counts: received an object"],
].map(([shape, message]) => ({
  name: `the shape ${shape}`,
  bytes: file([entry("x", "F32", shape, 0, 8)], 8),
  message,
}));

const CASES: readonly ErrorCase[] = [
  ...SHORT_FILES,
  ...SHAPES,
  {
    name: "a header of 2^63 bytes",
    bytes: onlyLength(2n ** 63n),
    message: "longer than the 8 bytes it can have: received 9223372036854775808",
  },
  {
    name: "a header of 100 GB",
    bytes: onlyLength(10n ** 11n),
    message: "longer than the 8 bytes it can have",
  },
  {
    name: "a header one byte longer than the file",
    bytes: onlyLength(9n),
    message: "longer than the 8 bytes it can have: received 9",
  },
  {
    name: "a header of no bytes",
    bytes: onlyLength(0n).slice(0, 8),
    message: "a value is missing or not JSON",
  },
  {
    name: "invalid UTF-8",
    bytes: safetensorsBytes(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 0),
    message: "the header is not valid UTF-8",
  },
  {
    name: "a byte order mark",
    bytes: safetensorsBytes("\ufeff{}", 0),
    message: "the header is not valid JSON",
  },
  {
    name: "a header cut off",
    bytes: safetensorsBytes('{"x":{"dtype":"F32"', 0),
    message: "the header is not valid JSON",
  },
  {
    name: "a header with something after it",
    bytes: safetensorsBytes("{} {}", 0),
    message: "something follows the value",
  },
  {
    name: "zeros after the header",
    bytes: safetensorsBytes("{}\0\0", 0),
    message: "something follows the value",
  },
  {
    name: "a list as header",
    bytes: safetensorsBytes("[]", 0),
    message: "the header is not a JSON object: received []",
  },
  {
    name: "deep nesting",
    bytes: safetensorsBytes("[".repeat(100_000), 0),
    message: "nested deeper than 64 levels",
  },
  {
    name: "a tensor name twice",
    bytes: file([entry("x", "U8", "[1]", 0, 1), entry("x", "U8", "[1]", 1, 2)], 2),
    message: 'the key "x" is there twice',
  },
  {
    name: "a tensor name twice, once escaped",
    bytes: file([
      entry("x", "U8", "[1]", 0, 1),
      entry("x", "U8", "[1]", 1, 2).replace("x", "\\u0078"),
    ], 2),
    message: 'the key "x" is there twice',
  },
  {
    name: "a field twice",
    bytes: file(['"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}'], 1),
    message: 'the key "dtype" is there twice',
  },
  {
    name: "a tensor named __proto__",
    bytes: file([entry("__proto__", "U8", "[1]", 0, 1)], 1),
    message: 'the key "__proto__" is not allowed',
  },
  {
    name: "a tensor named __proto__ in escapes",
    bytes: file([entry("x", "U8", "[1]", 0, 1).replace("x", "\\u005f_proto__")], 1),
    message: 'the key "__proto__" is not allowed',
  },
  {
    name: "metadata with a number",
    bytes: file(['"__metadata__":{"format":1}'], 0),
    message: 'metadata "format" is not text: received 1',
  },
  {
    name: "metadata that is a list",
    bytes: file(['"__metadata__":[]'], 0),
    message: "__metadata__ is not a JSON object",
  },
  {
    name: "a tensor that is a number",
    bytes: file(['"x":7'], 0),
    message: 'tensor "x" is not described by a JSON object: received 7',
  },
  {
    name: "an unknown dtype",
    bytes: file([entry("x", "F31", "[1]", 0, 4)], 4),
    message: 'an unknown dtype: received "F31"',
  },
  {
    name: "a dtype of Object.prototype",
    bytes: file([entry("x", "toString", "[1]", 0, 4)], 4),
    message: 'an unknown dtype: received "toString"',
  },
  {
    name: "no dtype",
    bytes: file(['"x":{"shape":[1],"data_offsets":[0,4]}'], 4),
    message: "an unknown dtype: received nothing",
  },
  {
    name: "no shape",
    bytes: file(['"x":{"dtype":"F32","data_offsets":[0,4]}'], 4),
    message: "no list of counts: received nothing",
  },
  {
    name: "no data_offsets",
    bytes: file(['"x":{"dtype":"F32","shape":[1]}'], 4),
    message: "no two counts: received nothing",
  },
  {
    name: "three data_offsets",
    bytes: file(['"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}'], 4),
    message: "no two counts: received [0, 4, 8]",
  },
  {
    name: "negative data_offsets",
    bytes: file([entry("x", "F32", "[1]", -4, 0)], 4),
    message: "no two counts: received [-4, 0]",
  },
  {
    name: "data_offsets of 2^63",
    bytes: file([entry("x", "F32", "[1]", "9223372036854775808", "9223372036854775812")], 4),
    message: "no two counts",
  },
  {
    name: "data_offsets that run backwards",
    bytes: file([entry("x", "F32", "[1]", 4, 0)], 4),
    message: "data_offsets of -4 bytes where F32 [1] takes 4",
  },
  {
    name: "a span that is not shape x dtype",
    bytes: file([entry("x", "F32", "[2,3]", 0, 20)], 20),
    message: "data_offsets of 20 bytes where F32 [2, 3] takes 24",
  },
  {
    name: "an overlap",
    bytes: file([entry("x", "U8", "[4]", 0, 4), entry("y", "U8", "[4]", 2, 6)], 6),
    message: 'tensor "y" shares bytes with another: its data should begin at 4: received 2',
  },
  {
    name: "two tensors at one place",
    bytes: file([entry("x", "U8", "[4]", 0, 4), entry("y", "U8", "[4]", 0, 4)], 4),
    message: 'tensor "y" shares bytes with another',
  },
  {
    name: "a hole between tensors",
    bytes: file([entry("x", "U8", "[4]", 0, 4), entry("y", "U8", "[4]", 5, 9)], 9),
    message: 'tensor "y" comes after a hole: its data should begin at 4: received 5',
  },
  {
    name: "a hole before the first tensor",
    bytes: file([entry("x", "U8", "[4]", 1, 5)], 5),
    message: "comes after a hole",
  },
  {
    name: "bytes after the last tensor",
    bytes: file([entry("x", "U8", "[4]", 0, 4)], 5),
    message: "there are bytes after the last tensor",
  },
  {
    name: "bytes but no tensor",
    bytes: file([], 5),
    message: "there are bytes after the last tensor",
  },
  {
    name: "data cut off",
    bytes: file([entry("x", "U8", "[4]", 0, 4)], 3),
    message: "the tensors' bytes are cut off",
  },
  {
    name: "a tensor of 4 TiB",
    bytes: file([entry("x", "U8", "[4398046511104]", 0, 4398046511104)], 3),
    message: "the tensors' bytes are cut off",
  },
  {
    name: "a name that would drive a terminal",
    bytes: file([`"\\u001b[2J\x9b":7`], 0),
    message: 'tensor "\\u001b[2J\\u{9b}" is not described',
  },
  {
    name: "a name of 60,000 bytes in the message",
    bytes: file([`"${"k".repeat(60_000)}":7`], 0),
    message: 'kkk..." is not described',
  },
  {
    name: "half a surrogate pair in a name",
    bytes: file([`"\\ud800":7`], 0),
    message: "half a surrogate pair",
  },
  {
    name: "a Git-LFS pointer",
    bytes: text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    message: "it is a Git-LFS pointer",
  },
  {
    name: "an HTML page",
    bytes: text("\n<!-- x --><html><body>Not found</body></html>"),
    message: "it is an HTML page",
  },
  {
    name: "a PyTorch archive",
    bytes: text("PK\x03\x04 and so on"),
    message: "it is a ZIP archive",
  },
  { name: "a GGUF file", bytes: text("GGUF\x03\0\0\0\0\0\0\0"), message: "it is a GGUF file" },
];

for (const errorCase of CASES) {
  Deno.test(`readSafetensorsHeader() refuses ${errorCase.name}`, () => {
    assertRefused(errorCase, () => readSafetensorsHeader(new MemorySource(errorCase.bytes)));
  });
}

Deno.test("readSafetensorsHeader() refuses a header over 100 MB before reading it", () => {
  const prefix = onlyLength(100_000_001n);
  const size = 2 ** 40;
  const source = {
    size,
    // A source that has the bytes, as a sparse file would, but must not be asked for them.
    read: (offset: number, length: number) => prefix.slice(offset, offset + Math.min(length, 512)),
    readInto: () => {},
  };
  assertRefused(
    { name: "", bytes: prefix, message: "longer than the 100000000 bytes it can have" },
    () => readSafetensorsHeader(source),
  );
});
