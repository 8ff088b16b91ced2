/**
 * What the user reads when something went wrong.
 *
 * @module
 */
import { exitCodeOf, exitCodes, isDefect } from "../exit_code.ts";
import type { Output } from "./io.ts";
import { terminalText } from "./terminal_text.ts";
import { UsageError } from "../arguments/usage_error.ts";

const MAX_BYTES = 2048;
const LABEL = "error:";

/** How to present an error. */
export interface ErrorTextOptions {
  /** Whether to show where it comes from; at full length then. */
  readonly isDebug: boolean;
  /** What to type for the help. */
  readonly helpCommand: string;
}

/** Tells what went wrong, in at most 2 KB unless it is asked for in full. */
export async function writeError(
  error: unknown,
  output: Output,
  options: ErrorTextOptions,
): Promise<void> {
  if (exitCodeOf(error) === exitCodes.interrupted) {
    // On a terminal the cursor stands behind the ^C, or behind half a text.
    await output.write(output.isTerminal ? "\nInterrupted.\n" : "Interrupted.\n");
    return;
  }
  await output.write(LABEL, "error");
  await output.write(` ${errorText(error, options)}`);
}

function errorText(error: unknown, options: ErrorTextOptions): string {
  const message = terminalText(error instanceof Error ? error.message : String(error));
  const lines = [`${isDefect(error) ? `${(error as Error).name}: ` : ""}${message}`];
  if (error instanceof UsageError) lines.push(`Help: ${options.helpCommand}`);
  if (options.isDebug) return [...lines, trace(error)].join("\n") + "\n";
  if (isDefect(error)) {
    lines.push("This is a defect of the program. Add --debug to see where it is.");
  }
  return cut(lines.join("\n"), MAX_BYTES - `${LABEL} \n`.length) + "\n";
}

/** Where an error and its causes come from. */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const stack = error.stack ?? "";
  return error.cause === undefined ? stack : `${stack}\nCaused by: ${trace(error.cause)}`;
}

/** The beginning of a text that takes at most so many bytes in UTF-8, without half a character at its end. */
function cut(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const ellipsis = " ...";
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes - ellipsis.length));
  return text.slice(0, read) + ellipsis;
}
