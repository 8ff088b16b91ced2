/**
 * Running other programs.
 *
 * @module
 */

/** What went wrong in a way that a message alone explains. */
export class BenchError extends Error {
  override name = "BenchError";
}

/** How to run a program. */
export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Whether what it wrote to stderr is wanted too, behind the rest. */
  stderrToo?: boolean;
}

const TAIL_CHARACTERS = 1500;

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to stdout
 * @throws {BenchError} with the end of what it wrote, if it fails
 */
export async function run(
  program: string,
  args: readonly string[],
  { stderrToo = false, ...options }: CommandOptions = {},
): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    ...options,
    env: { ...options.env, NO_COLOR: "1" },
    stdin: "null",
  });
  const { success, code, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout);
  if (success) return stderrToo ? text + new TextDecoder().decode(stderr) : text;
  const tail = (new TextDecoder().decode(stderr).trim() || text.trim()).slice(-TAIL_CHARACTERS);
  throw new BenchError(
    `Cannot run ${program} ${args.join(" ")}: it ended with code ${code}:\n${tail}`,
  );
}
