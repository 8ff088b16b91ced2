import { assert, assertEquals, assertThrows } from "@std/assert";
import { NativeLibraryError } from "../../src/base/errors.ts";
import { type LibraryCandidate, pathOf } from "../../src/native_library/candidate.ts";
import { extractFrom } from "../../src/native_library/extract_library.ts";
import { libraryFileName, stampPathOf } from "../../src/native_library/build_stamp.ts";

const name = libraryFileName();
const BYTES = Uint8Array.from({ length: 1_000_001 }, (_, i) => (i * 2654435761) >>> 13);
const SHA256 = "5a".repeat(32);
const isPosix = Deno.build.os !== "windows";
const isRoot = Deno.uid() === 0;

/** A program's folder with a library in it, and folders to copy it to. */
class Sandbox implements Disposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "gpt2-embedded-" }));
  readonly embedded = `${this.folder}/program`;
  readonly cache = `${this.folder}/cache/libraries`;
  readonly other = `${this.folder}/other`;
  readonly path = `${this.cache}/${SHA256}/${name}`;

  constructor() {
    Deno.mkdirSync(this.embedded);
    Deno.writeFileSync(`${this.embedded}/${name}`, BYTES);
    const stamp = { sha256: SHA256, abiVersion: 1, cpuId: 2, backend: "cpu", inputs: {} };
    Deno.writeTextFileSync(stampPathOf(`${this.embedded}/${name}`), JSON.stringify(stamp));
  }

  extract(folders: string[] = [this.cache, this.other]): string | undefined {
    return pathIfAny(extractFrom(this.embedded, folders));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function pathIfAny(candidate: LibraryCandidate | undefined): string | undefined {
  return candidate && pathOf(candidate);
}

function assertWhole(path: string | undefined): void {
  assertEquals(Deno.readFileSync(path!), BYTES);
}

Deno.test("extractFrom() copies the library into a folder of its version, for this user alone", () => {
  using sandbox = new Sandbox();
  const candidate = extractFrom(sandbox.embedded, [sandbox.cache])!;
  assertEquals(pathOf(candidate), sandbox.path);
  assertEquals(candidate.stamp?.sha256, SHA256);
  assertWhole(pathOf(candidate));
  assertEquals(Array.from(Deno.readDirSync(`${sandbox.cache}/${SHA256}`), ({ name }) => name), [
    name,
  ]);
  if (!isPosix) return;
  for (const folder of [sandbox.cache, `${sandbox.cache}/${SHA256}`]) {
    assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
  }
  assertEquals(Deno.statSync(pathOf(candidate)).mode! & 0o777, 0o600);
});

Deno.test("extractFrom() leaves a good copy alone", () => {
  using sandbox = new Sandbox();
  sandbox.extract();
  const before = Deno.statSync(sandbox.path);
  assertEquals(sandbox.extract(), sandbox.path);
  const after = Deno.statSync(sandbox.path);
  assertEquals([after.ino, after.mtime], [before.ino, before.mtime]);
});

const damages: Record<string, (sandbox: Sandbox) => void> = {
  "with a changed last byte": ({ path }) => {
    const bytes = BYTES.slice();
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
  },
  "with a changed byte": ({ path }) => {
    const bytes = BYTES.slice();
    bytes[4_001] ^= 128;
    Deno.writeFileSync(path, bytes);
  },
  "that was cut off": ({ path }) => Deno.truncateSync(path, 100),
  "that is empty": ({ path }) => Deno.truncateSync(path, 0),
  "that grew": ({ path }) => Deno.writeFileSync(path, BYTES.slice(0, 8), { append: true }),
  "that is gone": ({ path }) => Deno.removeSync(path),
};
for (const [what, damage] of Object.entries(damages)) {
  Deno.test(`extractFrom() replaces a copy ${what}`, () => {
    using sandbox = new Sandbox();
    sandbox.extract();
    damage(sandbox);
    assertEquals(sandbox.extract(), sandbox.path);
    assertWhole(sandbox.path);
  });
}

Deno.test("extractFrom() takes the copy of a faster process, where no file in use is replaced", () => {
  using sandbox = new Sandbox();
  const { renameSync } = Deno;
  Deno.renameSync = (from, to) => {
    renameSync(from, to);
    throw new Deno.errors.PermissionDenied("Access denied. (os error 5)");
  };
  try {
    assertEquals(sandbox.extract(), sandbox.path);
    assertWhole(sandbox.path);
    // What is in use and is no whole copy is not taken.
    Deno.truncateSync(sandbox.path, 100);
    Deno.renameSync = () => {
      throw new Deno.errors.PermissionDenied("Access denied. (os error 5)");
    };
    assertThrows(() => sandbox.extract([sandbox.cache]), NativeLibraryError, "Access denied");
  } finally {
    Deno.renameSync = renameSync;
  }
});

Deno.test({
  name: "extractFrom() replaces a symbolic link, and does not touch what it points to",
  ignore: !isPosix,
  fn() {
    using sandbox = new Sandbox();
    sandbox.extract();
    const target = `${sandbox.folder}/target`;
    // With the right contents: whoever owns the target could change them a moment later.
    for (const contents of [BYTES, new Uint8Array(3)]) {
      Deno.writeFileSync(target, contents);
      Deno.removeSync(sandbox.path);
      Deno.symlinkSync(target, sandbox.path);
      assertEquals(sandbox.extract(), sandbox.path);
      assert(Deno.lstatSync(sandbox.path).isFile);
      assertWhole(sandbox.path);
      assertEquals(Deno.readFileSync(target), contents);
    }
  },
});

Deno.test({
  name: "extractFrom() replaces a file of another user",
  ignore: !isRoot,
  fn() {
    using sandbox = new Sandbox();
    sandbox.extract();
    Deno.chownSync(sandbox.path, 12345, 12345);
    sandbox.extract();
    assertEquals(Deno.statSync(sandbox.path).uid, 0);
    assertWhole(sandbox.path);
  },
});

const badFolders: Record<string, { ignore: boolean; spoil: (sandbox: Sandbox) => void }> = {
  "cannot be made": {
    ignore: false,
    spoil: ({ folder }) => Deno.writeTextFileSync(`${folder}/cache`, "a file"),
  },
  "is a symbolic link": {
    ignore: !isPosix,
    spoil({ folder, cache }) {
      Deno.mkdirSync(`${folder}/elsewhere`);
      Deno.mkdirSync(`${folder}/cache`);
      Deno.symlinkSync(`${folder}/elsewhere`, cache);
    },
  },
  "has a version folder that is a symbolic link": {
    ignore: !isPosix,
    spoil({ folder, cache }) {
      Deno.mkdirSync(`${folder}/elsewhere`);
      Deno.mkdirSync(cache, { recursive: true });
      Deno.symlinkSync(`${folder}/elsewhere`, `${cache}/${SHA256}`);
    },
  },
  "belongs to another user": {
    ignore: !isRoot,
    spoil({ cache }) {
      Deno.mkdirSync(cache, { recursive: true });
      Deno.chownSync(cache, 12345, 12345);
    },
  },
  "has a version folder of another user": {
    ignore: !isRoot,
    spoil({ cache }) {
      Deno.mkdirSync(`${cache}/${SHA256}`, { recursive: true });
      Deno.chownSync(`${cache}/${SHA256}`, 12345, 12345);
    },
  },
  "lies below a folder of another user": {
    ignore: !isRoot,
    spoil({ folder }) {
      Deno.mkdirSync(`${folder}/cache`);
      Deno.chownSync(`${folder}/cache`, 12345, 12345);
    },
  },
  "lies below a folder that others may write to": {
    ignore: !isPosix,
    spoil({ folder }) {
      Deno.mkdirSync(`${folder}/cache`);
      Deno.chmodSync(`${folder}/cache`, 0o777);
    },
  },
};
for (const [what, { ignore, spoil }] of Object.entries(badFolders)) {
  Deno.test({
    name: `extractFrom() uses the next folder where one ${what}`,
    ignore,
    fn() {
      using sandbox = new Sandbox();
      spoil(sandbox);
      const path = sandbox.extract();
      assertEquals(path, `${sandbox.other}/${SHA256}/${name}`);
      assertWhole(path);
    },
  });
}

Deno.test({
  name: "extractFrom() accepts a folder below one like /tmp, and closes its own",
  ignore: !isPosix,
  fn() {
    using sandbox = new Sandbox();
    Deno.mkdirSync(sandbox.cache, { recursive: true });
    Deno.chmodSync(`${sandbox.folder}/cache`, 0o1777);
    Deno.chmodSync(sandbox.cache, 0o777);
    assertEquals(sandbox.extract(), sandbox.path);
    assertEquals(Deno.statSync(sandbox.cache).mode! & 0o777, 0o700);
  },
});

Deno.test("extractFrom() says why no folder will do", () => {
  using sandbox = new Sandbox();
  Deno.writeTextFileSync(`${sandbox.folder}/cache`, "a file");
  const error = assertThrows(
    () => sandbox.extract([sandbox.cache]),
    NativeLibraryError,
    "must be copied out of this program",
  );
  assert(error.message.includes("Set XDG_CACHE_HOME"), error.message);
  assertThrows(() => sandbox.extract([]), NativeLibraryError, "no such folder");
});

Deno.test("extractFrom() finds nothing in a program without a library", () => {
  using sandbox = new Sandbox();
  assertEquals(extractFrom(`${sandbox.folder}/nothing`, [sandbox.cache]), undefined);
});

Deno.test("extractFrom() removes what a killed process left behind", () => {
  using sandbox = new Sandbox();
  sandbox.extract();
  const left = `${sandbox.path}.0123abcd.gpt2.incomplete`;
  Deno.writeTextFileSync(left, "half a libr");
  Deno.removeSync(sandbox.path);
  sandbox.extract();
  assertEquals(Array.from(Deno.readDirSync(`${sandbox.cache}/${SHA256}`), ({ name }) => name), [
    name,
  ]);
});

Deno.test("extractFrom() runs in several processes at once", async () => {
  using sandbox = new Sandbox();
  const program = `${sandbox.folder}/program.ts`;
  const module = new URL("../../src/native_library/extract_library.ts", import.meta.url).href;
  // All of them make the same copies in the same order.
  Deno.writeTextFileSync(
    program,
    `import { extractFrom } from ${JSON.stringify(module)};
    const [embedded, cache] = Deno.args;
    for (let i = 0; i < 30; i++) {
      const { size } = Deno.statSync(extractFrom(embedded, [cache + i])!.files[0].path);
      if (size !== ${BYTES.length}) throw new Error("half a library: " + size + " bytes");
    }`,
  );
  const outputs = await Promise.all(
    Array.from({ length: 3 }, () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-config", program, sandbox.embedded, sandbox.cache],
        env: { NO_COLOR: "1" },
      }).output()),
  );
  for (const { code, stderr } of outputs) {
    assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
  }
  for (let i = 0; i < 30; i++) assertWhole(`${sandbox.cache}${i}/${SHA256}/${name}`);
});
