/**
 * Builds the native library for each level of instructions of processors of this kind, and runs the tests of the kernels
 * with each that this processor has (GPT2_CPU_LEVEL). By hand: each build takes half a minute and more.
 *
 *     deno run -A scripts/check_levels.ts [test files or folders]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { LEVEL_VARIABLE, levelNames, levelsOfThisCpu } from "../src/native_library/cpu_levels.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const TESTS = ["tests/tensor/", "tests/engine/same_bits_test.ts"];

async function deno(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), { args, env, cwd: root });
  return (await command.spawn().status).success;
}

const tests = Deno.args.length === 0 ? TESTS : Deno.args;
const verdicts: string[] = [];
let isRight = true;
for (const level of levelNames()) {
  const isBuilt = await deno(["task", "build", "--level", level]);
  const canRun = isBuilt && levelsOfThisCpu().includes(level);
  const passed = canRun &&
    await deno(["test", "-A", "--no-check", "--quiet", ...tests], { [LEVEL_VARIABLE]: level });
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
