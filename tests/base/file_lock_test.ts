import { assert, assertEquals, assertRejects } from "@std/assert";
import { takeFileLock } from "../../src/base/file_lock.ts";
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

Deno.test("takeFileLock() stops waiting at a signal", async () => {
  using folder = new TemporaryFolder();
  using _held = await takeFileLock(folder.file("lock"));
  const signal = AbortSignal.timeout(20);
  const start = performance.now();
  const error = await assertRejects(() => takeFileLock(folder.file("lock"), signal));
  assertEquals((error as Error).name, "TimeoutError");
  assert(performance.now() - start < 500);
});

Deno.test("takeFileLock() does not take a file that its holder has removed", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("lock");
  const { open } = Deno;
  let numOpened = 0;
  Deno.open = async (...args) => {
    const file = await open(...args);
    // Just now another process, such as one of Python's, removes the file and frees the lock.
    if (numOpened++ === 0) Deno.removeSync(path);
    return file;
  };
  try {
    using _lock = await takeFileLock(path);
    assertEquals(numOpened, 2);
    assert(Deno.statSync(path).isFile);
  } finally {
    Deno.open = open;
  }
});
