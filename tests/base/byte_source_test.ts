import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { FileFormatError, StorageError } from "../../src/base/errors.ts";
import { MemorySource, openRegularFile } from "../../src/base/byte_source.ts";
import { inFolder } from "../formats/in_folder.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** A file that its attributes forbid to read even to root: it can only be written. */
const WRITE_ONLY_FILE = "/sys/bus/platform/drivers_probe";

/** The memory of this process, as a file: reading or measuring it fails. */
const UNREADABLE_FILE = "/proc/self/mem";

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test(
  "openRegularFile() gives the bytes of a file, from any offset",
  inFolder((folder) => {
    const path = `${folder}/f`;
    Deno.writeFileSync(path, new Uint8Array([1, 2, 3, 4, 5]));
    using source = openRegularFile(path);
    assertEquals([source.size, source.path], [5, path]);
    assertEquals([...source.read(3, 2)], [4, 5]);
    assertEquals([...source.read(0, 5)], [1, 2, 3, 4, 5]);
    assertEquals(source.read(5, 0).length, 0);
    const target = new Uint8Array(4);
    source.readInto(1, target.subarray(1, 3));
    assertEquals([...target], [0, 2, 3, 0]);
  }),
);

Deno.test(
  "FileSource.read() and MemorySource.read() refuse spans outside",
  inFolder((folder) => {
    Deno.writeFileSync(`${folder}/f`, new Uint8Array(5));
    using file = openRegularFile(`${folder}/f`);
    for (const source of [file, new MemorySource(new Uint8Array(5))]) {
      for (
        const [offset, length] of [[-1, 2], [0, 6], [6, 0], [4, 2], [0, -1], [0.5, 1], [NaN, 1], [
          0,
          2 ** 60,
        ]]
      ) {
        assertThrows(
          () => source.read(offset, length),
          RangeError,
          "within 5 bytes: received offset",
        );
      }
      assertThrows(() => source.readInto(3, new Uint8Array(3)), RangeError, "within 5 bytes");
    }
  }),
);

Deno.test("MemorySource.readInto() copies", () => {
  const target = new Uint8Array(2);
  new MemorySource(new Uint8Array([1, 2, 3])).readInto(1, target);
  assertEquals([...target], [2, 3]);
});

Deno.test(
  "FileSource.read() says that a file became shorter, or was closed",
  inFolder((folder) => {
    const path = `${folder}/f`;
    Deno.writeFileSync(path, new Uint8Array(100));
    const source = openRegularFile(path);
    Deno.truncateSync(path, 60);
    assertEquals(source.read(0, 60).length, 60);
    assertThrows(
      () => source.read(50, 20),
      FileFormatError,
      "shorter than the 100 bytes it had when it was opened: received 60",
    );
    source[Symbol.dispose]();
    source[Symbol.dispose]();
    assertThrows(() => source.read(0, 1), TypeError, "the file is closed");
  }),
);

Deno.test(
  "openRegularFile() refuses what is no file as not found",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/f`, "");
    // Windows says of a name that no file can have that there is none.
    const impossible = IS_WINDOWS ? "there is no such file" : "no file can have this name";
    const cases = [
      [`${folder}/none`, "there is no such file"],
      [`${folder}/f/below`, "there is no such file"],
      [folder, "it is not a regular file: received a folder"],
      [`${folder}/${"n".repeat(300)}`, impossible],
      [`${folder}/a\0b`, "no file can have this name"],
      ["n/".repeat(5000), impossible],
    ];
    for (const [path, message] of cases) {
      const error = assertThrows(() => openRegularFile(path), Deno.errors.NotFound, message);
      assertMatch(error.message, /^Cannot open ".+": .+: received .+\. Check the path\.$/);
    }
  }),
);

Deno.test({
  name: "openRegularFile() refuses a link that leads to itself as not found",
  ignore: IS_WINDOWS, // Not everyone may make links there.
  fn: inFolder((folder) => {
    Deno.symlinkSync(`${folder}/circle`, `${folder}/circle`);
    for (const path of [`${folder}/circle`, `${folder}/circle/below`]) {
      assertThrows(() => openRegularFile(path), Deno.errors.NotFound, "leads to itself");
    }
  }),
});

Deno.test({
  name: "openRegularFile() says that the system does not let a file be read",
  ignore: IS_WINDOWS || !exists(UNREADABLE_FILE), // Wine has one, which can be read.
  fn() {
    assertThrows(
      () => openRegularFile(UNREADABLE_FILE),
      StorageError,
      'Cannot read "/proc/self/mem": the system refused: received E',
    );
  },
});

Deno.test({
  name: "openRegularFile() refuses a FIFO and a device at once, without opening them",
  ignore: IS_WINDOWS,
  fn: inFolder((folder) => {
    const { success } = new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync();
    assertEquals(success, true);
    assertThrows(() => openRegularFile(`${folder}/fifo`), Deno.errors.NotFound, "received a FIFO");
    assertThrows(() => openRegularFile("/dev/zero"), Deno.errors.NotFound, "received a device");
  }),
});

Deno.test({
  name: "openRegularFile() says that a file may not be read",
  ignore: IS_WINDOWS || Deno.uid() === 0,
  fn: inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/f`, "secret", { mode: 0 });
    assertThrows(
      () => openRegularFile(`${folder}/f`),
      Deno.errors.PermissionDenied,
      "does not let this user read it",
    );
  }),
});

Deno.test({
  name: "openRegularFile() says that a write-only file may not be read",
  ignore: !exists(WRITE_ONLY_FILE),
  fn() {
    assertThrows(
      () => openRegularFile(WRITE_ONLY_FILE),
      Deno.errors.PermissionDenied,
      "received EACCES",
    );
  },
});

Deno.test({
  name: "openRegularFile() leaves it to Deno to say that --allow-read is missing",
  permissions: { read: false },
  fn() {
    assertThrows(() => openRegularFile("x"), Deno.errors.NotCapable, "--allow-read");
  },
});
