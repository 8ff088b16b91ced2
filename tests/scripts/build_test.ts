import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import { fullDisk, isAboutFullDisk } from "../../scripts/build_error.ts";
import { hintsFor, parseProgress } from "../../scripts/native_compile.ts";
import { changedInputs } from "../../scripts/native_inputs.ts";
import {
  buildEnvironment,
  keepWorkFolder,
  takeWorkFolder,
} from "../../scripts/native_work_folders.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { startRpcServer } from "../model/rpc_servers.ts";
import { libraryFileName, stampPathOf } from "../../src/native_library/build_stamp.ts";

const root = Deno.realPathSync(`${import.meta.dirname}/../..`);
const library = `${root}/native/build/${libraryFileName()}`;

/** Runs the build script, with its PATH cut down to these commands if they are given. */
async function runBuild(args: string[], commands?: string[]) {
  const folder = await Deno.makeTempDir({ prefix: "gpt2-build-" });
  try {
    for (const command of commands ?? []) {
      await Deno.writeTextFile(`${folder}/${command}`, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", `${root}/scripts/build.ts`, ...args],
      cwd: root,
      env: {
        NO_COLOR: "1",
        // The tools are to be looked for on PATH; but the compilers that are chosen are an input of the build.
        ...(args.includes("--force") ? { CC: "", CXX: "", CUDACXX: "" } : {}),
        ...(commands === undefined ? {} : { PATH: folder }),
      },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function mtimes(): (number | undefined)[] {
  return [library, stampPathOf(library)].map((path) => Deno.statSync(path).mtime?.getTime());
}

Deno.test("the build does nothing if nothing has changed", async () => {
  const before = mtimes();
  assertEquals(await runBuild([]), { code: 0, stdout: "", stderr: "" });
  assertEquals(mtimes(), before);
});

Deno.test("the build does nothing where the compiler is gone but the library is there", async () => {
  assertEquals(await runBuild([], []), { code: 0, stdout: "", stderr: "" });
});

Deno.test("a task fetches no package from npm: those that tests need are of no use to who starts the program", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gpt2-deno-" });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "build"],
      cwd: root,
      env: { DENO_DIR: folder, NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/", NO_COLOR: "1" },
    }).output();
    assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const TOOLS = ["git", "cmake", "cc", "c++", "ninja"];
const missingTools = [
  { without: "git", expected: "git is not on PATH" },
  { without: "cmake", expected: "cmake is not on PATH" },
  { without: "cc", expected: "a C compiler is not on PATH" },
  { without: "c++", expected: "a C++ compiler is not on PATH" },
  { without: "ninja", expected: "make or ninja is not on PATH" },
];

for (const { without, expected } of missingTools) {
  Deno.test({
    name: `the build names the package to install where ${without} is missing`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      const before = mtimes();
      const { code, stderr } = await runBuild(
        ["--force", "--backend", "cpu"],
        TOOLS.filter((tool) => tool !== without),
      );
      assertEquals(code, 78);
      assertStringIncludes(stderr, `Cannot build the native library: ${expected}`);
      assertMatch(stderr, /apt-get install|dnf install|xcode-select --install|brew install/);
      assertNotMatch(stderr, /^ +at /m);
      assertEquals(mtimes(), before);
    },
  });
}

/** Builds into an empty folder, with nothing on PATH. */
async function runFirstBuild(args: string[]) {
  const output = await Deno.makeTempDir({ prefix: "gpt2-build-" });
  try {
    return await runBuild(["--output", output, "--backend", "cpu", ...args], []);
  } finally {
    await Deno.remove(output, { recursive: true });
  }
}

Deno.test({
  name: "the build says in one line that there will be none, where that is no failure",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stdout, stderr } = await runFirstBuild(["--optional"]);
    assertEquals({ code, stdout }, { code: 0, stdout: "" });
    assertMatch(
      stderr,
      /^Going on with the prebuilt library, which is slower: git, cmake, .* are not on PATH. To build one: .*install.*\n$/,
    );
    assertEquals((await runFirstBuild([])).code, 78);
  },
});

Deno.test({
  name: "the build names the library that was built before as the one that is left",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stderr } = await runBuild(["--force", "--backend", "cpu", "--optional"], []);
    assertEquals(code, 0);
    assertStringIncludes(stderr, "Going on with the library that was built before: git, cmake");
  },
});

