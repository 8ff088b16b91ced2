/**
 * `explain --html`: a page to look around in.
 *
 * @module
 */
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { throughLinks } from "../../base/files.ts";
import type { Explanation } from "../../inspection/explain.ts";
import type { InspectableModel } from "../../inspection/inspectable_model.ts";
import { collectReport, MAX_REPORT_TOKENS } from "../../inspection/report/collect_report.ts";
import { shownToken } from "../../inspection/token_text.ts";
import type { ReportComparison } from "../../inspection/report/report_data.ts";
import { reportHtml } from "../../inspection/report/report_html.ts";
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

/**
 * Writes the page, and says where.
 *
 * @throws {UsageError} if the text is too long for one
 * @throws {StorageError} if the file cannot be written
 */
export async function writeReport(
  path: string,
  model: InspectableModel,
  { name, explanation, candidates: { tokens, stages }, comparison }: Reported,
  io: Io,
): Promise<void> {
  const numTokens = explanation.position + 1;
  if (numTokens > MAX_REPORT_TOKENS) {
    throw new UsageError(
      `--html shows up to ${MAX_REPORT_TOKENS} tokens: received ${
        countText(numTokens, "token")
      }. ` +
        "Give a shorter text, or an earlier --position.",
    );
  }
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
  const bytes = new TextEncoder().encode(reportHtml(report));
  await writeFileAtomically(throughLinks(path), bytes.length, [bytes]);
  await io.stderr.write(`Wrote ${terminalText(path)} (${bytesText(bytes.length)}).\n`);
}
