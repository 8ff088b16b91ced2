import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import { BuildError } from "../../scripts/build_error.ts";

import {
  compileArguments,
  compileProgram,
  layOut,
  type Program,
} from "../../scripts/standalone_program.ts";
import { sha256Sync } from "../../src/base/sha256.ts";
import { cpuId } from "../../src/ffi/cpu_id.ts";
import { levelsOfThisCpu } from "../../src/native_library/cpu_levels.ts";
import { libraryFileName, readStamp, stampPathOf } from "../../src/native_library/build_stamp.ts";
import { makeProgram } from "./standalone.ts";

const root = Deno.realPathSync(`${import.meta.dirname}/../..`);
const library = `${root}/native/build/${libraryFileName()}`;
const demo = `${root}/src/demo/demo.gguf`;

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "gpt2-compile-" }));
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(
  command: string,
  args: string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env">,
) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs the script that `deno task compile` runs. */
function compile(args: string[], env: Record<string, string> = {}) {
  const script = ["run", "-A", "--quiet", `${root}/scripts/compile.ts`];
  return run(Deno.execPath(), [...script, ...args], { cwd: root, env });
}

/** Programs run in an empty folder, with a cache folder of their own, and a broken proxy for a network. */
async function inEmptyFolder(folder: string) {
  const [cwd, home] = [`${folder}/empty`, `${folder}/home`];
  for (const path of [cwd, home]) await Deno.mkdir(path, { recursive: true });
  const proxy = "http://127.0.0.1:1";
  const env = {
    HOME: home,
    XDG_CACHE_HOME: home,
    LOCALAPPDATA: home,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    // Nor anything that the tests may be run with.
    GPT2_MODEL: "",
    GPT2_NATIVE_LIBRARY: "",
    HF_HUB_OFFLINE: "",
  };
  return { cwd, home, env };
}

/** A native library in `folder` that was seen to work on another CPU. */
async function libraryFromElsewhere(folder: string): Promise<string> {
  const path = `${folder}/${libraryFileName()}`;
  await Deno.copyFile(library, path);
  await Deno.writeTextFile(stampPathOf(path), JSON.stringify({ ...readStamp(library), cpuId: 1 }));
  return path;
}

/** Where there is no shell, there is no program to be imitated. */
const ignore = Deno.build.os === "windows";

Deno.test("layOut() makes a folder in which every import finds its module", async () => {
  await inFolder(async (folder) => {
    await layOut({ root, libraries: [{ path: library }], output: "gpt2" }, folder);
    const flags = ["--json", "--no-config", "--no-lock", "--no-remote", "--no-npm"];
    const { code, stdout } = await run(Deno.execPath(), ["info", ...flags, "mod.ts"], {
      cwd: folder,
    });
    assertEquals(code, 0);
    const { modules } = JSON.parse(stdout) as { modules: { specifier: string; error?: string }[] };
    assertEquals(modules.filter(({ error }) => error !== undefined), []);
    const outside = modules.map(({ specifier }) => specifier)
      .filter((url) => !url.startsWith(`${pathToFileURL(folder)}/`) && !url.startsWith("node:"));
    assertEquals(outside, []);
    // Loaded by import() only when they are needed; compiled programs have what is in this list.
    for (
      const path of [
        "src/cli/main.ts",
        "src/native_library/proof/probe.ts",
        "src/model_store/hub_models.ts",
      ]
    ) {
      assert(modules.some(({ specifier }) => specifier.endsWith(path)), path);
    }
  });
});

Deno.test("layOut() puts in the library and a stamp that says nothing of this machine", async () => {
  await inFolder(async (folder) => {
    await layOut({ root, libraries: [{ path: library }], output: "gpt2" }, folder);
    const embedded = `${folder}/src/base/program_files/library/${libraryFileName()}`;
    assertEquals(await Deno.readFile(embedded), await Deno.readFile(library));
    assertEquals(readStamp(embedded), { ...readStamp(library)!, inputs: {} });
  });
});

Deno.test("compileArguments() includes every file that no module imports", async () => {
  await inFolder(async (folder) => {
    const model = `${folder}/bard.gguf`;
    await Deno.copyFile(demo, model);
    await Deno.mkdir(`${folder}/files`);
    await layOut(
      { root, libraries: [{ path: library }], model, output: "gpt2" },
      `${folder}/files`,
    );
    const args = compileArguments(`${folder}/files`, "/somewhere/gpt2", "x86_64-apple-darwin");
    const included = args.filter((_, i) => args[i - 1] === "--include");
    for (const path of included) assert((await Deno.stat(`${folder}/files/${path}`)).isFile, path);
    for (
      const path of [
        "src/demo/demo.gguf",
        "src/base/program_files/model/bard.gguf",
        `src/base/program_files/library/${libraryFileName()}`,
        `src/base/program_files/library/${libraryFileName()}.json`,
      ]
    ) assert(included.includes(path), path);
    assertEquals(args.slice(-5), [
      "--target",
      "x86_64-apple-darwin",
      "--output",
      "/somewhere/gpt2",
      "mod.ts",
    ]);
    for (const flag of ["--no-remote", "--no-npm", "--no-code-cache"]) assert(args.includes(flag));
  });
});

