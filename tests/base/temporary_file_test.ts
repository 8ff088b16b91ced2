import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { writeFileAtomically } from "../../src/base/atomic_file.ts";
import { TemporaryFile, writeFileAtomicallySync } from "../../src/base/temporary_file.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

const ATOMIC_FILE = new URL("../../src/base/atomic_file.ts", import.meta.url).href;
const TEXT = new TextEncoder().encode("text");

/** Begins to write a file in a process of its own, and gives the process once the first bytes are on disk. */
async function startWriter(path: string): Promise<Deno.ChildProcess> {
  const program = `
    const { writeFileAtomically } = await import(${JSON.stringify(ATOMIC_FILE)});
    async function* chunks() {
      yield new Uint8Array(1000);
      console.log("begun");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    await writeFileAtomically(${JSON.stringify(path)}, 2000, chunks());
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--allow-read",
      "--allow-write",
      "data:text/javascript," + encodeURIComponent(program),
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

const WRITERS: readonly (readonly [name: string, write: (path: string) => void | Promise<void>])[] =
  [
    ["writeFileAtomically", (path) => writeFileAtomically(path, TEXT.length, [TEXT])],
    ["writeFileAtomicallySync", (path) => writeFileAtomicallySync(path, TEXT)],
  ];

for (const [name, write] of WRITERS) {
  Deno.test(`${name}() removes what a killed process has left in the folder, and nothing else`, async () => {
    using folder = new TemporaryFolder();
    const others = ["a.0123456.incomplete", "a.01234567.incomplete", "a.gpt2.incomplete"];
    for (const other of others) Deno.writeTextFileSync(folder.file(other), "");
    const dead = await startWriter(folder.file("dead"));
    const live = await startWriter(folder.file("live"));
    try {
      dead.kill("SIGKILL");
      await dead.status;
      assertEquals(folder.names().length, others.length + 2);
      await write(folder.file("new"));
      const [left, ...rest] = folder.names().filter((name) => !others.includes(name));
      assertMatch(left, /^live\.[0-9a-f]{8}\.gpt2\.incomplete$/);
      assertEquals(rest, ["new"]);
      assertEquals(Deno.readTextFileSync(folder.file("new")), "text");
    } finally {
      live.kill("SIGKILL");
      await live.status;
    }
    await write(folder.file("new"));
    assertEquals(folder.names(), [...others, "new"].sort());
  });
}

Deno.test({
  name: "TemporaryFile leaves alone what a link of such a name leads to",
  ignore: Deno.build.os === "windows", // Not everyone may make links there.
  fn: () => {
    using folder = new TemporaryFolder();
    Deno.mkdirSync(folder.file("inner"));
    Deno.writeTextFileSync(folder.file("outside"), "as it was");
    const link = folder.file("inner/a.01234567.gpt2.incomplete");
    Deno.symlinkSync(folder.file("outside"), link);
    writeFileAtomicallySync(folder.file("inner/a"), TEXT);
    assertEquals(Deno.readTextFileSync(folder.file("outside")), "as it was");
  },
});

Deno.test("TemporaryFile is removed unless it was renamed", () => {
  using folder = new TemporaryFolder();
  {
    using temporary = TemporaryFile.create(folder.file("a"));
    temporary.file.writeSync(TEXT);
    assertEquals(folder.names().length, 1);
  }
  assertEquals(folder.names(), []);
  {
    using temporary = TemporaryFile.create(folder.file("a"), { mode: 0o600 });
    temporary.rename();
  }
  assertEquals(folder.names(), ["a"]);
  if (Deno.build.os !== "windows") {
    assertEquals(Deno.statSync(folder.file("a")).mode! & 0o777, 0o600);
  }
});

Deno.test("writeFileAtomicallySync() replaces a file, and leaves it as it was when it cannot", () => {
  using folder = new TemporaryFolder();
  Deno.writeTextFileSync(folder.file("a"), "old");
  const { renameSync } = Deno;
  Deno.renameSync = () => {
    throw new Deno.errors.PermissionDenied();
  };
  try {
    assertThrows(
      () => writeFileAtomicallySync(folder.file("a"), TEXT),
      Deno.errors.PermissionDenied,
    );
  } finally {
    Deno.renameSync = renameSync;
  }
  assertEquals([folder.names(), Deno.readTextFileSync(folder.file("a"))], [["a"], "old"]);
  writeFileAtomicallySync(folder.file("a"), TEXT);
  assertEquals([folder.names(), Deno.readTextFileSync(folder.file("a"))], [["a"], "text"]);
});

for (const [name, write] of WRITERS) {
  Deno.test(`${name}() writes files whose names are as long as the system allows`, async () => {
    // In bytes: 255 of one, of two, of three and of four to a character.
    for (const file of ["n".repeat(255), "é".repeat(127) + "n", "文".repeat(85), "👗".repeat(63)]) {
      using folder = new TemporaryFolder();
      await write(folder.file(file));
      await write(folder.file(file));
      assertEquals(folder.names(), [file]);
    }
  });
}

Deno.test("TemporaryFile has a name that fits, and tells what it is", () => {
  using folder = new TemporaryFolder();
  for (const letter of ["n", "文", "👗"]) {
    using _temporary = TemporaryFile.create(folder.file(letter.repeat(60)));
    const [name] = folder.names();
    assertMatch(name, new RegExp(`^${letter}+\\.[0-9a-f]{8}\\.gpt2\\.incomplete$`, "u"));
  }
});
