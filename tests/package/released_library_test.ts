/**
 * The native libraries of a release, as users meet them: they come with the package, from the registry.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { compress, MAX_PACKAGE_BYTES, tableSource } from "../../scripts/make_library_table.ts";
import { libraryFileName } from "../../src/native_library/build_stamp.ts";
import { levelsOfThisCpu } from "../../src/native_library/cpu_levels.ts";
import type { ReleasedLibrary } from "../../src/native_library/released/released_library.ts";
import { releasedLibraries } from "../../src/native_library/released/table.ts";
import { type Outcome, User, World } from "./user.ts";

const system = `${Deno.build.os}-${Deno.build.arch}`;
const built = fileURLToPath(new URL(`../../native/build/${libraryFileName()}`, import.meta.url));
const FOLDER = "/src/native_library/released";
const [best, next] = levelsOfThisCpu();
const DEMO = ["ROMEO:", "--model", "demo", "--greedy", "-n", "4", "--threads", "1"];
const NO_NPM = { NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/" };

/** What was built here as it would be published for a level. */
async function release(levels: readonly string[]) {
  const { entry, compressed } = await compress(built, levels[0], system, 1);
  const entries = levels.map((level) => ({ ...entry, level, file: `${level}.so.br` }));
  return { entries, compressed };
}

function filesOf(
  entries: readonly ReleasedLibrary[],
  compressed: Uint8Array<ArrayBuffer>,
): Map<string, Uint8Array<ArrayBuffer>> {
  const table = new Uint8Array(new TextEncoder().encode(tableSource(entries)));
  return new Map([
    [`${FOLDER}/table.ts`, table],
    ...entries.map(({ file }) => [`${FOLDER}/${file}`, compressed] as const),
  ]);
}

const { entries, compressed } = await release([best, next]);

function keptLibraries(user: User): string[] {
  return user.cached().filter((path) => path.includes("/released/"))
    .map((path) => path.slice(path.lastIndexOf("/") + 1));
}

function assertWrote({ code, stdout, stderr }: Outcome): void {
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^ROMEO:[^]+/);
}

Deno.test("a first start fetches the library for this processor's level from the registry, once", async () => {
  await using world = await World.create("npm", filesOf(entries, compressed));
  using user = new User(world);
  const first = await user.run(["-A"], DEMO, NO_NPM);
  assertWrote(first);
  const { os, arch } = Deno.build;
  assertStringIncludes(first.stderr, `Fetching the native library for ${os} ${arch}, ${best} (`);
  assertEquals(keptLibraries(user), [`${best}.so`]);

  world.registry.seen.length = 0;
  const offline = { HF_HUB_OFFLINE: "1", ...NO_NPM };
  const second = await user.run(["-A"], DEMO, offline);
  assertEquals([second.code, second.stdout, world.registry.seen], [0, first.stdout, []]);
  const doctor = await user.run(["-A"], ["doctor", "--json"], offline);
  const { library, places } = JSON.parse(doctor.stdout);
  assertStringIncludes(library.path, `/released/${best}.so`);
  assertEquals(
    places.find(({ verdict }: { verdict: string }) => verdict === "used").place,
    "release, fetched before",
  );
});

Deno.test("GPT2_CPU_LEVEL fetches the library for that level; offline, that is said", async () => {
  await using world = await World.create("npm", filesOf(entries, compressed));
  using user = new User(world);
  const level = { GPT2_CPU_LEVEL: next, ...NO_NPM };
  const offline = await user.run(["-A"], DEMO, { ...level, HF_HUB_OFFLINE: "1" });
  assertEquals([offline.code, offline.stdout], [78, ""]);
  assertStringIncludes(offline.stderr, "nothing may be downloaded: HF_HUB_OFFLINE is 1");
  assertStringIncludes(offline.stderr, "unset GPT2_CPU_LEVEL");
  assertWrote(await user.run(["-A"], DEMO, level));
  assertEquals(keptLibraries(user), [`${next}.so`]);
});

Deno.test("a library that is not the published one is refused, and the next place is tried", async () => {
  await using world = await World.create("npm", filesOf(entries, compressed));
  using user = new User(world);
  const other = compressed.slice();
  other[other.length >> 1] ^= 1;
  const answers = [other, compressed.slice(0, 1000)];
  for (const answer of answers) {
    world.registry.misbehave = (path) => path.endsWith(".so.br") ? new Response(answer) : undefined;
    const { code, stderr } = await user.run(["-A"], DEMO, NO_NPM);
    assertEquals(code, 78);
    assertStringIncludes(
      stderr,
      `release, from the package: ${best}.so.br is not the file that was published`,
    );
    assertMatch(stderr, /\n {2}prebuilt, from npm: /);
    assertEquals(keptLibraries(user), []);
  }
  world.registry.misbehave = (path) =>
    path.endsWith(".so.br") ? new Response("busy", { status: 503 }) : undefined;
  assertStringIncludes((await user.run(["-A"], DEMO, NO_NPM)).stderr, "received status 503");
});

Deno.test("a library that does not work here is passed over for that of the next level", async () => {
  // It is what was published, but it is cut off.
  const cut = Deno.readFileSync(built).slice(0, 100_000);
  const path = Deno.makeTempFileSync({ suffix: ".so" });
  try {
    Deno.writeFileSync(path, cut);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", cut)).toHex();
    const stamp = { sha256: hash, abiVersion: 1, backend: "cpu", ggmlVersion: "0", inputs: {} };
    Deno.writeTextFileSync(`${path}.json`, JSON.stringify(stamp));
    const broken = await compress(path, best, system, 1);
    const files = filesOf(
      [{ ...broken.entry, file: `${best}.so.br` }, entries[1]],
      compressed,
    );
    files.set(`${FOLDER}/${best}.so.br`, broken.compressed);
    await using world = await World.create("npm", files);
    using user = new User(world);
    const { stderr, ...outcome } = await user.run(["-A"], DEMO, NO_NPM);
    assertWrote({ stderr, ...outcome });
    for (const level of [best, next]) assertStringIncludes(stderr, `, ${level} (`);
    // Neither is fetched again.
    assertEquals((await user.run(["-A"], DEMO, NO_NPM)).stderr.includes("Fetching"), false);
  } finally {
    Deno.removeSync(path);
    Deno.removeSync(`${path}.json`);
  }
});

Deno.test("the table of libraries is empty until a release makes it", () => {
  assertEquals(releasedLibraries, []);
  assert(MAX_PACKAGE_BYTES <= 20_000_000);
});