Deno.test("compileProgram() says how to bring the runtime where Deno cannot download it", async () => {
  await inFolder(async (folder) => {
    const { env } = await inEmptyFolder(folder);
    const runtime = Deno.env.get("DENORT_BIN");
    Deno.env.delete("DENORT_BIN");
    const error = await assertRejects(
      () =>
        compileProgram({ root, libraries: [{ path: library }], output: `${folder}/gpt2` }, {
          env: { ...env, DENO_DIR: `${folder}/deno` },
        }),
      BuildError,
      "set DENORT_BIN to the path",
    );
    if (runtime !== undefined) Deno.env.set("DENORT_BIN", runtime);
    assertEquals(error.exitCode, 78);
    assertStringIncludes(error.message, `(of Deno ${Deno.version.deno}`);
    assertMatch(error.message, /denort-\S+\.zip/);
    assert(error.message.length < 2000 && !error.message.includes("Stack backtrace"));
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), [
      "deno",
      "empty",
      "home",
    ]);
  });
});

const runtimes = [
  { what: "is not there", path: "/nonexistent/denort", expected: "there is no file where" },
  { what: "has no name", path: "", expected: "there is no file where" },
  { what: "is a folder", path: root, expected: "there is no file where" },
  { what: "is another program", path: library, expected: "does not start" },
  { what: "is Deno itself", path: Deno.execPath(), expected: "DENORT_BIN names Deno itself" },
];
for (const { what, path, expected } of runtimes) {
  Deno.test({
    name: `deno task compile refuses a runtime that ${what}, and writes nothing`,
    // What other systems take for a program at all, they decide by themselves.
    ignore: Deno.build.os !== "linux",
    fn: () =>
      inFolder(async (folder) => {
        const output = `${folder}/gpt2`;
        await Deno.writeTextFile(output, "of before");
        const { code, stdout, stderr } = await compile(["--output", output], { DENORT_BIN: path });
        assertEquals({ code, stdout }, { code: 78, stdout: "" }, stderr);
        assertStringIncludes(stderr, expected);
        assertStringIncludes(stderr, "DENORT_BIN");
        assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["gpt2"]);
        assertEquals(await Deno.readTextFile(output), "of before");
      }),
  });
}

const usageErrors = [
  { args: ["--modle", "x.gguf"], expected: "unknown argument: received --modle" },
  { args: ["x.gguf"], expected: "unknown argument: received x.gguf" },
  { args: ["--output"], expected: "--output needs a value" },
  { args: ["--target", "amiga"], expected: "--target is not one of x86_64-unknown-linux-gnu" },
  { args: ["--model", "folder"], expected: '--model is not a .gguf file: received "folder"' },
  { args: ["--portable", "--library", "x.so"], expected: "received --library or --target, too" },
  { args: ["--library", "/nonexistent.so"], expected: "/nonexistent.so is missing or damaged" },
];
for (const { args, expected } of usageErrors) {
  Deno.test(`deno task compile ${args.join(" ")} is a usage error`, async () => {
    const { code, stdout, stderr } = await compile(args);
    assertEquals({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assertStringIncludes(stderr, expected);
  });
}

const places = [
  { output: "/nonexistent/gpt2", expected: "its folder does not exist: received ENOENT. Make it" },
  { output: root, expected: "it exists and is not a regular file: received a folder" },
];
for (const { output, expected } of places) {
  Deno.test(`deno task compile says that it cannot write ${output}`, async () => {
    const { code, stdout, stderr } = await compile(["--output", output]);
    assertEquals({ code, stdout }, { code: 74, stdout: "" }, stderr);
    assertStringIncludes(stderr, expected);
  });
}

Deno.test("deno task compile refuses a library of another system", async () => {
  const target = Deno.build.os === "windows" ? "x86_64-apple-darwin" : "x86_64-pc-windows-msvc";
  const { code, stderr } = await compile(["--target", target]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `received ${Deno.build.os} ${Deno.build.arch} instead of`);
});

Deno.test("deno task compile refuses a model that does not load", async () => {
  await inFolder(async (folder) => {
    const damaged = `${folder}/model.gguf`;
    await Deno.writeFile(damaged, (await Deno.readFile(demo)).subarray(0, 1000));
    for (const [model, expected] of [[damaged, 65], [`${folder}/other.gguf`, 66]] as const) {
      const { code, stderr } = await compile(["--model", model]);
      assertEquals(code, expected, stderr);
      assertStringIncludes(stderr, model);
    }
  });
});

Deno.test({
  name: "a standalone program runs in an empty folder without network",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const program = await makeProgram(folder, { root, libraries: [{ path: library }] });
      const { cwd, home, env } = await inEmptyFolder(folder);
      const args = ["ROMEO:", "--max-new-tokens", "5", "--seed", "1", "--quiet"];
      const first = await run(program, args, { cwd, env });
      assertEquals({ code: first.code, stderr: first.stderr }, { code: 0, stderr: "" });
      const expected = await run(Deno.execPath(), [
        "run",
        "-A",
        `${root}/mod.ts`,
        ...[...args, "--model", "demo"],
      ], {});
      assertEquals(first.stdout, expected.stdout);
      assertEquals(Array.from(Deno.readDirSync(cwd)), []);
      // The library was copied out, and is put right when something happens to it.
      const { sha256 } = readStamp(library)!;
      const copy = `${home}/allformers/libraries/embedded/${sha256}/${libraryFileName()}`;
      assertEquals(await Deno.readFile(copy), await Deno.readFile(library));
      await Deno.truncate(copy, 1000);
      assertEquals(await run(program, args, { cwd, env }), first);
      assertEquals(await Deno.readFile(copy), await Deno.readFile(library));
    }),
});

