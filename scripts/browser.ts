/**
 * Looking at pages in a browser: playwright-core under Node, with a Chromium that is there.
 *
 * @module
 */
import { cacheFolder } from "../src/base/cache_folder.ts";
import { exists } from "../src/base/files.ts";
import { run } from "./bench/command.ts";

const VERSION = "1.65.1";

/** Where Debian has it. */
export const CHROMIUM = "/usr/bin/chromium";

/** Installs playwright-core from npm, once, into the cache. Returns the folder of the package. */
async function installPlaywright(): Promise<string> {
  const folder = `${cacheFolder("bench")}/playwright-core-${VERSION}`;
  const installed = `${folder}/node_modules/playwright-core`;
  if (exists(`${folder}/complete`)) return installed;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true }\n');
  const options = ["--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["install", ...options, `playwright-core@${VERSION}`], { cwd: folder });
  await Deno.writeTextFile(`${folder}/complete`, "");
  return installed;
}

/**
 * Has a script click through a page.
 *
 * @param script for Node; gets the folder of playwright-core, the path of the browser, and the other arguments
 * @returns what it prints
 */
export async function clickThrough(
  script: string,
  browser: string,
  args: readonly string[],
): Promise<string> {
  return (await run("node", [script, await installPlaywright(), browser, ...args])).trimEnd();
}
