/**
 * Builds the native library for each set of instructions that a processor of this kind may have, and runs the tests of the
 * kernels with each that runs here. By hand: each build takes half a minute and more.
 *
 *     deno run -A scripts/check_levels.ts [test files or folders]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { libraryFileName, readStamp } from "../src/native_library/build_stamp.ts";
import { LIBRARY_VARIABLE } from "../src/native_library/locations.ts";
import { cpuLevels } from "./native_tools.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const TESTS = ["tests/tensor/", "tests/engine/same_bits_test.ts"];

async function deno(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), { args, env, cwd: root });
  return (await command.spawn().status).success;
}

const tests = Deno.args.length === 0 ? TESTS : Deno.args;
const verdicts: string[] = [];
let isRight = true;
for (const level of cpuLevels) {
  const library = `${root}native/build/${level}/${libraryFileName()}`;
  const isBuilt = await deno(["task", "build", "--level", level]);
  const canRun = isBuilt && readStamp(library)?.cpuId !== undefined;
  const passed = canRun &&
    await deno(["test", "-A", "--no-check", "--quiet", ...tests], { [LIBRARY_VARIABLE]: library });
  isRight &&= isBuilt && (passed || !canRun);
  const verdict = !isBuilt
    ? "not built"
    : !canRun
    ? "built, not run: this CPU lacks it"
    : passed
    ? "all tests passed"
    : "tests failed";
  verdicts.push(`${level}: ${verdict}`);
}
await Deno.stdout.write(new TextEncoder().encode(`${verdicts.join("\n")}\n`));
if (!isRight) Deno.exit(1);
