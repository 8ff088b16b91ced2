/**
 * The prebuilt ggml, fetched once for all tests of this file from npm, where the build of the tests gets ggml's source as
 * well.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import denoConfig from "../../deno.json" with { type: "json" };
import { exists } from "../../src/base/files.ts";
import { sha256 } from "../../src/base/sha256.ts";
import { cpuId } from "../../src/ffi/cpu_id.ts";
import { prebuiltPackage } from "../../src/native_library/prebuilt/cached_prebuilt.ts";
import { prebuiltPackages } from "../../src/native_library/prebuilt/packages.ts";
import { partsOf } from "../../src/native_library/prebuilt/parts.ts";
import { ggmlVersion } from "../../scripts/native_source.ts";
import {
  assertOpens,
  assertRefused,
  copyFolder,
  type Outcome,
  root,
  Sandbox,
  type Trial,
  tryToOpen,
} from "./library_trial.ts";

const system = `${Deno.build.os}-${Deno.build.arch}`;
const prebuiltFolder = `allformers/libraries/${denoConfig.version}-${system}/prebuilt`;
const ONLINE = { HF_HUB_OFFLINE: "0" };
const cpu = cpuId()!;
const { files } = prebuiltPackage()!;
const NO_CHILDREN = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-write"];

/** Everything begins with the fetching, so that all else finds it done. */
const fetched = new Sandbox();
const clone = fetched.clone();
const firstOutcome = assertOpens({ cache: fetched.folder, clone, env: ONLINE });
addEventListener("unload", () => fetched[Symbol.dispose]());

/** The environment in which the prebuilt ggml is found. */
const { folder } = fetched;
const variables = { XDG_CACHE_HOME: folder, HOME: folder, LOCALAPPDATA: folder, NO_COLOR: "1" };

/** A cache with the prebuilt ggml in it, and what is known about it. */
class PrebuiltSandbox extends Sandbox {
  readonly prebuilt: string = `${this.folder}/${prebuiltFolder}`;
  /** A clone of its own, whose table may be changed. */
  readonly ownClone: string = this.clone();
  /** The names of the variants, best first. */
  readonly variants: string[];

  private constructor() {
    super();
    Deno.mkdirSync(this.prebuilt, { recursive: true });
    for (const { name } of Deno.readDirSync(`${fetched.folder}/${prebuiltFolder}`)) {
      Deno.copyFileSync(`${fetched.folder}/${prebuiltFolder}/${name}`, `${this.prebuilt}/${name}`);
    }
    this.variants = JSON.parse(Deno.readTextFileSync(this.rankingPath));
  }

  static async create(): Promise<PrebuiltSandbox> {
    await firstOutcome;
    return new PrebuiltSandbox();
  }

  /** Where it is remembered which variants this CPU can run. */
  get rankingPath(): string {
    return `${this.prebuilt}/variants-${cpu.toString(16)}.json`;
  }

  get own(): Trial {
    return { cache: this.folder, clone: this.ownClone };
  }

  /** Changes a file; `isPublished` has the program expect it so. */
  async change(
    name: string,
    change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
    { isPublished = false } = {},
  ): Promise<void> {
    const bytes = change(Deno.readFileSync(`${this.prebuilt}/${name}`));
    Deno.writeFileSync(`${this.prebuilt}/${name}`, bytes);
    if (!isPublished) return;
    const table = `${this.ownClone}/src/native_library/prebuilt/packages.ts`;
    const text = Deno.readTextFileSync(table).replace(files[name], await sha256(bytes));
    Deno.writeTextFileSync(table, text);
  }
}

function flipBit(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  bytes[bytes.length >> 1] ^= 0x10;
  return bytes;
}

/** What was used, and what was not, as file names with reasons. */
function usedAndSkipped({ verdicts }: Outcome) {
  const nameOf = (path = "") => path.slice(path.lastIndexOf("/") + 1);
  return {
    used: nameOf(verdicts.find(({ verdict }) => verdict === "used")?.path),
    skipped: verdicts.filter(({ verdict }) => verdict === "skipped")
      .map(({ path, problem }) => ({ name: nameOf(path), problem })),
  };
}

