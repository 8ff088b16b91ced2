/**
 * Looks at the report of a training in a browser: points at its curves, moves with keys, and takes pictures.
 *
 *     deno run -A scripts/check_training_report.ts [--browser /usr/bin/chromium] [--pictures report-pictures] [--log log.jsonl] [--title name]
 *
 * Without a log it shows a run that is made up. Needs Node with npm, and Chromium; playwright-core is installed from npm once,
 * into the cache.
 *
 * @module
 */
import { trainingReport } from "../src/training/report/training_report.ts";
import type { TrainingEvent } from "../src/training/training_event.ts";
import { plausibleRun } from "../tests/training/plausible_run.ts";
import { CHROMIUM, clickThrough } from "./browser.ts";
import { parseFlags } from "./parse_flags.ts";

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["browser", "pictures", "log", "title"], switches: [] },
  );
  const { browser = CHROMIUM, pictures = "report-pictures", log, title = "a model" } = values;
  await Deno.mkdir(pictures, { recursive: true });
  const folder = await Deno.makeTempDir();
  try {
    const report = `${folder}/report.html`;
    const events = log === undefined ? plausibleRun() : await readLog(log);
    await Deno.writeTextFile(report, trainingReport(events, { title }));
    const script = `${import.meta.dirname}/training_report_in_browser/click_through.mjs`;
    console.log(await clickThrough(script, browser, [report, pictures]));
    console.log(`Pictures are in ${pictures}.`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function readLog(path: string): Promise<TrainingEvent[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
