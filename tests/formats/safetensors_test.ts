import { assertEquals } from "@std/assert";
import { MemorySource } from "../../src/base/byte_source.ts";
import { readSafetensorsHeader, type SafetensorsTensor } from "../../src/formats/safetensors.ts";
import { entry, safetensorsBytes } from "./safetensors_bytes.ts";

const FIXTURES = new URL("../fixtures/formats/", import.meta.url);
const EXPECTED = JSON.parse(Deno.readTextFileSync(new URL("expected.json", FIXTURES)));

/** The numbers of a tensor, for comparisons. */
function numbersOf(
  source: MemorySource,
  { dtype, offset, byteLength }: SafetensorsTensor,
): number[] {
  const { buffer } = source.read(offset, byteLength).slice();
  switch (dtype) {
    case "F64":
      return [...new Float64Array(buffer)];
    case "F32":
      return [...new Float32Array(buffer)];
    case "F16":
      return [...new Float16Array(buffer)];
    case "BF16":
      // The upper halves of the bits of F32.
      return [
        ...new Float32Array(Uint32Array.from(new Uint16Array(buffer), (x) => x << 16).buffer),
      ];
    case "I64":
      return Array.from(new BigInt64Array(buffer), Number);
    case "I32":
      return [...new Int32Array(buffer)];
    default:
      return [...new Uint8Array(buffer)];
  }
}

Deno.test("readSafetensorsHeader() finds the tensors that the Python library wrote", () => {
  const source = new MemorySource(Deno.readFileSync(new URL("python.safetensors", FIXTURES)));
  const { tensors, metadata } = readSafetensorsHeader(source);
  assertEquals([...metadata], [["format", "pt"]]);
  const found = [...tensors.values()].map((tensor) => [
    tensor.name,
    { shape: tensor.shape, values: numbersOf(source, tensor) },
  ]);
  assertEquals(Object.fromEntries(found), EXPECTED.safetensors);
  assertEquals(tensors.get("h.0.attn.c_attn.bias")?.dtype, "F16");
  assertEquals(tensors.get("bool")?.dtype, "BOOL");
});

Deno.test("readSafetensorsHeader() takes spaces after the header, tensors in any order, and none at all", () => {
  const shuffled = `{${entry("b", "U8", "[3]", 2, 5)},${entry("a", "F16", "[1]", 0, 2)}}   `;
  const { tensors, dataOffset } = readSafetensorsHeader(
    new MemorySource(safetensorsBytes(shuffled, 5)),
  );
  assertEquals([...tensors.keys()], ["b", "a"]);
  assertEquals(tensors.get("b")?.offset, dataOffset + 2);
  assertEquals(readSafetensorsHeader(new MemorySource(safetensorsBytes("{}", 0))).tensors.size, 0);
});

Deno.test("readSafetensorsHeader() takes tensors without elements anywhere between others", () => {
  const empty = ["e1", "e2"].map((name) => entry(name, "F32", "[0,7]", 2, 2));
  const header = `{${entry("b", "U8", "[3]", 2, 5)},${empty.join(",")},${
    entry("a", "F16", "[1]", 0, 2)
  },${entry("e3", "F32", "[0]", 5, 5)}}`;
  const { tensors } = readSafetensorsHeader(new MemorySource(safetensorsBytes(header, 5)));
  assertEquals(tensors.get("e2")?.byteLength, 0);
});

Deno.test("readSafetensorsHeader() takes names that mean something in JavaScript objects", () => {
  const names = ["constructor", "toString", "7"];
  const header = `{${names.map((name, i) => entry(name, "U8", "[1]", i, i + 1)).join(",")}}`;
  const { tensors } = readSafetensorsHeader(new MemorySource(safetensorsBytes(header, 3)));
  assertEquals([...tensors.keys()], names);
});

Deno.test("readSafetensorsHeader() reads only the header of a file", () => {
  const source = new MemorySource(
    safetensorsBytes(`{${entry("a", "U8", "[1000000]", 0, 1000000)}}`, 1000000),
  );
  let numBytes = 0;
  const { dataOffset } = readSafetensorsHeader({
    size: source.size,
    readInto: (offset, target) => source.readInto(offset, target),
    read: (offset, length) => (numBytes += length, source.read(offset, length)),
  });
  assertEquals(numBytes, dataOffset);
});
