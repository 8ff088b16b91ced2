/**
 * Looks at the page that `explain --html` writes, in a browser: clicks through it and takes pictures.
 *
 *     deno run -A scripts/check_report.ts [--browser /usr/bin/chromium] [--pictures report-pictures] [--model demo]
 *
 * Needs Node with npm, and Chromium; playwright-core is installed from npm once, into the cache.
 *
 * @module
 */
import { run } from "./bench/command.ts";
import { CHROMIUM, clickThrough } from "./browser.ts";
import { parseFlags } from "./parse_flags.ts";

const TEXT = "ROMEO: My love, my life, my wife! JULIET: My love is";

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["browser", "pictures", "model"], switches: [] },
  );
  const { browser = CHROMIUM, pictures = "report-pictures", model = "demo" } = values;
  const root = `${import.meta.dirname}/..`;
  await Deno.mkdir(pictures, { recursive: true });
  // In a folder of its own: explain replaces no other file, not even an empty one.
  const folder = await Deno.makeTempDir();
  const report = `${folder}/report.html`;
  try {
    const flags = ["--model", model, "--type", "f32", "--compare", model, "--html", report];
    await run(Deno.execPath(), ["run", "-A", `${root}/mod.ts`, "explain", TEXT, ...flags]);
    const script = `${import.meta.dirname}/report_in_browser/click_through.mjs`;
    console.log(await clickThrough(script, browser, [report, pictures]));
    console.log(`Pictures are in ${pictures}.`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
