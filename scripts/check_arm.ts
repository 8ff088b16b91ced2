/**
 * Cross-compiles the native library for ARM, for each level of instructions, and runs it in an emulator of a processor that
 * has these and, but for the last level, no more. By hand, on Linux for x86; it takes minutes for each level.
 *
 *     apt-get install g++-aarch64-linux-gnu qemu-user-static
 *     deno run -A scripts/check_arm.ts [--level armv8|dotprod|i8mm] [--seeds 50] [--work folder]
 *
 * 1. The kernels are compared with plain loops (`fuzz_kernels/`), under the sanitizers for addresses and undefined behaviour.
 *    Those of a level have to die of an instruction on the processor of the level below: so the emulator tells levels apart.
 * 2. The library is compiled as `deno task build --level` does it, and tried out by the same probe, in Deno's own build for
 *    ARM from npm.
 * 3. The demo model has to write the same tokens as with the library of this machine, with several types of weights.
 *
 * What is compiled and fetched goes into a temporary folder, or into the one that `--work` names, where it stays: the next
 * time less is left to do. How fast anything is an emulator does not tell.
 *
 * @module
 */
import { libraryFileName } from "../src/native_library/build_stamp.ts";
import { ArmEmulator, type ArmLevel, armLevels } from "./check_arm/arm_emulator.ts";
import { compileLibrary, type CompileTarget } from "./cross_compiled/compile_library.ts";
import { proveLibrary } from "./cross_compiled/prove_library.ts";
import { sameTokens } from "./cross_compiled/same_tokens.ts";
import { FuzzCompiler } from "./fuzz_kernels/fuzz_program.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

/** What the names of the cross compiler's programs begin with, as Debian and Ubuntu have it. */
const CROSS_COMPILER = "aarch64-linux-gnu-";
const TARGET: CompileTarget = {
  system: "Linux",
  processor: "aarch64",
  cCompiler: `${CROSS_COMPILER}gcc`,
  cppCompiler: `${CROSS_COMPILER}g++`,
  fileName: libraryFileName("linux"),
};

const { values } = parseFlags(
  Deno.args,
  { values: ["level", "seeds", "work"], switches: [] },
);
const wanted = armLevels.filter(({ name }) => values.level === undefined || name === values.level);
if (wanted.length === 0) {
  const names = armLevels.map(({ name }) => name).join(", ");
  refuseArguments(`--level must be one of ${names}: received ${values.level}`);
}

async function say(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

/** Step 1. */
async function checkKernels(compiler: FuzzCompiler, emulator: ArmEmulator, level: ArmLevel) {
  const program = await compiler.compile(level.name, [`-march=${level.architecture}`]);
  const result = await emulator.run(level.processor, [program, "1", values.seeds ?? "50"]);
  await say(`${level.name}: the kernels on ${level.processor}: ${result.trim()}`);
  const below = armLevels[armLevels.indexOf(level) - 1];
  if (below === undefined) return;
  await emulator.runToIllegalInstruction(below.processor, [program, "1", "1"]);
  await say(`${level.name}: on ${below.processor} they die of an instruction, as they should`);
}

/** Steps 2 and 3. */
async function checkLibrary(work: string, emulator: ArmEmulator, level: ArmLevel) {
  const library = await compileLibrary(TARGET, level.name, work);
  const foreign = emulator.denoOn(level.processor);
  const proof = await proveLibrary(foreign, library);
  await say(`${level.name}: the library on ${level.processor}: ${JSON.stringify(proof)}`);
  const tokens = await sameTokens(foreign, library);
  await say(`${level.name}: the same tokens as here: ${tokens.join(", ")}`);
}

const work = values.work ?? await Deno.makeTempDir({ prefix: "gpt2-arm-" });
await Deno.mkdir(work, { recursive: true });
try {
  const emulator = await ArmEmulator.start(work);
  const compiler = await FuzzCompiler.start(work, CROSS_COMPILER);
  for (const level of wanted) {
    await checkKernels(compiler, emulator, level);
    await checkLibrary(work, emulator, level);
  }
} finally {
  if (values.work === undefined) await Deno.remove(work, { recursive: true });
}
