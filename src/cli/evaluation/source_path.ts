/**
 * Which file a command measures on.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { UsageError } from "../arguments/usage_error.ts";
import type { Io } from "../terminal/io.ts";

/** What a user may have said of the file. */
export interface Sources {
  /** The argument, of commands that take the path as one. */
  readonly operand?: string;
  /** The value of `--file`. */
  readonly file: string | undefined;
}

/**
 * The path of the file, which is an argument or that of `--file`; `-`, for stdin, also where nothing is said and another
 * program writes to it.
 *
 * @param what the command needs: `perplexity needs a text`
 * @throws {UsageError} if there are two, or none and stdin is a terminal
 */
export function sourcePath(
  { operand, file }: Sources,
  what: string,
  { stdin }: Pick<Io, "stdin">,
): string {
  if (operand !== undefined && file !== undefined) {
    throw new UsageError(
      `${what}, from one file: received two, ${quotePath(operand)} and --file ${
        quotePath(file)
      }. ` +
        "Leave one out.",
    );
  }
  const path = operand ?? file ?? (stdin.isTerminal ? undefined : "-");
  if (path !== undefined) return path;
  throw new UsageError(
    `${what}: received none. Give the path of a file after --file, or write to stdin.`,
  );
}