Deno.test("a build that was asked for in a wrong way fails also where none is needed", async () => {
  assertEquals((await runBuild(["--optional", "--backend", "abacus"])).code, 2);
});

Deno.test("only the task that starts the program does without a build", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const optional = Object.keys(tasks).filter((name) => tasks[name].includes("--optional"));
  assertEquals(optional, ["start"]);
});

Deno.test({
  name: "the build names all that is missing at once",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stderr } = await runBuild(["--force", "--backend", "cpu"], []);
    assertEquals(code, 78);
    assertStringIncludes(
      stderr,
      "git, cmake, a C compiler, a C++ compiler and make or ninja are not on PATH",
    );
  },
});

Deno.test({
  name: "the build for CUDA or Vulkan names the toolkit that is missing",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const cuda = await runBuild(["--backend", "cuda", "--force"], TOOLS);
    assertEquals(cuda.code, 78);
    assertStringIncludes(cuda.stderr, "nvcc (the CUDA toolkit) is not on PATH");
    const vulkan = await runBuild(["--backend", "vulkan", "--force"], TOOLS);
    assertEquals(vulkan.code, 78);
    assertStringIncludes(vulkan.stderr, "glslc (the Vulkan SDK) is not on PATH");
    const old = await runBuild(["--backend", "vulkan", "--force"], [...TOOLS, "glslc"]);
    assertEquals(old.code, 78);
    assertStringIncludes(old.stderr, "glslc is too old, or does not work: received no version");
    assertStringIncludes(old.stderr, "Debian 13 (glslc libvulkan-dev spirv-headers)");
  },
});

Deno.test({
  name: "the build for Metal is refused on other systems than macOS",
  ignore: Deno.build.os === "darwin",
  fn: async () => {
    const { code, stderr } = await runBuild(["--backend", "metal"]);
    assertEquals(code, 78);
    assertStringIncludes(stderr, "it exists only on macOS");
  },
});

