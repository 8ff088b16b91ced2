/**
 * Asking before something is removed.
 *
 * @module
 */
import type { Io } from "./terminal/io.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** Whether to ask. */
export const yesFlag = {
  kind: "switch",
  short: "y",
  help: "Do not ask first.",
} as const;

/**
 * Asks on the terminal, unless `--yes` was given.
 *
 * @param question what is about to be done: `Remove 1.2 GB`
 * @returns whether the answer is yes
 * @throws {UsageError} if there is nobody to ask
 */
export async function confirm(
  question: string,
  isYes: boolean,
  { stdin, stderr, signal }: Pick<Io, "stdin" | "stderr" | "signal">,
): Promise<boolean> {
  if (isYes) return true;
  if (!stdin.isTerminal || !stderr.isTerminal) {
    throw new UsageError(`${question}? There is nobody to ask. Add --yes.`);
  }
  await stderr.write(`${question}? [y/N] `);
  const isConfirmed = /^\s*y(es)?\s*$/i.test(await stdin.readLine(signal));
  if (!isConfirmed) await stderr.write("Nothing was removed.\n");
  return isConfirmed;
}