Deno.test({
  name:
    "a standalone program with libraries for several levels takes the best, or the one asked for",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const [best, ...others] = levelsOfThisCpu();
      const last = others.at(-1) ?? best;
      const libraries = [best, last].map((level) => {
        const path = `${folder}/${level}-${libraryFileName()}`;
        // Different ones, so that each has a place of its own; what follows a library is not read.
        const bytes = new Uint8Array([...Deno.readFileSync(library), level.length]);
        Deno.writeFileSync(path, bytes);
        const stamp = { ...readStamp(library)!, level, sha256: sha256Sync(bytes) };
        Deno.writeTextFileSync(stampPathOf(path), JSON.stringify(stamp));
        return { path, level, sha256: stamp.sha256 };
      });
      const program = await makeProgram(folder, { root, libraries });
      const { cwd, env } = await inEmptyFolder(folder);
      for (const [level, expected] of [["", libraries[0]], [last, libraries[1]]] as const) {
        const { code, stdout, stderr } = await run(program, ["doctor", "--json"], {
          cwd,
          env: { ...env, GPT2_CPU_LEVEL: level },
        });
        assertEquals(code, 0, stderr);
        assertStringIncludes(JSON.parse(stdout).library.path, expected.sha256);
      }
    }),
});

Deno.test({
  name: "a standalone program tries its library out on a CPU that is new to it, in a child process",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const elsewhere = await libraryFromElsewhere(folder);
      const program = await makeProgram(folder, { root, libraries: [{ path: elsewhere }] });
      const { cwd, home, env } = await inEmptyFolder(folder);
      const { code, stderr } = await run(program, ["", "--max-new-tokens", "1", "--quiet"], {
        cwd,
        env,
      });
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      const { sha256 } = readStamp(library)!;
      assertEquals(
        JSON.parse(await Deno.readTextFile(`${home}/allformers/proven-libraries/${sha256}.json`)),
        { [cpuId()!]: { works: true } },
      );
      const broken = await run(program, ["--probe-native-library", "/nonexistent.so"], {
        cwd,
        env,
      });
      assertEquals(broken.code, 1);
      assertStringIncludes(broken.stderr, "/nonexistent.so");
    }),
});

Deno.test({
  name: "a standalone program has its model as the default, and under its name",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const model = `${folder}/bard.gguf`;
      await Deno.copyFile(demo, model);
      const program = await makeProgram(
        folder,
        { root, libraries: [{ path: library }], model } satisfies Partial<Program>,
      );
      const { cwd, env } = await inEmptyFolder(folder);
      const args = ["ROMEO:", "--max-new-tokens", "3", "--greedy", "--json"];
      const outputs = [];
      for (const more of [[], ["--model", "bard"], ["--model", "demo"]]) {
        const { code, stdout, stderr } = await run(program, [...args, ...more], { cwd, env });
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
        outputs.push(JSON.parse(stdout));
      }
      assertEquals(outputs.map(({ model }) => model), ["bard", "bard", "demo"]);
      const { stdout } = await run(program, ["info", "bard", "--json"], { cwd, env });
      assertMatch(JSON.parse(stdout).path, /program_files\/model\/bard\.gguf$/);
    }),
});