Deno.test("openLibrary() fetches the prebuilt ggml, says so, and needs no network after that", async () => {
  const { texts, verdicts } = await firstOutcome;
  assertEquals(texts.length, 1);
  assertStringIncludes(texts[0], `Fetching the prebuilt ggml for ${system.replace("-", " ")} (`);
  assertEquals(verdicts.at(-1)?.place, "prebuilt, from npm");
  const again = await assertOpens({ cache: fetched.folder, clone, permissions: NO_CHILDREN });
  assertEquals(again.texts, []);
  assertEquals(again.verdicts.at(-1)?.place, "prebuilt, fetched before");
  // Nothing but the prebuilt ggml is kept.
  const parent = `${fetched.folder}/${prebuiltFolder}/..`;
  assertEquals(Array.from(Deno.readDirSync(parent), ({ name }) => name).sort(), [
    "lock",
    "prebuilt",
  ]);
});

Deno.test("a damaged variant of the prebuilt ggml is passed over for the next one", async () => {
  using sandbox = await PrebuiltSandbox.create();
  const [best, next] = sandbox.variants;
  await sandbox.change(best, flipBit);
  const outcome = await assertOpens(sandbox.own);
  const { used, skipped } = usedAndSkipped(outcome);
  assertEquals(used, next);
  assertEquals(skipped.map(({ name }) => name), [best]);
  assertStringIncludes(skipped[0].problem!, "is not the original file");
});

/** What may become of a file. */
const DAMAGES: readonly [name: string, damage: (path: string) => void][] = [
  ["cut off", (path) => Deno.truncateSync(path, Deno.statSync(path).size >> 1)],
  ["empty", (path) => Deno.truncateSync(path, 0)],
  ["another", (path) => Deno.writeFileSync(path, flipBit(Deno.readFileSync(path)))],
  ["missing", (path) => Deno.removeSync(path)],
];
const { base: BASE, ggml: GGML } = partsOf({ files });
for (const [what, damage] of DAMAGES) {
  for (const isRanked of [true, false]) {
    const when = isRanked ? "" : ", where it is not known yet which variants there are";
    Deno.test(`a variant that is ${what} is told, with what to do${when}`, async () => {
      using sandbox = await PrebuiltSandbox.create();
      const [best, next] = sandbox.variants;
      damage(`${sandbox.prebuilt}/${best}`);
      if (!isRanked) Deno.removeSync(sandbox.rankingPath);
      const { texts, ...outcome } = await assertOpens(sandbox.own);
      assertEquals(usedAndSkipped({ texts, ...outcome }).used, next);
      assertEquals(texts.length, 1);
      assertStringIncludes(texts[0], `Passing over the native library ${sandbox.prebuilt}/${best}`);
      assertStringIncludes(texts[0], `Remove ${sandbox.prebuilt}, and it is fetched again.`);
      // It is not remembered which variants there are without that one.
      assertEquals(exists(sandbox.rankingPath), isRanked);
    });
  }

  for (const name of [BASE, GGML]) {
    Deno.test(`${name} is named where it is ${what}`, async () => {
      using sandbox = await PrebuiltSandbox.create();
      damage(`${sandbox.prebuilt}/${name}`);
      const problem = what === "missing" ? `no file ${name}` : `${name} is not the original file`;
      await assertRefused(sandbox.own, problem);
    });
  }
}

Deno.test("two processes that start for the first time fetch the prebuilt ggml once", async () => {
  using sandbox = new Sandbox();
  const left = `${sandbox.folder}/${prebuiltFolder}/../left.incomplete`;
  Deno.mkdirSync(left, { recursive: true });
  const outcomes = await Promise.all(
    ["one", "other"].map((name) => {
      Deno.mkdirSync(`${sandbox.folder}/${name}`);
      const env = { ...ONLINE, XDG_CACHE_HOME: sandbox.folder, LOCALAPPDATA: sandbox.folder };
      return assertOpens({ cache: `${sandbox.folder}/${name}`, clone, env });
    }),
  );
  const texts = outcomes.flatMap(({ texts }) => texts);
  assertEquals(texts.filter((text) => text.startsWith("Fetching")).length, 1);
  // What a process that was killed had left is gone.
  assertEquals(exists(left), false);
});

