/**
 * `explain --html`: a page to look around in.
 *
 * @module
 */
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { quotePath } from "../../base/describe.ts";
import { isFile, throughLinks } from "../../base/files.ts";
import type { Explanation } from "../../inspection/explain.ts";
import type { InspectableModel } from "../../inspection/inspectable_model.ts";
import { collectReport, MAX_REPORT_TOKENS } from "../../inspection/report/collect_report.ts";
import { shownToken } from "../../tokenizer/readable_token.ts";
import type { ReportComparison } from "../../inspection/report/report_data.ts";
import { REPORT_BEGIN, reportHtml } from "../../inspection/report/report_html.ts";
import { flagText } from "../arguments/flags.ts";
import { UsageError } from "../arguments/usage_error.ts";
import type { Io } from "../terminal/io.ts";
import { terminalText } from "../terminal/terminal_text.ts";
import { bytesText, countText } from "../terminal/units.ts";
import type { Candidates } from "./candidates.ts";

/** What is reported. */
interface Reported {
  /** Of the model. */
  readonly name: string;
  readonly explanation: Explanation;
  readonly candidates: Candidates;
  readonly comparison?: ReportComparison;
}

/** The path that means the program's output. */
const STDOUT = "-";

/**
 * Checks that a page can show so many tokens.
 *
 * @throws {UsageError} if not
 */
export function checkReportLength(numTokens: number): void {
  if (numTokens <= MAX_REPORT_TOKENS) return;
  throw new UsageError(
    `--html shows up to ${MAX_REPORT_TOKENS} tokens: received ${countText(numTokens, "token")}. ` +
      "Give a shorter text, or an earlier --position.",
  );
}

/**
 * Checks that there can be a page, before the work begins.
 *
 * @throws {UsageError} if there is a file that is no such page, or there are two things for stdout
 */
export async function checkReportPath(path: string, json: boolean): Promise<void> {
  if (path === STDOUT && json) {
    throw new UsageError("--html - and --json both write to the output. Give --html a file.");
  }
  if (path === STDOUT || !isFile(path) || await isReport(path)) return;
  throw new UsageError(
    `--html replaces nothing but its own pages: received ${
      quotePath(path)
    }, which is another file. ` +
      "Choose another name.",
  );
}

/** Whether a file is such a page, and may be written anew. */
async function isReport(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(REPORT_BEGIN.length);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(bytes) === REPORT_BEGIN;
}

/**
 * Writes the page, and says where.
 *
 * @throws {StorageError} if the file cannot be written
 */
export async function writeReport(
  path: string,
  model: InspectableModel,
  { name, explanation, candidates: { tokens, stages }, comparison }: Reported,
  io: Io,
): Promise<void> {
  const report = await collectReport(model, explanation, {
    model: name,
    candidates: tokens.map(({ probability, afterStages, ...token }) => ({
      text: shownToken(token),
      probability,
      afterStages,
    })),
    candidateStages: stages.map(({ name, value }) =>
      flagText(name) + (value === true ? "" : ` ${value}`)
    ),
    comparison,
  }, io.signal);
  const html = reportHtml(report);
  if (path === STDOUT) {
    await io.stdout.write(html);
    return;
  }
  const bytes = new TextEncoder().encode(html);
  await writeFileAtomically(throughLinks(path), bytes.length, [bytes]);
  await io.stderr.write(`Wrote ${terminalText(path)} (${bytesText(bytes.length)}).\n`);
}
