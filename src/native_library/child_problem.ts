/**
 * Why a Deno that was started failed.
 *
 * @module
 */

/** What it wrote as the reason, in one line: without where that was, in Deno or here, and without what is said twice. */
export function childProblem(output: string): string {
  const [text] = output.split(/\n\s*Stack backtrace:/);
  const lines = text.trim().split("\n").map((line) => line.trim())
    .filter((line) => !line.startsWith("at "));
  const start = lines.findIndex((line) => line.startsWith("error: "));
  if (start === -1) return lines.at(-1) ?? "";
  // After an error that nobody caught comes the line of code.
  const uncaught = /^error: Uncaught (?:\(in promise\) )?(?:Error: )?(.*)/.exec(lines[start])?.[1];
  if (uncaught !== undefined) return uncaught;
  const reasons: string[] = [];
  for (const line of lines.slice(start)) {
    const reason = line.replace(/^(error|\d+): /, "").replace(/[.:]$/, "");
    if (!reasons.some((other) => other.includes(reason))) reasons.push(reason);
  }
  return reasons.join(": ");
}