Deno.test("what a note beside the prebuilt ggml says of its files does not count", async () => {
  using sandbox = await PrebuiltSandbox.create();
  const [best, next] = sandbox.variants;
  await sandbox.change(best, flipBit);
  const hash = await sha256(Deno.readFileSync(`${sandbox.prebuilt}/${best}`));
  const note = { files: { ...files, [best]: hash } };
  Deno.writeTextFileSync(`${sandbox.prebuilt}/prebuilt.json`, JSON.stringify(note));
  assertEquals(usedAndSkipped(await assertOpens(sandbox.own)).used, next);
});

Deno.test({
  name:
    "a prebuilt ggml that another user could have put there is refused before anything of it runs",
  ignore: Deno.build.os === "windows",
  async fn() {
    using sandbox = await PrebuiltSandbox.create();
    Deno.removeSync(sandbox.rankingPath);
    Deno.chmodSync(`${sandbox.prebuilt}/..`, 0o777);
    await assertRefused({ ...sandbox.own, permissions: NO_CHILDREN }, "others may write to");
    Deno.chmodSync(`${sandbox.prebuilt}/..`, 0o755);
    if (Deno.uid() !== 0) return;
    Deno.chownSync(sandbox.prebuilt, 12345, 12345);
    await assertRefused({ ...sandbox.own, permissions: NO_CHILDREN }, "belongs to another user");
  },
});

Deno.test({
  name: "nothing is fetched into a cache in which others could change it",
  ignore: Deno.build.os === "windows",
  async fn() {
    using sandbox = new Sandbox();
    Deno.mkdirSync(`${sandbox.folder}/allformers`);
    Deno.chmodSync(`${sandbox.folder}/allformers`, 0o777);
    const [{ result, texts }] = await tryToOpen({ cache: sandbox.folder, clone, env: ONLINE });
    assertStringIncludes(result, "StorageError: Cannot keep the native library in ");
    assertStringIncludes(result, "others may write to ");
    assertStringIncludes(result, "set XDG_CACHE_HOME to another folder");
    assertEquals(texts, []);
  },
});

Deno.test("a local build that cannot be used is passed over for the prebuilt ggml, and that is told", async () => {
  using sandbox = await PrebuiltSandbox.create();
  sandbox.write().stamp({ sha256: "0" }).moveTo(`${sandbox.ownClone}/native/build`);
  const { texts, verdicts } = await assertOpens(sandbox.own);
  assertEquals(verdicts.at(-1)?.verdict, "used");
  assertEquals(texts.length, 1);
  assertStringIncludes(texts[0], "it is damaged");
  assertStringIncludes(texts[0], "`deno task build`");
});

Deno.test("a variant that dies is passed over for the next one, and not tried again", async () => {
  using sandbox = await PrebuiltSandbox.create();
  const [best, next] = sandbox.variants;
  const half = (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, bytes.length >> 1);
  await sandbox.change(best, half, { isPublished: true });
  for (const permissions of [undefined, NO_CHILDREN]) {
    const outcome = await assertOpens({ ...sandbox.own, permissions });
    const { used, skipped } = usedAndSkipped(outcome);
    assertEquals(used, next);
    assertEquals(skipped.map(({ name }) => name), [best]);
    assertStringIncludes(skipped[0].problem!, "it does not work on this machine");
  }
});

Deno.test("a failure is believed for a day", async () => {
  using sandbox = await PrebuiltSandbox.create();
  const [best] = sandbox.variants;
  const experiences = `${sandbox.folder}/allformers/proven-libraries/${files[best]}.json`;
  Deno.mkdirSync(experiences.slice(0, experiences.lastIndexOf("/")), { recursive: true });
  const fail = (time: number) =>
    Deno.writeTextFileSync(
      experiences,
      JSON.stringify({ [cpu]: { problem: "it was a bad day", time } }),
    );
  const hour = 3600_000;
  fail(Date.now() - 23 * hour);
  const early = usedAndSkipped(await assertOpens(sandbox.own));
  assertStringIncludes(early.skipped[0].problem!, "it was a bad day");
  fail(Date.now() - 25 * hour);
  const late = usedAndSkipped(await assertOpens(sandbox.own));
  assertEquals(late, { used: best, skipped: [] });
});

Deno.test("a CPU that runs none but the plainest variant gets that", async () => {
  using sandbox = await PrebuiltSandbox.create();
  const last = sandbox.variants.at(-1)!;
  // What a weaker CPU would have led to.
  Deno.writeTextFileSync(sandbox.rankingPath, JSON.stringify([last]));
  const outcome = await assertOpens(sandbox.own);
  assertEquals(usedAndSkipped(outcome), { used: last, skipped: [] });
});

