/**
 * A first start on a disk without room for the prebuilt ggml, which comes from npm as in the other tests.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { problemIn } from "../../src/native_library/npm_package.ts";
import { Sandbox } from "./library_trial.ts";

/** Has `sh` prepare something, and then starts the program with the cache that `prepare` calls "$1". */
async function startWith(prepare: string, wrapper: readonly string[] = []) {
  using sandbox = new Sandbox();
  const cache = `${sandbox.folder}/cache`;
  Deno.mkdirSync(cache);
  const clone = sandbox.clone();
  const program = `${sandbox.folder}/program.ts`;
  Deno.writeTextFileSync(
    program,
    `import { openLibrary } from "${
      pathToFileURL(`${clone}/src/native_library/native_library.ts`)
    }";
    await openLibrary().catch(({ name, message }) => {
      console.log(name + ": " + message);
    });
    const [{ name }] = Deno.readDirSync(Deno.args[0] + "/allformers/libraries");
    const left = Deno.readDirSync(Deno.args[0] + "/allformers/libraries/" + name);
    console.log(Array.from(left, ({ name }) => name).join());`,
  );
  const deno = `exec "${Deno.execPath()}" run -A --quiet --no-config "${program}" "$1"`;
  const [command, ...args] = [...wrapper, "sh", "-c", `${prepare}\n${deno}`, "sh", cache];
  const { stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { XDG_CACHE_HOME: cache, NO_COLOR: "1", HF_HUB_OFFLINE: "0" },
  }).output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Whether this user may mount something, in a namespace of its own. */
const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"] })
    .output().then(({ success }) => success, () => false);

Deno.test({
  name: "openLibrary() says what a full disk lacks, and leaves nothing on it",
  ignore: !canMount,
  async fn() {
    const { stdout, stderr } = await startWith('mount -t tmpfs -o size=16m tmpfs "$1"', [
      "unshare",
      "-rm",
    ]);
    assertStringIncludes(stdout, "StorageError: Cannot write ", stderr);
    assertStringIncludes(stdout, "there is no space left: received ENOSPC where ");
    assertStringIncludes(stdout, " MB are needed. Make room, or set XDG_CACHE_HOME");
    assertEquals([stdout.trim().split("\n").at(-1), stderr], ["lock", ""]);
  },
});

Deno.test({
  name: "openLibrary() says what a limit on the size of files lacks",
  ignore: Deno.build.os === "windows",
  async fn() {
    // In blocks of 512 bytes; without the trap the system would end the process.
    const { stdout, stderr } = await startWith("trap '' XFSZ; ulimit -f 1500");
    assertStringIncludes(stdout, "StorageError: Cannot write ", stderr);
    assertStringIncludes(stdout, "received EFBIG where ");
  },
});

Deno.test("problemIn() tells a full disk from a network that fails", () => {
  const full = Deno.build.os === "windows" ? 112 : 28;
  const disk = problemIn(`error: Failed caching\n    1: No space (os error ${full})\n`);
  assertEquals([disk.message, disk.code], [
    `Failed caching: No space (os error ${full})`,
    "ENOSPC",
  ]);
  const network = problemIn("error: Connection refused (os error 111)\n\nStack backtrace:\n  0: x");
  assertEquals([network.message, network.code], ["Connection refused (os error 111)", undefined]);
});
