import { assertEquals, assertRejects } from "@std/assert";
import { MemorySource, openRegularFile } from "../../src/base/byte_source.ts";
import { readSafetensorsHeader } from "../../src/formats/safetensors.ts";
import {
  type SafetensorsTensorToWrite,
  writeSafetensors,
} from "../../src/formats/safetensors_writer.ts";
import { inFolder } from "./in_folder.ts";

const FIXTURE = new URL("../fixtures/formats/python.safetensors", import.meta.url);

/** A tensor of bytes. */
function tensor(
  name: string,
  bytes: readonly number[],
  shape = [bytes.length],
): SafetensorsTensorToWrite {
  return { name, dtype: "U8", shape, produce: () => new Uint8Array(bytes) };
}

Deno.test(
  "writeSafetensors() writes what readSafetensorsHeader() read, byte for byte as the Python library did",
  inFolder(async (folder) => {
    const original = await Deno.readFile(FIXTURE);
    const source = new MemorySource(original);
    const { metadata, tensors } = readSafetensorsHeader(source);
    const copies = Array.from(tensors.values(), ({ offset, byteLength, ...copied }) => ({
      ...copied,
      produce: () => source.read(offset, byteLength),
    }));
    await writeSafetensors(`${folder}/copy.safetensors`, copies, metadata);
    assertEquals(await Deno.readFile(`${folder}/copy.safetensors`), original);
  }),
);

Deno.test(
  "writeSafetensors() aligns every tensor to its element size, whatever the order",
  inFolder(async (folder) => {
    const path = `${folder}/x.safetensors`;
    await writeSafetensors(path, [
      tensor("odd", [1, 2, 3]),
      {
        name: "f32",
        dtype: "F32",
        shape: [1],
        produce: () => Promise.resolve(new Uint8Array([4, 5, 6, 7])),
      },
      tensor("7", [8]),
      { name: "f16", dtype: "F16", shape: [], produce: () => new Uint8Array([9, 10]) },
      tensor("none", [], [3, 0]),
    ]);
    using source = openRegularFile(path);
    const { tensors, metadata, dataOffset } = readSafetensorsHeader(source);
    assertEquals([dataOffset % 8, metadata.size], [0, 0]);
    const found = Array.from(tensors.values(), ({ name, offset, byteLength }) => [
      name,
      offset - dataOffset,
      ...source.read(offset, byteLength),
    ]);
    assertEquals(found, [["f32", 0, 4, 5, 6, 7], ["f16", 4, 9, 10], ["odd", 6, 1, 2, 3], [
      "7",
      9,
      8,
    ], ["none", 10]]);
  }),
);

Deno.test(
  "writeSafetensors() writes names and metadata of any text",
  inFolder(async (folder) => {
    const path = `${folder}/x.safetensors`;
    const metadata = new Map([["format", "pt"], ["2", 'quote " and \\'], [
      "1",
      "new\nline \u0000 é 👍",
    ]]);
    await writeSafetensors(path, [tensor('a "b"\\\n', [1]), tensor("constructor", [2])], metadata);
    using source = openRegularFile(path);
    const file = readSafetensorsHeader(source);
    assertEquals([...file.metadata], [...metadata]);
    assertEquals([...file.tensors.keys()], ['a "b"\\\n', "constructor"]);
  }),
);

Deno.test(
  "writeSafetensors() removes what it wrote when a tensor has the wrong length or the signal aborts",
  inFolder(async (folder) => {
    const path = `${folder}/x.safetensors`;
    await assertRejects(
      () => writeSafetensors(path, [tensor("a", [1]), tensor("b", [1, 2], [3])]),
      RangeError,
      'Cannot write tensor "b": its shape and type take 3 bytes: received 2',
    );
    const signal = AbortSignal.abort();
    const error = await assertRejects(
      () => writeSafetensors(path, [], new Map(), { signal }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  }),
);

Deno.test("writeSafetensors() refuses what a safetensors file cannot hold, before it touches the disk", async () => {
  const cases: [SafetensorsTensorToWrite[], string][] = [
    [[tensor("x", [1]), tensor("x", [1])], 'must be distinct and not reserved: received "x"'],
    [[tensor("__metadata__", [1])], "not reserved"],
    [[tensor("__proto__", [1])], "not reserved"],
    [[tensor("\udc00", [1])], "half a surrogate pair"],
    [[tensor("x", [1], [-1])], "must be counts"],
    [[tensor("x", [1], [1.5])], "must be counts"],
    [[tensor("x", [1], [2 ** 32, 2 ** 32])], "must be counts"],
  ];
  for (const [tensors, message] of cases) {
    await assertRejects(() => writeSafetensors("/nowhere/x", tensors), Error, message);
  }
});
