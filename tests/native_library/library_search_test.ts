import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import { abiVersion } from "../../src/ffi/gpt2_native.ts";
import { LibrarySearch } from "../../src/native_library/library_search.ts";
import { nativeFiles } from "../../src/native_library/native_files.ts";
import { serveFolder } from "./serve_folder.ts";
import {
  assertOpens,
  assertRefused,
  filesIn,
  type Outcome,
  root,
  Sandbox,
  tryToOpen,
} from "./library_trial.ts";

/** What an error may say in all. */
const MAX_ERROR_BYTES = 2048;
const librariesFolder =
  `allformers/libraries/${denoConfig.version}-${Deno.build.os}-${Deno.build.arch}`;

function verdictOn({ verdicts }: Outcome, place: string) {
  const found = verdicts.filter((verdict) => verdict.place === place);
  assertEquals(found.length, 1);
  return found[0];
}

/** Two copies of the library: one as the local build of a clone, one in the cache. */
function twoLibraries(sandbox: Sandbox, localStamp: Record<string, unknown> = {}) {
  const clone = sandbox.clone();
  sandbox.write().stamp(localStamp).moveTo(`${clone}/native/build`);
  sandbox.write().stamp().moveTo(`${sandbox.folder}/${librariesFolder}/built`);
  return { clone, cache: sandbox.folder };
}

Deno.test("openLibrarySync() says what to do where there is no library at all", async () => {
  using sandbox = new Sandbox();
  const trial = { cache: sandbox.folder, clone: sandbox.clone() };
  await assertRefused(trial, "`deno task build`");
  const [{ result }, sync] = await tryToOpen(trial);
  assertStringIncludes(
    result,
    "prebuilt, from npm: nothing may be downloaded: HF_HUB_OFFLINE is 1",
  );
  assertStringIncludes(result, "build from source: nothing may be downloaded: HF_HUB_OFFLINE is 1");
  assertStringIncludes(sync.result, "there is none. Await prepareLibrary() first");
});

Deno.test("LibrarySearch tells what failed and the system's reason, however long the path between them", () => {
  const search = new LibrarySearch();
  const reason = "No space left on device (os error 28)";
  for (const name of ["prebuilt", "build"]) {
    search.skip({ name }, undefined, new Error(`failed to write '/${"x".repeat(500)}': ${reason}`));
  }
  const { message } = search.failure("Make room.");
  for (const name of ["prebuilt", "build"]) {
    assertStringIncludes(message, `${name}: failed to write '/xxx`);
  }
  assertEquals(message.split(reason).length, 3);
  assert(message.length < 600);
});

Deno.test("openLibrarySync() prefers the local build to the cache", async () => {
  using sandbox = new Sandbox();
  const outcome = await assertOpens(twoLibraries(sandbox));
  assertEquals(outcome.verdicts.map(({ place, verdict }) => `${place}: ${verdict}`), [
    "GPT2_NATIVE_LIBRARY: nothing there",
    "inside this program: nothing there",
    "local build: used",
  ]);
});

Deno.test("openLibrarySync() passes a damaged local build over, and says so", async () => {
  using sandbox = new Sandbox();
  const outcome = await assertOpens(twoLibraries(sandbox, { sha256: "0" }));
  const { verdict, problem } = verdictOn(outcome, "local build");
  assertEquals(verdict, "skipped");
  assertEquals(problem, "it is damaged: it is not the file that was built");
  assertEquals(verdictOn(outcome, "built from source before").verdict, "used");
  assertEquals(outcome.texts.length, 1);
  assertStringIncludes(outcome.texts[0], "it is damaged");
  assertStringIncludes(outcome.texts[0], "`deno task build`");
});

Deno.test("openLibrarySync() passes a local build of another version over", async () => {
  using sandbox = new Sandbox();
  const outcome = await assertOpens(twoLibraries(sandbox, { abiVersion: abiVersion + 1 }));
  assertStringIncludes(verdictOn(outcome, "local build").problem!, "another version");
});

