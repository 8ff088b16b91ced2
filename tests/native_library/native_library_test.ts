import { assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { describeBinary } from "../../src/native_library/binary_format.ts";
import { sha256 } from "../../src/base/sha256.ts";
import { exists } from "../../src/base/files.ts";
import { cacheFolder } from "../../src/base/cache_folder.ts";
import { abiVersion } from "../../src/ffi/gpt2_native.ts";
import { findDifference } from "../../src/native_library/proof/probe.ts";
import { assertOpens, assertRefused, built, root, Sandbox } from "./library_trial.ts";

function truncate(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}

function flipBit(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length >> 1] ^= 0x10;
  return bytes;
}

async function sha256Of(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

Deno.test("openLibrarySync() opens the local build", async () => {
  using sandbox = new Sandbox();
  await assertOpens({ cache: sandbox.folder });
});

Deno.test("openLibrarySync() needs no more than --allow-ffi and --allow-read for the local build", async () => {
  using sandbox = new Sandbox();
  await assertOpens({ permissions: ["--allow-ffi", "--allow-read"], cache: sandbox.folder });
});

Deno.test("openLibrarySync() refuses a path without a file", async () => {
  using sandbox = new Sandbox();
  await assertRefused(
    sandbox.trial(),
    sandbox.path,
    "there is no file ",
    "GPT2_NATIVE_LIBRARY",
  );
});

Deno.test("openLibrarySync() refuses a folder and a file that is no library", async () => {
  using sandbox = new Sandbox();
  Deno.writeTextFileSync(sandbox.path, "no library\n");
  await assertRefused(sandbox.trial(), "it is not a library");
  await assertRefused({ path: sandbox.folder, cache: sandbox.folder }, "received a folder");
});

Deno.test({
  name: "openLibrarySync() does not wait for somebody to write into a FIFO",
  ignore: Deno.build.os === "windows",
  async fn() {
    using sandbox = new Sandbox();
    await new Deno.Command("mkfifo", { args: [sandbox.path] }).output();
    await assertRefused(sandbox.trial(), "received a FIFO", "GPT2_NATIVE_LIBRARY");
  },
});

for (const change of [truncate, flipBit]) {
  Deno.test(`openLibrarySync() refuses a damaged library (${change.name})`, async () => {
    using sandbox = new Sandbox();
    await assertRefused(sandbox.write(change).stamp().trial(), "it is damaged", "deno task build");
  });
}

Deno.test("openLibrarySync() refuses a truncated library of which nothing is known", async () => {
  using sandbox = new Sandbox();
  await assertRefused(sandbox.write(truncate).trial(), "it does not work on this machine");
});

Deno.test("openLibrarySync() refuses a library of another version", async () => {
  using sandbox = new Sandbox();
  const trial = sandbox.write().stamp({ abiVersion: abiVersion + 1 }).trial();
  await assertRefused(trial, `received ${abiVersion + 1} instead of ${abiVersion}`);
});

Deno.test("openLibrarySync() tries out a library of which nothing is known, once", async () => {
  using sandbox = new Sandbox();
  sandbox.write();
  await assertRefused(
    sandbox.trial(["--allow-ffi", "--allow-read", "--allow-env"]),
    "--allow-run",
  );
  await assertOpens(sandbox.trial());
  await assertOpens(sandbox.trial(["--allow-ffi", "--allow-read", "--allow-env"]));
});

Deno.test("openLibrarySync() tries out a library that was built on another CPU, once", async () => {
  using sandbox = new Sandbox();
  sandbox.write().stamp({ cpuId: 1 });
  await assertRefused(
    sandbox.trial(["--allow-ffi", "--allow-read", "--allow-env"]),
    "--allow-run",
  );
  await assertOpens(sandbox.trial());
  await assertOpens(sandbox.trial(["--allow-ffi", "--allow-read", "--allow-env"]));
});

Deno.test("openLibrarySync() names the permission that is missing", async () => {
  using sandbox = new Sandbox();
  await assertRefused({ permissions: ["--allow-read"], cache: sandbox.folder }, "--allow-ffi");
  await assertRefused({ permissions: ["--allow-ffi"], cache: sandbox.folder }, "--allow-read");
});

Deno.test({
  name: "openLibrarySync() refuses a library for another processor",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using sandbox = new Sandbox();
    const RISC_V = 243;
    sandbox.write((bytes) => {
      new DataView(bytes.buffer).setUint16(18, RISC_V, true);
      return bytes;
    });
    await assertRefused(sandbox.trial(), "it is for another machine: linux processor 243");
  },
});

Deno.test({
  name: "openLibrarySync() refuses a library without our functions",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using sandbox = new Sandbox();
    const maps = Deno.readTextFileSync("/proc/self/maps");
    const other = maps.match(/\/\S*\/libm\.so\.6/)?.[0] ?? maps.match(/\/\S*\/libc\.so\.6/)![0];
    await assertRefused(
      { path: other, cache: sandbox.folder },
      "it is of another version: it has no function",
    );
  },
});

