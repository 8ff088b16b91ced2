// Reads the report of a training in a browser, as a reader would, and takes pictures of it.
//
//     node click_through.mjs <folder of playwright-core> <path of the browser> <report.html> <folder for pictures>
//
// Prints one line for each thing that works; ends with 1 at the first that does not.
import assert from "node:assert/strict";
import { checked, openBrowser } from "../report_in_browser/open_report.mjs";

const { browser, open, picture } = await openBrowser(process.argv.slice(2));

try {
  const { page, problems } = await open("training-wide", 1200, 900, "light");
  const slider = page.locator("#step");
  const said = () => slider.getAttribute("aria-valuetext");
  const stepOf = async () => Number((await said()).match(/^step ([\d,]+)/)[1].replaceAll(",", ""));
  const readout = page.locator("#readout");
  const svgs = page.locator("#charts svg");
  assert.equal(await svgs.count(), 4);
  for (const svg of await svgs.all()) {
    assert.match(await svg.getAttribute("aria-label"), /: from .* to .*, lowest .*, highest /);
    assert.ok((await svg.locator("path").first().getAttribute("d")).length > 100);
  }
  const last = await stepOf();
  checked("four charts are drawn, each with its numbers in words, and the last step is selected");

  const box = await svgs.first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const middle = await stepOf();
  assert.ok(middle > 0.4 * last && middle < 0.6 * last, `${middle} of ${last}`);
  for (const name of ["loss", "validation", "learning rate", "gradient norm", "tokens/s", "time"]) {
    assert.ok((await said()).includes(name), name);
    assert.ok((await readout.innerText()).includes(name), name);
  }
  const cursors = await page.locator("#charts .cursor").evaluateAll((lines) =>
    lines.map((line) => line.getAttribute("x1"))
  );
  assert.equal(new Set(cursors).size, 1);
  await picture(page.locator("main section").first(), "training");
  checked("pointing at a curve shows the values at that step, with a line through all charts");

  await svgs.nth(2).click({ position: { x: box.width / 4, y: 50 } });
  assert.ok(await stepOf() < middle);
  assert.equal(await page.evaluate(() => document.activeElement.id), "step");
  const before = await stepOf();
  await page.keyboard.press("ArrowRight");
  assert.ok(await stepOf() > before);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await stepOf(), before);
  await page.keyboard.press("PageUp");
  assert.ok(await stepOf() > before + 1);
  await page.keyboard.press("End");
  assert.equal(await stepOf(), last);
  await page.keyboard.press("Home");
  assert.ok(await stepOf() < before);
  checked("a click gives the slider the keys: arrows, Page Up, Home and End move");

  const path = page.locator("#charts svg").first().locator("path").first();
  const linear = await path.getAttribute("d");
  await page.locator("#logarithmic").check();
  assert.notEqual(await path.getAttribute("d"), linear);
  await picture(page, "training-logarithmic");
  await page.locator("#logarithmic").uncheck();
  assert.equal(await path.getAttribute("d"), linear);
  checked("the loss can be seen on a logarithmic scale, and back");

  await page.setViewportSize({ width: 800, height: 900 });
  await page.waitForFunction(
    (before) => document.querySelector("#charts path").getAttribute("d") !== before,
    linear,
  );
  checked("the charts follow the width of the window");

  const samples = page.locator("details");
  if (await samples.count() > 1) {
    assert.ok(await samples.first().locator("blockquote").isVisible());
    await samples.nth(1).locator("summary").click();
    assert.ok(await samples.nth(1).locator("blockquote").isVisible());
    checked("the newest sample is open, and others can be opened");
  }
  assert.ok(await page.locator("main table").last().locator("tbody tr").count() > 2);
  assert.ok(await page.locator(".tables table").count() >= 4);
  checked("the numbers and the configuration are there as tables");

  const dark = await open("training-dark", 1200, 900, "dark");
  const phone = await open("training-phone", 390, 800, "light");
  await picture(phone.page, "training-phone-top");
  checked("in the dark and on a phone nothing is wider than the window");
  assert.deepEqual([...problems, ...dark.problems, ...phone.problems], []);
  checked("no error, and no request to anywhere");
} finally {
  await browser.close();
}