for (
  const args of [
    ["--portable", "--level", "avx2"],
    ["--backend", "abacus"],
    ["--bakend", "cpu"],
    ["cuda"],
    ["--arch", "90,$x"],
    [
      "--level",
      "avx1024",
    ],
  ]
) {
  Deno.test(`the build refuses the arguments ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await runBuild(args);
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    assertStringIncludes(stderr, "Cannot build the native library: ");
    assertStringIncludes(stderr, "--help");
  });
}

Deno.test("--rpc-server builds a server, once, that computes for others", async () => {
  const { code, stderr } = await runBuild(["--rpc-server"]);
  assertEquals(code, 0, stderr);
  assertEquals(await runBuild(["--rpc-server"]), { code: 0, stdout: "", stderr: "" });
  const program = `${root}/native/build/rpc-server${Deno.build.os === "windows" ? ".exe" : ""}`;
  const refusal = await new Deno.Command(program, { args: ["nonsense"] }).output();
  assertEquals(refusal.code, 2);
  assertStringIncludes(new TextDecoder().decode(refusal.stderr), "Usage: rpc-server [host:port]");

  await using server = await startRpcServer([program]);
  using model = await GPT2.fromPretrained("demo", { rpc: [server.endpoint] });
  using local = await GPT2.fromPretrained("demo", { device: "cpu" });
  const options = { greedy: true, maxNewTokens: 10 };
  assertEquals(
    await model.generateText("ROMEO:", options),
    await local.generateText("ROMEO:", options),
  );
});

Deno.test("the build explains itself", async () => {
  const { code, stdout, stderr } = await runBuild(["--help"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertStringIncludes(stdout, "Example: deno task build");
});

Deno.test("ensureGgmlSource() says what failed where no registry answers", async () => {
  const cache = await Deno.makeTempDir({ prefix: "gpt2-source-" });
  try {
    const program = `
      const { ensureGgmlSource } = await import(${
      JSON.stringify(pathToFileURL(`${root}/scripts/native_source.ts`))
    });
      try {
        await ensureGgmlSource(${JSON.stringify(cache)}, () => {});
      } catch (error) {
        console.log(error.exitCode + " " + error.message);
      }`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", program],
      env: {
        XDG_CACHE_HOME: cache,
        HOME: cache,
        LOCALAPPDATA: cache,
        NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/",
        NO_COLOR: "1",
      },
    }).output();
    const message = new TextDecoder().decode(stdout);
    assertStringIncludes(message, "69 Cannot fetch ggml's source");
    assertStringIncludes(message, "Check the network and the npm registry");
    const left = Array.from(Deno.readDirSync(`${cache}/allformers/ggml-source`), (e) => e.name);
    assertEquals(left, ["lock"]);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("changedInputs() names what is not as it was", () => {
  const before = { backend: "cpu", compiler: "gcc 12", CPU: "x" };
  assertEquals(changedInputs(before, { ...before }), []);
  assertEquals(changedInputs(before, { ...before, CPU: "y" }), ["CPU"]);
  assertEquals(changedInputs(before, { ...before, compiler: "gcc 13" }), ["compiler"]);
  assertEquals(changedInputs(before, { ...before, compiler: "" }), []);
  assertEquals(changedInputs({}, before), ["backend", "compiler", "CPU"]);
});

Deno.test("parseProgress() reads ninja's lines and make's", () => {
  assertEquals(parseProgress("[12/48] Building C object a.c.o"), {
    part: 0.25,
    details: "12 of 48 steps",
  });
  assertEquals(parseProgress("[ 42%] Building C object a.c.o"), { part: 0.42, details: "" });
  assertEquals(parseProgress("[100%] Built target gpt2"), { part: 1, details: "" });
  assertEquals(parseProgress("warning: unused [1/2]"), undefined);
});

Deno.test("a disk that is full is told from other failures of the tools", () => {
  assertEquals(isAboutFullDisk("fatal error: error writing to x.s: No space left on device"), true);
  assertEquals(isAboutFullDisk("error: expected ';'"), false);
  const { exitCode, message } = fullDisk("compile the native library", "/work");
  assertEquals(exitCode, 74);
  assertMatch(message, /no space left on the disk of \/work\. A build needs about \d+ MB/);
});

Deno.test("hintsFor() says what to do about a toolkit without cuBLAS", () => {
  assertEquals(hintsFor(["  Target links to:", "    CUDA::cublas"]).length, 1);
  assertEquals(hintsFor(["error: expected ';'"]), []);
});

Deno.test("hintsFor() says what to do about tools of Vulkan that are too old", () => {
  const line =
    'Could not find a package configuration file provided by "SPIRV-Headers" with any of';
  assertEquals(hintsFor([line]).length, 1);
  assertEquals(hintsFor(["error: 'LayerSettingsCreateInfoEXT' is not a member of 'vk'"]).length, 1);
});

Deno.test("buildEnvironment() tells compilers and places apart, and leaves changed files to CMake", () => {
  const inputs = { compiler: "gcc", "the files in native/": "1" };
  const here = buildEnvironment(inputs, ["/home/me/gpt2/native"]);
  assertEquals(
    buildEnvironment({ ...inputs, "the files in native/": "2" }, ["/home/me/gpt2/native"]),
    here,
  );
  assertNotEquals(
    buildEnvironment({ ...inputs, compiler: "clang" }, ["/home/me/gpt2/native"]),
    here,
  );
  assertNotEquals(buildEnvironment(inputs, ["/home/me/moved/native"]), here);
});

Deno.test("takeWorkFolder() uses the folder of a finished build again, not that of an interrupted one", () => {
  const buildFolder = Deno.makeTempDirSync({ prefix: "gpt2-work-" });
  try {
    const first = takeWorkFolder(buildFolder, "gcc");
    const second = takeWorkFolder(buildFolder, "gcc");
    assertNotEquals(second, first);
    keepWorkFolder(buildFolder, second, "gcc");
    assertEquals(Array.from(Deno.readDirSync(buildFolder)).length, 1);
    assertNotEquals(takeWorkFolder(buildFolder, "clang"), second);
    assertEquals(takeWorkFolder(buildFolder, "gcc"), second);
  } finally {
    Deno.removeSync(buildFolder, { recursive: true });
  }
});
