import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { MemorySource, openRegularFile } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import type { GgufValue } from "../../src/formats/gguf_value.ts";
import {
  type GgufContent,
  type GgufTensorToWrite,
  writeGguf,
} from "../../src/formats/gguf_writer.ts";
import type { TensorContent } from "../../src/formats/tensor_stream.ts";
import { inFolder } from "./in_folder.ts";

const FIXTURE = new URL("../fixtures/formats/python.gguf", import.meta.url);

/** A tensor of zeros, or of what `produce` gives. */
function tensor(
  name: string,
  shape: readonly number[],
  produce: () => TensorContent = () => new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)),
): GgufTensorToWrite {
  return { name, shape, type: "f32", produce };
}

function content(
  tensors: readonly GgufTensorToWrite[],
  ...metadata: [string, GgufValue][]
): GgufContent {
  return { tensors, metadata: new Map(metadata) };
}

Deno.test(
  "writeGguf() writes what readGgufHeader() read, byte for byte as the Python library did",
  inFolder(async (folder) => {
    const original = await Deno.readFile(FIXTURE);
    const source = new MemorySource(original);
    const { metadata, tensors } = readGgufHeader(source);
    const copies = Array.from(tensors.values(), ({ offset, byteLength, ...copied }) => ({
      ...copied,
      produce: () => source.read(offset, byteLength),
    }));
    await writeGguf(`${folder}/copy.gguf`, { metadata, tensors: copies });
    assertEquals(await Deno.readFile(`${folder}/copy.gguf`), original);
  }),
);

Deno.test(
  "writeGguf() aligns as general.alignment says, and takes tensors in pieces and promised",
  inFolder(async (folder) => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array([1, 2, 3]);
      yield await Promise.resolve(new Uint8Array([4]));
    }
    const tensors = [
      tensor("pieces", [1], pieces),
      tensor("promised", [1, 1, 1, 1], () => Promise.resolve(new Uint8Array([5, 6, 7, 8]))),
    ];
    const path = `${folder}/x.gguf`;
    await writeGguf(path, content(tensors, ["general.alignment", { type: "u32", value: 128 }]));
    using source = openRegularFile(path);
    const file = readGgufHeader(source);
    assertEquals([file.version, file.alignment, file.dataOffset % 128, source.size % 128], [
      3,
      128,
      0,
      0,
    ]);
    const found = Array.from(file.tensors.values(), ({ name, shape, offset, byteLength }) => ({
      name,
      shape,
      position: offset - file.dataOffset,
      bytes: [...source.read(offset, byteLength)],
    }));
    assertEquals(found, [
      { name: "pieces", shape: [1], position: 0, bytes: [1, 2, 3, 4] },
      { name: "promised", shape: [1, 1, 1, 1], position: 128, bytes: [5, 6, 7, 8] },
    ]);
  }),
);

Deno.test(
  "writeGguf() writes headers larger than its buffer, without tensors",
  inFolder(async (folder) => {
    const tokens = Array.from({ length: 50_000 }, (_, i) => `Ġtoken ${i} 👍`);
    const numbers = Float64Array.from({ length: 20_000 }, (_, i) => i / 3);
    const metadata = new Map<string, GgufValue>([
      ["numbers", { type: "f64[]", value: numbers }],
      ["tokens", { type: "string[]", value: tokens }],
      ["flags", { type: "bool[]", value: Uint8Array.from(tokens, (_, i) => i % 2) }],
      ["none", { type: "string[]", value: [] }],
      ["nan", { type: "f32", value: NaN }],
    ]);
    await writeGguf(`${folder}/x.gguf`, { metadata, tensors: [] });
    using source = openRegularFile(`${folder}/x.gguf`);
    assertEquals([...readGgufHeader(source).metadata], [...metadata]);
  }),
);

