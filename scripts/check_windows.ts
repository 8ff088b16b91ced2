/**
 * Cross-compiles the native library for Windows, for some levels of instructions, and runs it in Wine. By hand, on Linux
 * for x86; it takes minutes for each level.
 *
 *     apt-get install g++-mingw-w64-x86-64-posix cmake ninja-build wine wine64
 *     deno run -A scripts/check_windows.ts [--level avx512|avx2|sse42|...] [--tests tests/base,tests/ffi] [--work folder]
 *
 * The compiler and Wine have to be Debian 13's, or later: ggml needs what older headers lack, and Deno what older Wines
 * lack. An older system takes a folder with Debian 13 in it, where this script runs too, with Deno copied into it:
 *
 *     debootstrap --variant=minbase --include=ca-certificates,git,wine,wine64 trixie <folder>
 *     mount --bind /proc <folder>/proc; mount --bind /dev <folder>/dev; mount --bind . <folder>/mnt
 *     chroot <folder> bash    # then apt-get as above, cd /mnt, and the script
 *
 * 1. The library is compiled as `deno task build --level` does it, and tried out by the same probe, in Deno's own build for
 *    Windows from npm; then `doctor` has to find that all is well.
 * 2. The demo model has to write the same tokens as with the library of this machine, with several types of weights.
 * 3. The tests that `--tests` names have to pass there, with the library as the build of the repository, where it stays
 *    until they are done.
 *
 * What is compiled and fetched goes into a temporary folder, or into the one that `--work` names, where it stays: the next
 * time less is left to do. Wine is not Windows: docs/releasing.md says where they were seen to differ.
 *
 * @module
 */
import { levelNames, levelsOfThisCpu } from "../src/native_library/cpu_levels.ts";
import { stampPathOf } from "../src/native_library/build_stamp.ts";
import { LIBRARY_VARIABLE } from "../src/native_library/locations.ts";
import { requireMingw, windowsTarget } from "./check_windows/mingw.ts";
import { Wine } from "./check_windows/wine.ts";
import { compileLibrary } from "./cross_compiled/compile_library.ts";
import { root } from "./cross_compiled/foreign_deno.ts";
import { proveLibrary } from "./cross_compiled/prove_library.ts";
import { sameTokens } from "./cross_compiled/same_tokens.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

/** Those that Windows has a library for; others are for who names them. */
const usual = ["sse42", "avx2", "avx512"];

const { values } = parseFlags(
  Deno.args,
  { values: ["level", "tests", "work"], switches: [] },
);
if (values.level !== undefined && !levelNames("x86_64").includes(values.level)) {
  refuseArguments(
    `--level must be one of ${levelNames("x86_64").join(", ")}: received ${values.level}`,
  );
}
const here = levelsOfThisCpu();
const wanted = values.level === undefined
  ? usual.filter((name) => here.includes(name))
  : [values.level];

async function say(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

/** Steps 1 and 2. */
async function checkLibrary(wine: Wine, level: string, library: string): Promise<void> {
  const proof = await proveLibrary(wine, library);
  await say(`${level}: the library: ${JSON.stringify(proof)}`);
  const env = { [LIBRARY_VARIABLE]: wine.pathThere(library) };
  const report = JSON.parse(
    await wine.deno(["run", "-A", "--no-check", "mod.ts", "doctor", "--json"], env),
  );
  if (!report.isHealthy) throw new Error(`doctor finds faults: ${report.fixes.join(" ")}`);
  await say(`${level}: doctor: all is well`);
  await say(`${level}: the same tokens as here: ${(await sameTokens(wine, library)).join(", ")}`);
}

/** Step 3. */
async function runTests(wine: Wine, level: string, library: string, tests: string[]) {
  const built = `${root}native/build/${windowsTarget.fileName}`;
  await Deno.copyFile(library, built);
  await Deno.copyFile(stampPathOf(library), stampPathOf(built));
  try {
    const passed = await wine.show(["test", "-A", "--no-check", "--quiet", ...tests]);
    if (!passed) throw new Error(`${level}: tests failed in Wine, see above`);
  } finally {
    await Deno.remove(built);
    await Deno.remove(stampPathOf(built));
  }
}

const work = values.work === undefined
  ? await Deno.makeTempDir({ prefix: "gpt2-windows-" })
  : await Deno.mkdir(values.work, { recursive: true }).then(() => Deno.realPath(values.work!));
try {
  await requireMingw();
  const wine = await Wine.start(work);
  for (const level of wanted) {
    const library = await compileLibrary(windowsTarget, level, work);
    await checkLibrary(wine, level, library);
    if (values.tests !== undefined) {
      await runTests(wine, level, library, values.tests.split(","));
    }
  }
} finally {
  if (values.work === undefined) await Deno.remove(work, { recursive: true });
}