Deno.test({
  name:
    "openLibrarySync() refuses a library whose functions are of another version than its stamp says",
  ignore: Deno.build.arch !== "x86_64" || Deno.build.os !== "linux",
  fn: async () => {
    using sandbox = new Sandbox();
    sandbox.write((bytes) => {
      // `mov eax, <abiVersion>; ret` is all there is to gpt2_abi_version().
      const code = [0xb8, abiVersion, 0, 0, 0, 0xc3];
      for (const start of bytes.keys()) {
        if (code.every((byte, i) => bytes[start + i] === byte)) bytes[start + 1] = 99;
      }
      return bytes;
    });
    sandbox.stamp({ sha256: await sha256Of(sandbox.path) });
    await assertRefused(sandbox.trial(), `received 99 instead of ${abiVersion}`);
  },
});

Deno.test({
  name: "openLibrarySync() refuses a library for instructions that this CPU lacks, before it runs",
  ignore: Deno.build.arch !== "x86_64" || Deno.build.os !== "linux",
  fn: async () => {
    using sandbox = new Sandbox();
    sandbox.write((bytes) => {
      // The code of gpt2_abi_version() becomes an instruction that no CPU has.
      const code = [0xb8, abiVersion, 0, 0, 0, 0xc3];
      for (const start of bytes.keys()) {
        if (code.every((byte, i) => bytes[start + i] === byte)) bytes.set([0x0f, 0x0b], start);
      }
      return bytes;
    });
    const problem =
      "ended with SIGILL: it was made for a CPU with instructions that this one lacks";
    await assertRefused(sandbox.trial(), problem);
    // As it comes from another machine, with the note of its build.
    sandbox.stamp({ sha256: await sha256Of(sandbox.path), cpuId: 1 });
    await assertRefused(sandbox.trial(), problem);
  },
});

Deno.test("openLibrarySync() tries out a library whose build could not tell its CPU", async () => {
  using sandbox = new Sandbox();
  sandbox.write().stamp({ cpuId: undefined });
  await assertRefused(sandbox.trial(["--allow-ffi", "--allow-read", "--allow-env"]), "--allow-run");
  await assertOpens(sandbox.trial());
});

Deno.test("openLibrarySync() remembers nothing about a library where no CPU can be told from another", async () => {
  using sandbox = new Sandbox();
  const clone = sandbox.clone();
  const module = `${clone}/src/ffi/cpu_id.ts`;
  const text = Deno.readTextFileSync(module);
  const changed = text.replace("return known.id;", "return undefined;");
  assertEquals(changed.length, text.length - "known.id".length + "undefined".length);
  Deno.writeTextFileSync(module, changed);
  // The build does not know the CPU either: what was copied to another machine is tried out there.
  sandbox.write().stamp({ cpuId: undefined }).moveTo(`${clone}/native/build`);
  const trial = { cache: sandbox.folder, clone };
  for (let i = 0; i < 2; i++) {
    await assertOpens(trial);
    const permissions = ["--allow-ffi", "--allow-read", "--allow-env"];
    await assertRefused({ ...trial, permissions }, "--allow-run");
  }
  assertEquals(exists(`${sandbox.folder}/allformers`), false);
});

Deno.test("an assertion that fails in ggml ends the process with exit code 70 and one line", async () => {
  const program = `
    const { openLibrarySync } = await import(${
    JSON.stringify(pathToFileURL(`${root}/src/native_library/native_library.ts`))
  });
    const parameters = new Uint8Array(24);
    parameters[0] = 200;
    const context = openLibrarySync().ggml_init(parameters);
    for (;;) openLibrarySync().ggml_new_tensor_4d(context, 0, 1n, 1n, 1n, 1n);`;
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", program],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals({ code, signal }, { code: 70, signal: null });
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  assertStringIncludes(lines.at(-1)!, "GGML_ASSERT");
  assertStringIncludes(lines.at(-1)!, "ggml: ");
  assertEquals(lines.filter((line) => line.includes("GGML_ASSERT")).length, 1);
});

Deno.test("describeBinary() names system and processor of a library", () => {
  const bytes = new Uint8Array(64);
  assertEquals(describeBinary(bytes), undefined);
  assertEquals(describeBinary(new Uint8Array(3)), undefined);
  bytes.set([0x7f, 0x45, 0x4c, 0x46]);
  bytes[18] = 0xb7;
  assertEquals(describeBinary(bytes), "linux aarch64");
  assertEquals(
    describeBinary(Deno.readFileSync(built)),
    `${Deno.build.os} ${Deno.build.arch}`,
  );
});

Deno.test("findDifference() sees a wrong number and one that is none", () => {
  const expected = Float32Array.of(1, -1000, 3);
  assertEquals(findDifference(expected, expected), -1);
  assertEquals(findDifference(Float32Array.of(1, -1000, 3.1), expected), 2);
  assertEquals(findDifference(Float32Array.of(1, NaN, 3), expected), 1);
});

Deno.test({
  name: "cacheFolder() follows XDG_CACHE_HOME, else HOME",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const names = ["XDG_CACHE_HOME", "HOME"];
    const before = names.map((name) => Deno.env.get(name));
    const folderFor = (cache: string, home: string) => {
      Deno.env.set("XDG_CACHE_HOME", cache);
      Deno.env.set("HOME", home);
      return cacheFolder();
    };
    try {
      assertEquals(folderFor("/cache", "/home"), "/cache/allformers");
      assertEquals(folderFor("relative", "/home"), "/home/.cache/allformers");
      assertEquals(folderFor("", "/home"), "/home/.cache/allformers");
      assertEquals(folderFor("", ""), undefined);
    } finally {
      before.forEach((value, i) =>
        value === undefined ? Deno.env.delete(names[i]) : Deno.env.set(names[i], value)
      );
    }
  },
});