Deno.test(
  "writeGguf() asks for one tensor at a time, and reports progress",
  inFolder(async (folder) => {
    const events: string[] = [];
    const tensors = ["a", "b"].map((name) =>
      tensor(name, [8], () => {
        events.push(`produce ${name}`);
        return new Uint8Array(32);
      })
    );
    const onProgress = (
      { writtenBytes, totalBytes }: { writtenBytes: number; totalBytes: number },
    ) => events.push(`${totalBytes - writtenBytes} left`);
    await writeGguf(`${folder}/x.gguf`, content(tensors), { onProgress });
    // The header takes 24 bytes and 33 for each tensor: 90, then 6 of padding.
    assertEquals(events, ["70 left", "64 left", "produce a", "32 left", "produce b", "0 left"]);
  }),
);

Deno.test(
  "writeGguf() removes what it wrote when a tensor fails, has the wrong length, or the signal aborts",
  inFolder(async (folder) => {
    const controller = new AbortController();
    const cases: [() => TensorContent, string][] = [
      [
        () => new Uint8Array(15),
        'Cannot write tensor "x": its shape and type take 16 bytes: received 15',
      ],
      [
        () => new Uint8Array(17),
        'Cannot write tensor "x": its shape and type take 16 bytes: received 17',
      ],
      [() => Promise.reject(new TypeError("failed")), "failed"],
      [() => (controller.abort(new Error("stopped")), new Uint8Array(16)), "stopped"],
    ];
    for (const [produce, message] of cases) {
      await assertRejects(
        () =>
          writeGguf(`${folder}/x.gguf`, content([tensor("x", [4], produce)]), {
            signal: controller.signal,
          }),
        Error,
        message,
      );
    }
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  }),
);

Deno.test("writeGguf() refuses what a GGUF file cannot hold, before it touches the disk", async () => {
  const entry = (type: string, value: unknown) =>
    content([], ["key", { type, value } as GgufValue]);
  const cases: [GgufContent, typeof RangeError | typeof TypeError, string][] = [
    [
      content([tensor("x", [1]), tensor("x", [1])]),
      RangeError,
      'must be distinct: received "x" twice',
    ],
    [content([tensor("", [1])]), RangeError, "take 1 to 63 bytes"],
    [content([tensor("é".repeat(32), [1])]), RangeError, "take 1 to 63 bytes"],
    [content([tensor("x", [])]), RangeError, 'tensor "x" must have 1 to 4 axes: received shape []'],
    [content([tensor("x", [1, 1, 1, 1, 1])]), RangeError, "1 to 4 axes"],
    [content([tensor("x", [2, 0])]), RangeError, "must be a positive integer"],
    [
      content([{ ...tensor("x", [2, 33]), type: "q4_0" }]),
      RangeError,
      "must be a multiple of 32: received 33",
    ],
    [content([], ["", { type: "u8", value: 1 }]), RangeError, "must not be empty"],
    [entry("string", "\ud800"), TypeError, "half a surrogate pair"],
    [entry("u8", 256), RangeError, 'metadata "key": the number does not fit u8: received 256'],
    [entry("u32", -1), RangeError, "does not fit u32: received -1"],
    [entry("i32", 1.5), RangeError, "does not fit i32: received 1.5"],
    [entry("u64", 2n ** 64n), RangeError, "does not fit u64"],
    [entry("f32", 1e39), RangeError, "does not fit f32: received 1e+39"],
    [entry("u64", 5), TypeError, ""],
    [entry("bool[]", new Uint8Array([0, 2])), RangeError, "must be 0 or 1: received 2"],
    [content([], ["general.alignment", { type: "u32", value: 24 }]), RangeError, "received u32 24"],
    [
      content([], ["general.alignment", { type: "u64", value: 32n }]),
      RangeError,
      "received u64 32",
    ],
  ];
  for (const [given, errorClass, message] of cases) {
    const error = await assertRejects(() => writeGguf("/nowhere/x.gguf", given), Error, message);
    assertInstanceOf(error, errorClass);
  }
});
