import { sep } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cpuFeatures, featuresIn } from "../../src/ffi/cpu_features.ts";
import { sha256 } from "../../src/base/sha256.ts";
import {
  cpuLevels,
  levelNames,
  levelOfLibrary,
  levelsOfThisCpu,
  levelsWith,
} from "../../src/native_library/cpu_levels.ts";
import { libraryFileName, readStamp } from "../../src/native_library/build_stamp.ts";
import { assertOpens, assertRefused, root, Sandbox } from "./library_trial.ts";

const [best, ...others] = levelsOfThisCpu();
const last = others.at(-1) ?? best;
const isX86 = Deno.build.arch === "x86_64";

/** A clone with libraries for some levels, which are copies of the one that was built here. */
function cloneWith(sandbox: Sandbox, levels: readonly string[]): string {
  const clone = sandbox.clone();
  for (const level of levels) {
    sandbox.write().stamp({ level }).moveTo(`${clone}/native/build/portable/${level}`);
  }
  return clone;
}

Deno.test(
  "levelsWith() gives the levels that a processor has, best first",
  { ignore: !isX86 },
  () => {
    const haswell = "sse4_2 avx avx2 fma f16c bmi2";
    const iceLake = `${haswell} avx512f avx512cd avx512bw avx512dq avx512vl avx512vbmi avx512_vnni`;
    const processors: Record<string, string[]> = {
      "sse4_2": ["sse42"],
      [haswell]: ["avx2", "sse42"],
      [`${haswell} avx_vnni`]: ["avx-vnni", "avx2", "sse42"],
      // Skylake's AVX-512 has neither VNNI nor VBMI.
      [`${haswell} avx512f avx512cd avx512bw avx512dq avx512vl`]: ["avx2", "sse42"],
      [iceLake]: ["avx512", "avx2", "sse42"],
      [`${iceLake} avx512_bf16`]: ["avx512-bf16", "avx512", "avx2", "sse42"],
      [`${iceLake} avx512_bf16 avx_vnni amx_tile amx_int8 amx_bf16`]: levelNames(),
    };
    for (const [features, levels] of Object.entries(processors)) {
      assertEquals(levelsWith(new Set(features.split(" "))), levels);
    }
    assertEquals(levelsWith(undefined), levelNames());
  },
);

Deno.test(
  "levelOfLibrary() tells a level by what ggml says it is made for",
  { ignore: !isX86 },
  () => {
    const haswell = ["SSE3", "SSSE3", "AVX", "AVX2", "F16C", "FMA", "BMI2"];
    const zen4 = [...haswell, "AVX512", "AVX512_VBMI", "AVX512_VNNI", "AVX512_BF16"];
    assertEquals(levelOfLibrary(["SSE3", "SSSE3"]), "sse42");
    assertEquals(levelOfLibrary(haswell), "avx2");
    assertEquals(levelOfLibrary([...haswell, "AVX_VNNI"]), "avx-vnni");
    assertEquals(levelOfLibrary(zen4.slice(0, -1)), "avx512");
    assertEquals(levelOfLibrary(zen4), "avx512-bf16");
    assertEquals(levelOfLibrary([...zen4, "AMX_INT8"]), "amx");
    assertEquals(levelOfLibrary(["SSE3"]), undefined);
  },
);

Deno.test("featuresIn() reads the lines of both kinds of processors", () => {
  assertEquals(featuresIn("processor\t: 0\nflags\t\t: fpu sse4_2\nbugs\t\t: x\n"), [
    "fpu",
    "sse4_2",
  ]);
  assertEquals(featuresIn("processor\t: 0\nFeatures\t: fp asimddp\n"), ["fp", "asimddp"]);
  assertEquals(featuresIn(""), []);
});

Deno.test("this processor has a level", () => {
  assert(cpuFeatures()!.size > 0);
  assert(best !== undefined);
});