Deno.test("openLibrarySync() never passes over the library that GPT2_NATIVE_LIBRARY names", async () => {
  using sandbox = new Sandbox();
  const trial = { ...twoLibraries(sandbox), path: `${sandbox.folder}/missing.so` };
  await assertRefused(trial, "missing.so: there is no such file", "GPT2_NATIVE_LIBRARY");
});

Deno.test("openLibrarySync() does not look for another library if a permission is missing", async () => {
  using sandbox = new Sandbox();
  const trial = twoLibraries(sandbox);
  await assertRefused({ ...trial, permissions: ["--allow-read"] }, "--allow-ffi");
  await assertRefused({ ...trial, permissions: ["--allow-ffi"] }, "--allow-read");
});

Deno.test("openLibrary() asks for the permission that finds the place to keep a library in", async () => {
  using sandbox = new Sandbox();
  const [{ result, texts }] = await tryToOpen({
    cache: sandbox.folder,
    clone: sandbox.clone(),
    permissions: ["--allow-ffi", "--allow-read"],
  });
  assertStringIncludes(result, "Deno was started without --allow-env. Run with --allow-env.");
  assertEquals(texts, []);
});

Deno.test("openLibrary() says what keeps it from fetching and from building a library", async () => {
  using sandbox = new Sandbox();
  const [{ result, texts }] = await tryToOpen({
    cache: sandbox.folder,
    clone: sandbox.clone(),
    env: { HF_HUB_OFFLINE: "0", NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/", PATH: sandbox.folder },
  });
  assertStringIncludes(result, "prebuilt, from npm: ");
  assertStringIncludes(result, "127.0.0.1:1");
  assertStringIncludes(result, "build from source: not on PATH: git, cmake");
  assert(new TextEncoder().encode(result).length <= MAX_ERROR_BYTES);
  assertEquals(texts.length, 1);
  assertStringIncludes(texts[0], "Fetching the prebuilt ggml for ");
  // Nothing is left of the attempt.
  assertEquals([...Deno.readDirSync(`${sandbox.folder}/${librariesFolder}`)], []);
});

Deno.test("openLibrary() refuses a package from npm that is not the pinned one", async () => {
  using sandbox = new Sandbox();
  await using registry = serveFolder(root, () => new Response("not the package"));
  const [{ result }] = await tryToOpen({
    cache: sandbox.folder,
    clone: sandbox.clone(),
    env: { HF_HUB_OFFLINE: "0", NPM_CONFIG_REGISTRY: `${registry.address}/`, PATH: "" },
  });
  assertStringIncludes(result, "checksum did not match");
});

Deno.test("openLibrary() builds from source where the modules come from the web, once", async () => {
  using sandbox = new Sandbox();
  // Stands in for the build, which takes minutes: it looks at what it was given, and hands out the library of the tests.
  const script = `
    const [, native, , output] = Deno.args;
    const names = [...Deno.readDirSync(native)].map(({ name }) => name).sort();
    if (names.join() !== ${JSON.stringify([...nativeFiles].sort().join())}) throw new Error(names);
    Deno.mkdirSync(output);
    for (const suffix of ["", ".json"]) {
      const name = ${JSON.stringify(sandbox.path.slice(sandbox.folder.length))} + suffix;
      Deno.copyFileSync(${JSON.stringify(`${root}/native/build`)} + name, output + name);
    }`;
  await using site = serveFolder(
    root,
    (path) =>
      path === "/scripts/build.ts"
        ? new Response(script, { headers: { "content-type": "application/typescript" } })
        : undefined,
  );
  const trial = {
    cache: sandbox.folder,
    clone: site.address,
    env: {
      HF_HUB_OFFLINE: "0",
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
      DENO_DIR: `${sandbox.folder}/deno`,
    },
  };
  const first = await assertOpens(trial);
  assertEquals(first.texts.at(-1), "Building the native library (once, about 30 s) ...");
  assertEquals(verdictOn(first, "build from source").verdict, "used");
  const second = await assertOpens(trial);
  assertEquals(second.texts, []);
  assertEquals(verdictOn(second, "built from source before").verdict, "used");
});

Deno.test("nativeFiles lists what is in native/", () => {
  assertEquals([...nativeFiles].sort(), filesIn("native").map((path) => path.slice(7)).sort());
});
