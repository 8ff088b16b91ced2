/**
 * Looks at the page that `explain --html` writes, in a browser: clicks through it and takes pictures.
 *
 *     deno run -A scripts/check_report.ts [--browser /usr/bin/chromium] [--pictures report-pictures] [--model demo]
 *
 * Needs Node with npm, and Chromium; playwright-core is installed from npm once, into the cache.
 *
 * @module
 */
import { cacheFolder } from "../src/base/cache_folder.ts";
import { exists } from "../src/base/files.ts";
import { run } from "./bench/command.ts";
import { parseFlags } from "./parse_flags.ts";

const VERSION = "1.65.1";
const TEXT = "ROMEO: My love, my life, my wife! JULIET: My love is";

/** Installs playwright-core. Returns the folder of the package. */
async function installPlaywright(): Promise<string> {
  const folder = `${cacheFolder()}/playwright-core-${VERSION}`;
  const installed = `${folder}/node_modules/playwright-core`;
  if (exists(`${folder}/complete`)) return installed;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true }\n');
  const options = ["--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["install", ...options, `playwright-core@${VERSION}`], { cwd: folder });
  await Deno.writeTextFile(`${folder}/complete`, "");
  return installed;
}

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["browser", "pictures", "model"], switches: [] },
    (problem) => new Error(problem),
  );
  const { browser = "/usr/bin/chromium", pictures = "report-pictures", model = "demo" } = values;
  const root = `${import.meta.dirname}/..`;
  const playwright = await installPlaywright();
  await Deno.mkdir(pictures, { recursive: true });
  const report = await Deno.makeTempFile({ suffix: ".html" });
  try {
    const flags = ["--model", model, "--type", "f32", "--compare", model, "--html", report];
    await run(Deno.execPath(), ["run", "-A", `${root}/mod.ts`, "explain", TEXT, ...flags]);
    const script = `${import.meta.dirname}/report_in_browser/click_through.mjs`;
    console.log((await run("node", [script, playwright, browser, report, pictures])).trimEnd());
    console.log(`Pictures are in ${pictures}.`);
  } finally {
    await Deno.remove(report);
  }
}
