import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import { abiVersion } from "../../src/ffi/gpt2_native.ts";
import { LibrarySearch } from "../../src/native_library/search.ts";
import { serveFolder } from "./serve_folder.ts";
import {
  assertOpens,
  assertRefused,
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

/** A clone with a local build. */
function builtClone(sandbox: Sandbox, stamp: Record<string, unknown> = {}) {
  const clone = sandbox.clone();
  sandbox.write().stamp(stamp).moveTo(`${clone}/native/build`);
  return { clone, cache: sandbox.folder };
}

Deno.test("openLibrarySync() says what to do where there is no library at all", async () => {
  using sandbox = new Sandbox();
  const trial = { cache: sandbox.folder, clone: sandbox.clone() };
  await assertRefused(trial, "`deno task build`");
  const [{ result }, sync] = await tryToOpen(trial);
  assertStringIncludes(result, "nothing may be downloaded: HF_HUB_OFFLINE is 1. Go online");
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

Deno.test("LibrarySearch tells once why several libraries of a place fail, and then what else there is", () => {
  const search = new LibrarySearch();
  const candidate = (path: string) => ({ path, remedy: "Remove it." });
  for (let i = 0; i < 9; i++) {
    search.skip({ name: "prebuilt" }, candidate(`/${i}.so`), new Error("base.so is damaged"));
  }
  assertStringIncludes(search.failure("").message, " /0.so: base.so is damaged. Remove it.");
  search.skip({ name: "npm" }, undefined, new Error("nothing may be downloaded"));
  assertEquals(
    search.failure("Go online.").message,
    "Cannot open the native library: none of these can be used:\n" +
      "  prebuilt, /0.so: base.so is damaged\n  npm: nothing may be downloaded\nGo online.",
  );
});

Deno.test("LibrarySearch advises what helps with a certificate, where that is what failed", () => {
  for (const others of [[], ["local build"]]) {
    const search = new LibrarySearch();
    for (const name of others) search.skip({ name }, undefined, new Error("it is damaged"));
    const reason = "client error (Connect): invalid peer certificate: UnknownIssuer";
    search.skip({ name: "prebuilt, from npm" }, undefined, new Error(reason));
    const { message } = search.failure("Go online.");
    assertStringIncludes(message, "set DENO_TLS_CA_STORE=system");
    assert(!message.includes("Go online"));
  }
});

Deno.test("openLibrarySync() looks at one place after the other", async () => {
  using sandbox = new Sandbox();
  const outcome = await assertOpens(builtClone(sandbox));
  assertEquals(outcome.verdicts.map(({ place, verdict }) => `${place}: ${verdict}`), [
    "GPT2_NATIVE_LIBRARY: nothing there",
    "inside this program: nothing there",
    "local build: used",
  ]);
});

const unusable: readonly (readonly [Record<string, unknown>, problem: string])[] = [
  [{ sha256: "0" }, "it is damaged: it is not the file that was built"],
  [{ abiVersion: abiVersion + 1 }, "it is of another version"],
];
for (const [stamp, expected] of unusable) {
  Deno.test(`openLibrarySync() passes a local build over if ${expected}`, async () => {
    using sandbox = new Sandbox();
    const [outcome] = await tryToOpen(builtClone(sandbox, stamp));
    const { verdict, problem } = verdictOn(outcome, "local build");
    assertEquals(verdict, "skipped");
    assertStringIncludes(problem!, expected);
    assertStringIncludes(outcome.result, expected);
    assertStringIncludes(outcome.result, "prebuilt, from npm: nothing may be downloaded");
  });
}

Deno.test("openLibrarySync() never passes over the library that GPT2_NATIVE_LIBRARY names", async () => {
  using sandbox = new Sandbox();
  const below = fileURLToPath(import.meta.url) + "/missing.so"; // Of a file, which has nothing below.
  for (const path of [`${sandbox.folder}/missing.so`, below, `${"n".repeat(300)}/missing.so`]) {
    const trial = { ...builtClone(sandbox), path };
    await assertRefused(trial, "missing.so: there is no such file", "GPT2_NATIVE_LIBRARY");
  }
});

Deno.test("openLibrarySync() does not look for another library if a permission is missing", async () => {
  using sandbox = new Sandbox();
  const trial = builtClone(sandbox);
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

Deno.test("openLibrary() says what keeps it from fetching a library", async () => {
  using sandbox = new Sandbox();
  const [{ result, texts }] = await tryToOpen({
    cache: sandbox.folder,
    clone: sandbox.clone(),
    env: { HF_HUB_OFFLINE: "0", NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/", PATH: sandbox.folder },
  });
  assertStringIncludes(result, "NativeLibraryError: Cannot open the native library: ");
  assertStringIncludes(result, "127.0.0.1:1");
  assertStringIncludes(result, "Go online for the first start, or build it");
  assert(new TextEncoder().encode(result).length <= MAX_ERROR_BYTES);
  assertEquals(texts.length, 1);
  assertStringIncludes(texts[0], "Fetching the prebuilt ggml for ");
  // Nothing is left of the attempt.
  const left = Array.from(
    Deno.readDirSync(`${sandbox.folder}/${librariesFolder}`),
    ({ name }) => name,
  );
  assertEquals(left, ["lock"]);
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
