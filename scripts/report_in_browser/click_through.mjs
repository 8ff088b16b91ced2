// Clicks through a report in a browser, as a reader would, and takes pictures of it.
//
//     node click_through.mjs <folder of playwright-core> <path of the browser> <report.html> <folder for pictures>
//
// Prints one line for each thing that works; ends with 1 at the first that does not.
import assert from "node:assert/strict";
import { checked, openBrowser } from "./open_report.mjs";

const { browser, open } = await openBrowser(process.argv.slice(2));

try {
  const { page, problems } = await open("wide", 1200, 900, "light");
  const tokens = page.locator("#tokens button");
  const numTokens = await tokens.count();
  assert.ok(numTokens > 2);
  assert.equal(await tokens.nth(numTokens - 1).getAttribute("aria-checked"), "true");
  checked("the last token is selected");

  await tokens.nth(1).click();
  assert.equal(await tokens.nth(1).getAttribute("aria-checked"), "true");
  assert.match(await page.locator("#lens-detail p").innerText(), /after token 1 /);
  const rows = page.locator("#head-detail tbody tr");
  assert.equal(await rows.count(), 2);
  checked("a token that is clicked is what lens and heads are about");

  await page.keyboard.press("ArrowRight");
  assert.equal(await tokens.nth(2).getAttribute("aria-checked"), "true");
  await page.keyboard.press("Home");
  assert.equal(await tokens.nth(0).getAttribute("aria-checked"), "true");
  checked("arrow keys and Home move among tokens");

  const maps = page.locator(".maps button");
  await maps.nth(1).click();
  assert.equal(await maps.nth(1).getAttribute("aria-pressed"), "true");
  assert.match(await page.locator("#head-detail p").innerText(), /^head 0\.1:/);
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator("#head-detail p").innerText(), /^head 1\.1:/);
  const isDrawn = await page.locator("#large").evaluate((canvas) =>
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) =>
      byte > 0
    )
  );
  assert.ok(isDrawn);
  checked("maps are drawn, and selected by pointer and keyboard");

  await tokens.nth(numTokens - 1).click();
  assert.ok(await page.locator(".links line").count() > 0);
  checked("lines lead from the selected token to others");

  const colours = await tokens.evaluateAll((all) => all.map(({ style }) => style.background));
  assert.ok(new Set(colours).size > 2 && colours.at(-1) === "", colours.join());
  checked("tokens have the colour of how much is looked at them");

  const lefts = await page.locator("#next tbody td:nth-child(2) .bar").evaluateAll((bars) =>
    bars.map((bar) => Math.round(bar.getBoundingClientRect().left))
  );
  assert.equal(new Set(lefts).size, 1, `bars begin at ${lefts}`);
  checked("bars that are to be compared begin at one line");

  for (const list of ["#next tbody td", "#lens-detail li"]) {
    const parts = await page.locator(`${list} .bar`).evaluateAll((bars) =>
      bars.map((bar) => parseFloat(bar.style.width))
    );
    assert.equal(Math.max(...parts), 100, `${list}: bars are as long as ${parts} %`);
  }
  checked("the likeliest token has the longest bar there is room for");

  const cells = page.locator(".lens .cell");
  await cells.nth(1).hover();
  assert.match(await page.locator("#lens-detail p").innerText(), /after token 1 /);
  assert.equal(await page.locator("#lens-detail li").count(), 5);
  const before = await cells.nth(1).getAttribute("style");
  await page.selectOption("#lens-colour", "entropy");
  assert.notEqual(await cells.nth(1).getAttribute("style"), before);
  checked("the lens names the five likeliest under the pointer, and shows entropy");

  const weights = await rows.locator("td:last-child").allInnerTexts();
  assert.ok(weights.every((text) => / %$/.test(text)));
  assert.ok(await page.locator("#push [role=listitem]").count() > 3);
  for (const button of await page.locator(".lens .cell, .maps button").all()) {
    assert.ok((await button.getAttribute("aria-label")).length > 10);
  }
  checked("numbers are there as text, and cells and maps have labels");

  assert.match(
    await page.locator("#compare tbody tr").last().innerText(),
    /^logits\s+[\d.]+ %\s+[\d.]+$/,
  );
  checked("another model is compared, activation by activation");

  const pushes = await page.locator("#push .value").allInnerTexts();
  assert.ok(pushes.every((text) => !/0\.00$/.test(text)), `parts that say nothing: ${pushes}`);
  checked("only parts that push are listed");

  const dark = await open("dark", 1200, 900, "dark");
  const phone = await open("phone", 390, 800, "light");
  problems.push(...dark.problems, ...phone.problems);
  for (const table of ["#next", "#compare"]) {
    const [wide, seen] = await phone.page.locator(table).evaluate(
      (element) => [element.scrollWidth, element.clientWidth],
    );
    assert.ok(wide <= seen, `${table} is ${wide} wide, there is room for ${seen}`);
  }
  checked("in the dark and on a phone nothing is wider than the window");
  assert.deepEqual(problems, []);
  checked("no error, and no request to anywhere");
} finally {
  await browser.close();
}
