import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import { compress, tableSource } from "../../scripts/make_library_table.ts";
import { libraryFileName } from "../../src/native_library/build_stamp.ts";
import { levelsOfThisCpu } from "../../src/native_library/cpu_levels.ts";
import { abiVersion } from "../../src/ffi/gpt2_native.ts";
import { singleFile } from "../../src/native_library/candidate.ts";
import { LibrarySearch } from "../../src/native_library/search.ts";
import { serveFolder } from "./serve_folder.ts";
import {
  assertOpens,
  assertRefused,
  built,
  type Outcome,
  root,
  Sandbox,
  tryToOpen,
} from "./library_trial.ts";

/** What an error may say in all. */
const MAX_ERROR_BYTES = 2048;
const system = `${Deno.build.os}-${Deno.build.arch}`;
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
  const candidate = (path: string) => singleFile(path, "Remove it.");
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

/** What may become of a file. */
const DAMAGES: readonly [name: string, damage: (path: string) => void][] = [
  ["cut off", (path) => Deno.truncateSync(path, Deno.statSync(path).size >> 1)],
  ["empty", (path) => Deno.truncateSync(path, 0)],
  ["another", (path) => Deno.writeTextFileSync(path, "?", { append: true })],
  ["missing", (path) => Deno.removeSync(path)],
];
const [bestLevel, nextLevel] = levelsOfThisCpu();
for (const [what, damage] of DAMAGES) {
  Deno.test(`a library of the best level that is ${what} is told, with what to do`, async () => {
    using sandbox = new Sandbox();
    const clone = sandbox.clone();
    const folderOf = (level: string) => `${clone}/native/build/portable/${level}`;
    for (const level of [bestLevel, nextLevel]) sandbox.write().stamp().moveTo(folderOf(level));
    damage(`${folderOf(bestLevel)}/${libraryFileName()}`);
    const { texts, verdicts } = await assertOpens({ clone, cache: sandbox.folder });
    assertEquals(verdicts.at(-1)?.path, `${folderOf(nextLevel)}/${libraryFileName()}`);
    assertEquals(texts.length, 1);
    assertStringIncludes(texts[0], `Passing over the native library ${folderOf(bestLevel)}`);
    assertStringIncludes(texts[0], `\`deno task build --level ${bestLevel}\``);
  });

  Deno.test(`a released library of the best level that is ${what} is had again, though there is another`, async () => {
    using sandbox = new Sandbox();
    const clone = sandbox.clone();
    const released = `${clone}/src/native_library/released`;
    const { entry, compressed } = await compress(built, bestLevel, system, 1);
    const entries = [bestLevel, nextLevel].map((level) => ({
      ...entry,
      level,
      file: `${level}.so.br`,
    }));
    Deno.writeTextFileSync(`${released}/table.ts`, tableSource(entries));
    for (const { file } of entries) Deno.writeFileSync(`${released}/${file}`, compressed);
    const kept = `${sandbox.folder}/${librariesFolder}/released`;
    Deno.mkdirSync(kept, { recursive: true, mode: 0o700 });
    for (const level of [bestLevel, nextLevel]) Deno.copyFileSync(built, `${kept}/${level}.so`);
    damage(`${kept}/${bestLevel}.so`);
    const trial = { clone, cache: sandbox.folder };
    const { texts, verdicts } = await assertOpens(trial);
    assertEquals(verdicts.at(-1)?.path, `${kept}/${bestLevel}.so`);
    assertEquals(texts.length, 1);
    assertStringIncludes(texts[0], "Fetching the native library for ");
    // Where it cannot be had, the other one does.
    damage(`${kept}/${bestLevel}.so`);
    for (const { file } of entries) Deno.removeSync(`${released}/${file}`);
    const without = await assertOpens(trial);
    assertEquals(without.verdicts.at(-1)?.path, `${kept}/${nextLevel}.so`);
    assertStringIncludes(without.texts.at(-1)!, what === "missing" ? "Fetching" : "Passing over");
  });
}

const unusable: readonly (readonly [Record<string, unknown>, problem: string])[] = [
  [{ sha256: "0" }, " is not the original file"],
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
    await assertRefused(trial, "there is no file missing.so", "GPT2_NATIVE_LIBRARY");
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
