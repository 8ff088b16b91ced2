import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { StorageError } from "../../src/base/errors.ts";
import {
  type ByteChunks,
  writeFileAtomically,
  type WriteProgress,
} from "../../src/base/atomic_file.ts";
import { inFolder } from "../formats/in_folder.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** The promise is 100 ms; a machine that is busy may be later in waking this process up. */
const MAX_ABORT_MS = 250;
const OLD = "what was there before";

/** Runs a test in a folder with a file `old`, and requires that no temporary file is left in it. */
function besideOldFile(test: (folder: string) => Promise<void>): () => Promise<void> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/old`, OLD);
    await test(folder);
    const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name);
    assertEquals(names.filter((name) => name.includes("incomplete")), []);
  });
}

async function* endless(): AsyncGenerator<Uint8Array> {
  while (true) {
    yield new Uint8Array(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Runs `body` while files that are opened for writing are on a full disk. */
async function onFullDisk(body: () => Promise<void>): Promise<void> {
  const { write } = Deno.FsFile.prototype;
  using full = await Deno.open("/dev/full", { write: true });
  Deno.FsFile.prototype.write = (bytes) => write.call(full, bytes);
  try {
    await body();
  } finally {
    Deno.FsFile.prototype.write = write;
  }
}

Deno.test(
  "writeFileAtomically() writes chunks of all sizes, and reports progress",
  besideOldFile(async (folder) => {
    const large = new Uint8Array(9 * 1024 * 1024).map((_, i) => i % 251);
    const chunks = [new Uint8Array([1, 2]), new Uint8Array(0), large, new Uint8Array([3])];
    const totalBytes = large.length + 3;
    const progress: WriteProgress[] = [];
    await writeFileAtomically(`${folder}/new`, totalBytes, chunks, {
      onProgress: (step) => progress.push(step),
    });
    const written = await Deno.readFile(`${folder}/new`);
    assertEquals(written.length, totalBytes);
    assertEquals([written[0], written[1], written.at(-1)], [1, 2, 3]);
    assert(large.every((byte, i) => written[i + 2] === byte));
    assertEquals(progress.map((step) => step.writtenBytes), [
      2,
      2 + 2 ** 23,
      2 + large.length,
      totalBytes,
    ]);
    assert(progress.every((step) => step.totalBytes === totalBytes));
  }),
);

Deno.test(
  "writeFileAtomically() replaces a file only when the new one is complete",
  besideOldFile(async (folder) => {
    const path = `${folder}/old`;
    async function* watched(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode("ne");
      assertEquals(await Deno.readTextFile(path), OLD);
      yield new TextEncoder().encode("w");
    }
    await writeFileAtomically(path, 3, watched());
    assertEquals(await Deno.readTextFile(path), "new");
  }),
);

Deno.test(
  "writeFileAtomically() leaves everything as it was when the chunks fail, or are too few or too many",
  besideOldFile(async (folder) => {
    const path = `${folder}/old`;
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(new Uint8Array(3));
      throw new TypeError("from the producer");
    }
    await assertRejects(
      () => writeFileAtomically(path, 6, failing()),
      TypeError,
      "from the producer",
    );
    await assertRejects(
      () => writeFileAtomically(path, 6, [new Uint8Array(5)]),
      RangeError,
      "it must get 6 bytes: received 5",
    );
    await assertRejects(
      () => writeFileAtomically(path, 6, [new Uint8Array(7)]),
      RangeError,
      "it must get 6 bytes: received 7",
    );
    const onProgress = () => {
      throw new TypeError("from the callback");
    };
    await assertRejects(
      () => writeFileAtomically(path, 1, [new Uint8Array(1)], { onProgress }),
      TypeError,
      "from the callback",
    );
    assertEquals(await Deno.readTextFile(path), OLD);
  }),
);

Deno.test(
  "writeFileAtomically() does nothing when it is aborted before it begins",
  besideOldFile(async (folder) => {
    const error = await assertRejects(
      () => writeFileAtomically(`${folder}/new`, 1000, endless(), { signal: AbortSignal.abort() }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals(Array.from(Deno.readDirSync(folder)).length, 1);
  }),
);

Deno.test(
  "writeFileAtomically() stops within 100 ms when it is aborted, and tells the producer",
  besideOldFile(async (folder) => {
    const never = Promise.withResolvers<never>();
    let returned = 0;
    const stuck: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => never.promise,
        return: () => {
          returned++;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const producers: ByteChunks[] = [endless(), stuck];
    for (const chunks of producers) {
      const controller = new AbortController();
      const writing = writeFileAtomically(`${folder}/old`, 1e9, chunks, {
        signal: controller.signal,
      });
      let abortedMs = 0;
      setTimeout(() => {
        abortedMs = performance.now();
        controller.abort();
      }, 20);
      const error = await assertRejects(() => writing, DOMException);
      assertEquals(error.name, "AbortError");
      assertLess(performance.now() - abortedMs, MAX_ABORT_MS);
    }
    assertEquals(returned, 1);
    assertEquals(await Deno.readTextFile(`${folder}/old`), OLD);
  }),
);

Deno.test({
  name: "writeFileAtomically() says how many bytes were needed when the disk is full",
  ignore: Deno.build.os !== "linux",
  fn: besideOldFile(async (folder) => {
    const path = `${folder}/old`;
    await onFullDisk(async () => {
      const error = await assertRejects(
        () => writeFileAtomically(path, 123456, endless()),
        StorageError,
      );
      assertEquals(
        error.message,
        `Cannot write "${path}": there is no space left: received ENOSPC after 0 of the 123456 bytes needed. ` +
          "Make room, or choose another folder. Nothing that was there before has changed.",
      );
    });
    assertEquals(await Deno.readTextFile(path), OLD);
  }),
});

Deno.test(
  "writeFileAtomically() says why a place cannot be written",
  besideOldFile(async (folder) => {
    const cases = [
      [`${folder}/none/new`, "its folder does not exist: received ENOENT"],
      [
        `${folder}/old/new`,
        `its folder does not exist: received ${IS_WINDOWS ? "ENOENT" : "ENOTDIR"}`,
      ],
      [folder, "it exists and is not a regular file: received a folder"],
      [
        `${folder}/${"n".repeat(300)}`,
        IS_WINDOWS
          ? "the system lets no file have that name: received ENOENT"
          : "lets no file have so long a name: received ENAMETOOLONG",
      ],
      [`${folder}/a\0b`, "the system refused: received EINVAL"],
    ];
    if (!IS_WINDOWS) {
      cases.push(["/dev/null", "it exists and is not a regular file: received a FIFO or device"]);
    }
    if (Deno.build.os === "linux") {
      cases.push(["/proc/new", "its folder takes no new files: received ENOENT"]);
      cases.push(["/sys/new", "the system does not let this user write there: received EACCES"]);
    }
    for (const [path, message] of cases) {
      const error = await assertRejects(
        () => writeFileAtomically(path, 1, [new Uint8Array(1)]),
        StorageError,
        message,
      );
      assertMatch(error.message, /^Cannot write ".+": .+: received .+\. [A-Z].+\.$/);
    }
  }),
);

Deno.test({
  name: "writeFileAtomically() names the file that was asked for if --allow-write is missing",
  permissions: { read: true, write: false },
  async fn() {
    const { message } = await assertRejects(
      () => writeFileAtomically("folder/x", 0, []),
      Deno.errors.NotCapable,
    );
    assertEquals(
      message,
      'Cannot write "folder/x": Deno was started without --allow-write for its folder: received no ' +
        "write access. Run with --allow-write.",
    );
  },
});
