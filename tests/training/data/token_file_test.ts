import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { openLibrarySync } from "../../../src/native_library/native_library.ts";
import { TokenFile } from "../../../src/training/data/token_file.ts";
import { withFiles } from "./with_files.ts";

const TOKENS = [5, 0, 65535, 258, 7];

function bytesOf(array: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): Uint8Array {
  return new Uint8Array(array.buffer);
}

function read(file: TokenFile, start: number, count: number): number[] {
  const into = new Int32Array(count);
  file.read(start, count, into);
  return Array.from(into);
}

/** What is read with the library open is mapped: that comes after what is read without. */
for (const how of ["as a file", "mapped"]) {
  const isMapped = how === "mapped" && Deno.build.os !== "windows";
  const prepare = () => {
    if (how === "mapped") openLibrarySync();
  };

  Deno.test(`TokenFile reads tokens of both widths ${how}`, async () => {
    prepare();
    await withFiles({
      "short.bin": bytesOf(Uint16Array.from(TOKENS)),
      "long.bin": bytesOf(Uint32Array.from([...TOKENS, 100_000])),
      "empty.bin": "",
    }, async (folder) => {
      using short = await TokenFile.open(`${folder}/short.bin`);
      assertEquals(short.isMapped, isMapped);
      assertEquals([short.length, read(short, 0, 5)], [5, TOKENS]);
      assertEquals([read(short, 1, 3), read(short, 5, 0)], [TOKENS.slice(1, 4), []]);
      using long = await TokenFile.open(`${folder}/long.bin`, { dtype: "uint32" });
      assertEquals([long.length, read(long, 2, 4)], [6, [65535, 258, 7, 100_000]]);
      using empty = await TokenFile.open(`${folder}/empty.bin`);
      assertEquals([empty.length, read(empty, 0, 0)], [0, []]);
      const into = Int32Array.of(1, 2, 3);
      short.read(3, 2, into);
      assertEquals([...into], [258, 7, 3]);
    });
  });

  Deno.test(`TokenFile gives nothing from outside of its file, nor after its end, ${how}`, async () => {
    prepare();
    await withFiles({ "a.bin": bytesOf(Uint16Array.from(TOKENS)) }, async (folder) => {
      const file = await TokenFile.open(`${folder}/a.bin`);
      for (const [start, count] of [[-1, 2], [4, 2], [6, 0], [0.5, 1], [0, -1], [NaN, 1]]) {
        assertThrows(() => file.read(start, count, new Int32Array(9)), RangeError, "there are 5");
      }
      assertThrows(() => file.read(0, 3, new Int32Array(2)), RangeError, "room for 2");
      file[Symbol.dispose]();
      file[Symbol.dispose]();
      assertThrows(() => read(file, 0, 1), TypeError);
    });
  });
}

Deno.test("TokenFile names a token that is not in the vocabulary, and where it is", () =>
  withFiles({
    "a.bin": bytesOf(Uint16Array.from(TOKENS)),
    "long.bin": bytesOf(new Uint16Array(2 ** 20).fill(9, 2 ** 20 - 1)),
  }, async (folder) => {
    const refused = (name: string, vocabSize: number, message: string) =>
      assertRejects(
        () => TokenFile.open(`${folder}/${name}`, { vocabSize }),
        FileFormatError,
        message,
      );
    await refused("a.bin", 259, "not in the vocabulary of 259, at position 2: received 65535");
    await refused("a.bin", 5, "at position 0: received 5");
    await refused("long.bin", 9, `at position ${2 ** 20 - 1}: received 9`);
    using file = await TokenFile.open(`${folder}/long.bin`, { vocabSize: 10 });
    assertEquals(file.length, 2 ** 20);
  }));

Deno.test("TokenFile refuses a file that ends within a token, and one that is not there", () =>
  withFiles(
    { "a.bin": Uint8Array.of(1, 0, 2), "b.bin": Uint8Array.of(1, 0, 2, 0, 3, 0) },
    async (folder) => {
      const message = "it is not a whole number of uint";
      await assertRejects(() => TokenFile.open(`${folder}/a.bin`), FileFormatError, message);
      const options = { dtype: "uint32" } as const;
      await assertRejects(
        () => TokenFile.open(`${folder}/b.bin`, options),
        FileFormatError,
        message,
      );
      await assertRejects(() => TokenFile.open(`${folder}/c.bin`), Deno.errors.NotFound);
    },
  ));

Deno.test("TokenFile.open() refuses options that are none", () =>
  withFiles({ "a.bin": bytesOf(Uint16Array.from(TOKENS)) }, async (folder) => {
    for (const dtype of ["int64", "__proto__", "toString", null, 2]) {
      for (const options of [{ dtype }, { dtype, trainPath: "a" }]) {
        const open = () => TokenFile.open(`${folder}/a.bin`, options as { dtype: "uint16" });
        const error = await assertRejects(open, Error, "Cannot read tokens: dtype must be one of");
        assert(error instanceof TypeError || error instanceof RangeError, error.name);
      }
    }
    for (const vocabSize of [-1, 0, 1.5]) {
      const open = () => TokenFile.open(`${folder}/a.bin`, { vocabSize });
      await assertRejects(open, RangeError, "vocabSize must be an integer");
    }
  }));