Deno.test("the prebuilt ggml is refused as a whole if the part that all variants need is damaged", async () => {
  using sandbox = await PrebuiltSandbox.create();
  await sandbox.change(partsOf({ files }).base, flipBit);
  const trial = sandbox.own;
  await assertRefused(trial, "is damaged");
  const [waiting, sync] = await tryToOpen({ ...trial, env: { HF_HUB_OFFLINE: "yes" } });
  // It is said once, not of each variant, so that there is room for what else there is.
  assertEquals(waiting.result.split("is damaged").length, 2);
  assertStringIncludes(
    waiting.result,
    "\n  prebuilt, from npm: nothing may be downloaded: HF_HUB_OFFLINE is yes\n",
  );
  assertStringIncludes(sync.result, " is not the original file. Remove ");
});

Deno.test("an intact prebuilt ggml that does not work is not fetched again", async () => {
  using sandbox = await PrebuiltSandbox.create();
  // Nothing runs the variants: as on a CPU for which there is none.
  Deno.removeSync(sandbox.rankingPath);
  const problem = { problem: "it failed", time: Date.now() };
  Deno.mkdirSync(`${sandbox.folder}/allformers/proven-libraries`, { recursive: true });
  for (const name of sandbox.variants) {
    Deno.writeTextFileSync(
      `${sandbox.folder}/allformers/proven-libraries/${files[name]}.json`,
      JSON.stringify({ [cpu]: problem }),
    );
  }
  const trial = { ...sandbox.own, env: { ...ONLINE, PATH: "" } };
  await assertRefused(trial, "it failed");
});

/** A copy of everything but the build, since a local build comes before the cache. */
function copyWithoutBuild(): Sandbox {
  const copy = new Sandbox();
  copyFolder(`${root}/src`, `${copy.folder}/src`);
  for (const name of ["mod.ts", "deno.json"]) {
    Deno.copyFileSync(`${root}/${name}`, `${copy.folder}/${name}`);
  }
  return copy;
}

Deno.test("the whole model says the same with the prebuilt ggml", async () => {
  await firstOutcome;
  const generate = async (program: string, env: Record<string, string>) => {
    const args = ["--model", "demo", "--greedy", "-n", "60", "--json", "ROMEO:"];
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", program, ...args],
      env: { HF_HUB_OFFLINE: "1", ...env },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout)).sequences[0];
  };
  using copy = copyWithoutBuild();
  const expected = await generate(`${root}/mod.ts`, {});
  const actual = await generate(`${copy.folder}/mod.ts`, variables);
  assertEquals(actual.text, expected.text);
  // Both round products to 8 bits in places, each in its own way.
  const TOLERANCE = 0.05;
  for (const [i, { logProbability }] of expected.tokens.entries()) {
    const difference = Math.abs(actual.tokens[i].logProbability - logProbability);
    assert(difference < TOLERANCE, `token ${i}: ${difference}`);
  }
});

for (const where of ["main thread", "worker"]) {
  Deno.test(`a process ends while the ${where} computes with the prebuilt ggml`, async () => {
    await firstOutcome;
    using copy = copyWithoutBuild();
    const name = "tests/tensor/end_while_computing.ts";
    Deno.mkdirSync(dirname(`${copy.folder}/${name}`), { recursive: true });
    Deno.copyFileSync(`${root}/${name}`, `${copy.folder}/${name}`);
    for (let i = 0; i < 6; i++) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--no-config", `${copy.folder}/${name}`, where],
        env: { HF_HUB_OFFLINE: "1", ...variables },
      }).output();
      const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals({ code, output }, { code: 3, output: "" });
    }
  });
}

Deno.test("prebuiltPackages has for each system what makes a library", () => {
  for (const { files, integrity, version, ggmlVersion: ggml } of Object.values(prebuiltPackages)) {
    const { base, ggml: main, variants } = partsOf({ files });
    assert(base !== undefined && main !== undefined && variants.length > 0);
    assert(Object.values(files).every((hash) => /^[0-9a-f]{64}$/.test(hash)));
    assert(integrity.startsWith("sha512-"));
    // Systems for which there is no package of the release that is built from source get the one before.
    if (version === "3.22.1") assertEquals(ggml, ggmlVersion);
  }
});
