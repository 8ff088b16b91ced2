import { assertEquals, assertThrows } from "@std/assert";
import {
  rowBytes,
  tensorBytes,
  type TensorType,
  tensorTypeInfo,
  tensorTypeOfId,
} from "../../src/formats/tensor_type.ts";

const FIXTURES = new URL("../fixtures/formats/", import.meta.url);

interface ExpectedTensor {
  readonly shape: number[];
  readonly type: TensorType;
  readonly byteLength: number;
}

Deno.test("tensorBytes() agrees with the Python library", () => {
  const { gguf } = JSON.parse(Deno.readTextFileSync(new URL("expected.json", FIXTURES)));
  for (const { type, shape, byteLength } of Object.values(gguf) as ExpectedTensor[]) {
    assertEquals(tensorBytes(type, shape), byteLength, type);
  }
});

Deno.test("tensorTypeOfId() finds each type by its number, and no other", () => {
  const found = Array.from({ length: 64 }, (_, id) => tensorTypeOfId(id)).filter((type) =>
    type !== undefined
  );
  assertEquals(found.length, 33);
  for (const type of found) assertEquals(tensorTypeOfId(tensorTypeInfo(type).id), type);
});

Deno.test("rowBytes() counts whole blocks, and refuses anything else", () => {
  assertEquals(rowBytes("f32", 3), 12);
  assertEquals(rowBytes("q8_0", 64), 68);
  assertEquals(rowBytes("q4_k", 768), 432);
  assertEquals(rowBytes("q4_0", 0), 0);
  assertThrows(
    () => rowBytes("q4_0", 33),
    RangeError,
    "Cannot store a row as q4_0: its width must be a multiple of 32: received 33",
  );
  // Half a block of q4_0 is a whole number of bytes.
  assertThrows(() => rowBytes("q4_0", 16), RangeError, "a multiple of 32: received 16");
  assertThrows(() => rowBytes("q6_k", 1600), RangeError, "a multiple of 256: received 1600");
  for (const width of [-32, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => rowBytes("f32", width), RangeError);
  }
});

Deno.test("tensorBytes() refuses sizes that are not positive integers, and products beyond 2^53", () => {
  assertEquals(tensorBytes("f16", [2, 3, 4]), 48);
  for (
    const shape of [[0], [2, 0], [0, 2], [-1, 4], [1.5, 4], [2 ** 32, 2 ** 32], [2 ** 52, 4], [
      2 ** 27,
      2 ** 27,
      2 ** 27,
    ]]
  ) {
    assertThrows(() => tensorBytes("f32", shape), RangeError, "Cannot ", `${shape}`);
  }
});
