import { assert, assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../src/base/errors.ts";
import { takeFileLock, tryFileLock } from "../../src/base/file_lock.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

Deno.test("takeFileLock() lets one after another in", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("lock");
  let numInside = 0;
  let max = 0;
  await Promise.all([1, 2, 3].map(async () => {
    using _lock = await takeFileLock(path);
    max = Math.max(max, ++numInside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    numInside--;
  }));
  assertEquals(max, 1);
});

Deno.test("takeFileLock() stops waiting at a signal, with its reason", async () => {
  using folder = new TemporaryFolder();
  using _held = await takeFileLock(folder.file("lock"));
  const timeout = AbortSignal.timeout(20);
  const start = performance.now();
  const error = await assertRejects(() => takeFileLock(folder.file("lock"), { signal: timeout }));
  assertEquals((error as Error).name, "TimeoutError");
  assert(performance.now() - start < 500);
  // Be it whatever: also what looks as if the system had refused something.
  for (const reason of ["text", 7, Object.assign(new Error("mine"), { code: "EIO" })]) {
    const stopped: unknown = await takeFileLock(folder.file("lock"), {
      signal: AbortSignal.abort(reason),
    }).catch((error) => error);
    const controller = new AbortController();
    const waiting = takeFileLock(folder.file("lock"), { signal: controller.signal });
    controller.abort(reason);
    assertEquals([stopped, await waiting.catch((error) => error)], [reason, reason]);
  }
});

Deno.test("takeFileLock() says that the system refuses", async () => {
  using folder = new TemporaryFolder();
  await assertRejects(
    () => takeFileLock(folder.file("none/lock")),
    StorageError,
    "its folder does not exist: received ENOENT",
  );
});

Deno.test("takeFileLock() does not take a file that its holder has removed", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("lock");
  const { openSync } = Deno;
  let numOpened = 0;
  Deno.openSync = (...args) => {
    const file = openSync(...args);
    // Just now another process, such as one of Python's, removes the file and frees the lock.
    if (numOpened++ === 0) Deno.removeSync(path);
    return file;
  };
  try {
    using _lock = await takeFileLock(path);
    assertEquals(numOpened, 2);
    assert(Deno.statSync(path).isFile);
  } finally {
    Deno.openSync = openSync;
  }
});

Deno.test("takeFileLock() says once that it has to wait", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("lock");
  const events: string[] = [];
  let second: Promise<void>;
  {
    using _first = await takeFileLock(path, { onWait: () => events.push("first waits") });
    events.push("first begins");
    second = takeFileLock(path, { onWait: () => events.push("second waits") }).then((lock) => {
      using _lock = lock;
      events.push("second begins");
    });
    await new Promise((resolve) => setTimeout(resolve, 150)); // It looks more than once.
    events.push("first ends");
  }
  await second;
  assertEquals(events, ["first begins", "second waits", "first ends", "second begins"]);
});

Deno.test("takeFileLock() lets those in together who share it, and nobody who wants it alone", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("lock");
  {
    using _first = await takeFileLock(path, { isShared: true });
    using _second = await takeFileLock(path, { isShared: true });
    assertEquals(tryFileLock(path), undefined);
  }
  using alone = tryFileLock(path);
  assert(alone !== undefined);
  assertEquals(tryFileLock(path, true), undefined);
});

for (const [what, target] of [["a file", "outside"], ["nothing", "nowhere"]]) {
  Deno.test({
    name: `takeFileLock() does not follow a link to ${what}`,
    ignore: Deno.build.os === "windows", // Not everyone may make links there.
    fn: async () => {
      using folder = new TemporaryFolder();
      Deno.writeTextFileSync(folder.file("outside"), "as it was");
      Deno.symlinkSync(folder.file(target), folder.file("lock"));
      await assertRejects(() => takeFileLock(folder.file("lock")), StorageError, "received a link");
      assertEquals(folder.names(), ["lock", "outside"]);
      assertEquals(Deno.readTextFileSync(folder.file("outside")), "as it was");
    },
  });
}
