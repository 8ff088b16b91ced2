/**
 * Everything that must hold before a change goes in. Stops at the first thing that does not.
 *
 *     deno task ok
 *
 * @module
 */

import { listedFiles } from "./package_files.ts";

/** JSR takes 20 MB; beyond this, whoever adds to the package should stop and think. */
const MAX_PACKAGE_BYTES = 15_000_000;

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  /** Looks at what the command wrote. Throws if it is not as it should be; returns what is worth telling. */
  readonly inspect?: (output: string) => string;
}

const steps: readonly Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "native library", args: ["task", "build"] },
  { name: "types", args: ["check", "."] },
  {
    name: "documentation",
    args: [
      "doc",
      "--lint",
      "mod.ts",
      "src/ops.ts",
      "src/inspect.ts",
      "src/evaluate.ts",
      "src/serve.ts",
      "src/train.ts",
    ],
  },
  { name: "layers", args: ["run", "-A", "scripts/check_layers.ts"] },
  { name: "native symbols", args: ["run", "-A", "scripts/check_symbols.ts"] },
  { name: "package", args: ["publish", "--dry-run", "--allow-dirty"], inspect: checkPackageSize },
  { name: "tests", args: ["task", "test"] },
];

async function runStep({ name, args, inspect }: Step): Promise<boolean> {
  const start = performance.now();
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
  try {
    if (!success) throw new Error(`deno ${args.join(" ")} failed`);
    const note = inspect?.(output);
    console.log(`ok     ${seconds} s  ${name}${note === undefined ? "" : `: ${note}`}`);
  } catch (error) {
    console.log(output.trimEnd());
    console.log(`FAILED ${seconds} s  ${name}: ${(error as Error).message}`);
    return false;
  }
  return true;
}

/** Adds up the files that would be published; the dry run rounds their sizes and does not look at the sum. */
function checkPackageSize(output: string): string {
  const bytes = listedFiles(output).map((url) => Deno.statSync(url).size);
  const total = bytes.reduce((sum, size) => sum + size, 0);
  const text = `${(total / 1e6).toFixed(1)} MB in ${bytes.length} files`;
  if (bytes.length === 0) throw new Error("the dry run named no file");
  if (total > MAX_PACKAGE_BYTES) {
    throw new Error(`${text}, more than ${MAX_PACKAGE_BYTES / 1e6} MB: exclude some in deno.json`);
  }
  return text;
}

for (const step of steps) {
  if (!await runStep(step)) Deno.exit(1);
}
