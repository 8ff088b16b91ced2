/**
 * What the user reads when something went wrong.
 *
 * @module
 */
import { exitCodeOf, exitCodes, isDefect } from "../exit_code.ts";
import type { Output } from "./io.ts";
import { UsageError } from "../arguments/usage_error.ts";

const MAX_BYTES = 2048;

/** How to present an error. */
export interface ErrorTextOptions {
  /** Whether to show where it comes from; at full length then. */
  readonly isDebug: boolean;
  /** Where it will be read. */
  readonly output: Pick<Output, "isTerminal" | "isDecorated">;
  /** What to type for the help. */
  readonly helpCommand: string;
}

/** The text for stderr: what went wrong, in at most 2 KB unless it is asked for in full. */
export function errorText(error: unknown, options: ErrorTextOptions): string {
  const { output } = options;
  if (exitCodeOf(error) === exitCodes.interrupted) {
    // On a terminal the cursor stands behind the ^C, or behind half a text.
    return output.isTerminal ? "\nInterrupted.\n" : "Interrupted.\n";
  }
  const label = output.isDecorated ? "\x1b[1;31merror:\x1b[0m" : "error:";
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`${label} ${isDefect(error) ? `${(error as Error).name}: ` : ""}${message}`];
  if (error instanceof UsageError) lines.push(`Help: ${options.helpCommand}`);
  if (options.isDebug) return [...lines, trace(error)].join("\n") + "\n";
  if (isDefect(error)) {
    lines.push("This is a defect of the program. Add --debug to see where it is.");
  }
  return cut(lines.join("\n"), MAX_BYTES - 1) + "\n";
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