Deno.test("the build knows what every level is", () => {
  const cmake = Deno.readTextFileSync(`${root}/native/CMakeLists.txt`);
  const known = Array.from(cmake.matchAll(/^set\(GPT2_LEVEL_(\S+) /gm), ([, name]) => name);
  assertEquals(known.sort(), Object.values(cpuLevels).flat().map(({ name }) => name).sort());
});

/** What is in the paths of libraries for a level. */
function portableFolder(level: string): string {
  return `${sep}portable${sep}${level}${sep}`;
}

Deno.test("a clone without a library of its own takes the best of its levels", async () => {
  using sandbox = new Sandbox();
  const clone = cloneWith(sandbox, [best, last]);
  const { verdicts } = await assertOpens({ cache: sandbox.folder, clone });
  assertStringIncludes(verdicts.at(-1)!.path!, portableFolder(best));
});

Deno.test("a library for a level that does not work is passed over for the next level", async () => {
  using sandbox = new Sandbox();
  const clone = cloneWith(sandbox, [best, last]);
  // It is as it was built, but it is cut off.
  sandbox.write((bytes) => bytes.slice(0, 1000));
  const hash = await sha256(Deno.readFileSync(sandbox.path));
  sandbox.stamp({ level: best, cpuId: 1, sha256: hash }).moveTo(
    `${clone}/native/build/portable/${best}`,
  );
  const { verdicts, texts } = await assertOpens({ cache: sandbox.folder, clone });
  assertStringIncludes(verdicts.at(-1)!.path!, portableFolder(last));
  const skipped = verdicts.find(({ verdict }) => verdict === "skipped")!;
  assertStringIncludes(skipped.problem!, "it does not work on this machine");
  assertStringIncludes(skipped.remedy!, `deno task build --level ${best}`);
  assertEquals(texts, []);
});

Deno.test("GPT2_CPU_LEVEL has the library of that level used, and no other", async () => {
  using sandbox = new Sandbox();
  const clone = cloneWith(sandbox, [best, last]);
  // A library for all that this machine has.
  sandbox.write().stamp().moveTo(`${clone}/native/build`);
  const trial = { cache: sandbox.folder, clone };
  assertEquals((await assertOpens(trial)).verdicts.at(-1)?.place, "local build");
  for (const level of [best, last]) {
    const { verdicts } = await assertOpens({ ...trial, env: { GPT2_CPU_LEVEL: level } });
    assertStringIncludes(verdicts.at(-1)!.path!, portableFolder(level));
  }
});

Deno.test("GPT2_CPU_LEVEL is refused where there is no such library, with how to get it", async () => {
  using sandbox = new Sandbox();
  const clone = cloneWith(sandbox, []);
  sandbox.write().stamp().moveTo(`${clone}/native/build`);
  const trial = { cache: sandbox.folder, clone };
  await assertRefused(
    { ...trial, env: { GPT2_CPU_LEVEL: best } },
    `Build one with \`deno task build --level ${best}\``,
    "unset GPT2_CPU_LEVEL",
  );
  await assertRefused(
    { ...trial, env: { GPT2_CPU_LEVEL: "avx1024" } },
    "GPT2_CPU_LEVEL is no level of instructions of",
    'received "avx1024". Set it to one of ',
  );
  const lacking = levelNames().find((level) => !levelsOfThisCpu().includes(level));
  if (lacking === undefined || Deno.build.os === "windows") return;
  await assertRefused(
    { ...trial, env: { GPT2_CPU_LEVEL: lacking } },
    `this processor lacks instructions of the level that GPT2_CPU_LEVEL asks for: received "${lacking}"`,
  );
});

/** The demo's greedy text, from the library of a level, or from that which is used otherwise. */
async function textWith(level: string, cache: string) {
  const args = ["--model", "demo", "--greedy", "-n", "40", "--json", "ROMEO:"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", `${root}/mod.ts`, ...args],
    env: { GPT2_CPU_LEVEL: level, HF_HUB_OFFLINE: "1", XDG_CACHE_HOME: cache, NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).sequences[0].text;
}

// Those of `deno task build --portable`, where that was run: the tests do not take the minutes that it takes.
Deno.test("each level that is built and runs here writes the same text", async () => {
  using sandbox = new Sandbox();
  const isBuilt = (level: string) =>
    readStamp(`${root}/native/build/portable/${level}/${libraryFileName()}`) !== undefined;
  const expected = await textWith("", sandbox.folder);
  for (const level of levelsOfThisCpu().filter(isBuilt)) {
    assertEquals(await textWith(level, sandbox.folder), expected, level);
  }
});
