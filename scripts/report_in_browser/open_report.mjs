// A browser that opens a report, for those that read it there.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

// A file that asks nobody for anything; pictures go into a folder.
export async function openBrowser([packageFolder, browserPath, report, pictures]) {
  const { chromium } = await import(pathToFileURL(`${packageFolder}/index.mjs`).href);
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  const address = pathToFileURL(report).href;

  const picture = (part, name, options = {}) =>
    part.screenshot({ path: `${pictures}/${name}.jpg`, type: "jpeg", quality: 70, ...options });

  // The page, and what is wrong with it as time goes on.
  async function open(name, width, height, colorScheme) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    const problems = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== address) problems.push(`asks for ${request.url()}`);
    });
    await page.goto(address);
    const [wide, seen] = await page.evaluate(
      () => [document.documentElement.scrollWidth, innerWidth],
    );
    assert.ok(wide <= seen, `${name}: the page is ${wide} wide, the window ${seen}`);
    await picture(page, name, { fullPage: true });
    return { page, problems };
  }

  return { browser, open, picture };
}

export const checked = (what) => console.log(`ok: ${what}`);
