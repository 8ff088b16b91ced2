/**
 * Commands that somebody copies from a terminal.
 *
 * @module
 */

/** What no shell reads as anything but itself. */
const PLAIN_WORD = /^[\w%+,./:@=-]+$/;
const PLAIN_WINDOWS_WORD = /^[\w+,./:@=\\-]+$/;

/** A text as one word of a command: in quotes where a shell would divide or change it. */
export function shellWord(text: string, isWindows: boolean = Deno.build.os === "windows"): string {
  if ((isWindows ? PLAIN_WINDOWS_WORD : PLAIN_WORD).test(text)) return text;
  return isWindows ? `"${text.replaceAll('"', '""')}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
