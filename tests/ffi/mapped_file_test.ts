import { assertEquals, assertThrows } from "@std/assert";
import { MappedFile } from "../../src/ffi/mapped_file.ts";
import { openLibrarySync } from "../../src/native_library/native_library.ts";

const isMapping = Deno.build.os !== "windows";
openLibrarySync();

/** Calls `test` with a file of the bytes 0 to 255, sixteen times. */
function withFile(test: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, Uint8Array.from({ length: 4096 }, (_, i) => i));
  try {
    test(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test({
  name: "MappedFile shows the bytes of a file, from any offset",
  ignore: !isMapping,
  fn: () =>
    withFile((path) => {
      using file = MappedFile.open(path, Deno.statSync(path))!;
      assertEquals(file.byteLength, 4096);
      assertEquals([...file.view(250, 8)], [250, 251, 252, 253, 254, 255, 0, 1]);
      assertEquals([...file.view(4095, 1)], [255]);
      // Given back, it is read again.
      file.giveBack();
      assertEquals([...file.view(4095, 1)], [255]);
      const address = Deno.UnsafePointer.value(file.address(100, 1));
      assertEquals(address - Deno.UnsafePointer.value(file.pointer), 100n);
    }),
});

Deno.test("MappedFile does not map another file than the one that is meant", () =>
  withFile((path) => {
    const info = Deno.statSync(path);
    assertEquals(MappedFile.open(path, { ...info, size: 4095 }), undefined);
    assertEquals(MappedFile.open(path, { ...info, ino: (info.ino ?? 0) + 1 }), undefined);
    assertEquals(MappedFile.open(path, { ...info, dev: info.dev + 1 }), undefined);
    assertEquals(MappedFile.open(path, { ...info, ino: null }), undefined);
    assertEquals(MappedFile.open(`${path}.missing`, info), undefined);
  }));

Deno.test({
  name: "MappedFile refuses to look outside the file, and after it was disposed of",
  ignore: !isMapping,
  fn: () =>
    withFile((path) => {
      const file = MappedFile.open(path, Deno.statSync(path))!;
      for (const [offset, length] of [[-1, 1], [0, 4097], [4096, 1], [0, -1], [NaN, 1]]) {
        assertThrows(() => file.view(offset, length), RangeError, "4096 bytes");
        assertThrows(() => file.address(offset, length), RangeError, "4096 bytes");
      }
      file[Symbol.dispose]();
      file[Symbol.dispose]();
      assertThrows(() => file.view(0, 1), TypeError, "disposed");
    }),
});
