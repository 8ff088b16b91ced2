// Writes with a model on the server's page, as a person would, and takes pictures of it.
//
//     node click_through.mjs <folder of playwright-core> <path of the browser> <URL> <URL that asks for a key> <key> <folder for pictures>
//
// Prints one line for each thing that works; ends with 1 at the first that does not.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [packageFolder, browserPath, url, lockedUrl, secret, pictures] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(`${packageFolder}/index.mjs`).href);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });

async function open(width, height, colorScheme, address = url) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  const problems = [];
  // A request that is refused for want of a key is in the console, too.
  page.on("console", (message) => {
    if (!message.text().includes("401")) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith("data:")) {
      problems.push(`asks for ${request.url()}`);
    }
  });
  await page.goto(address);
  return { page, problems };
}

const take = (page, name) =>
  page.screenshot({ path: `${pictures}/${name}.jpg`, type: "jpeg", quality: 70 });
const checked = (what) => console.log(`ok: ${what}`);
const textOf = (page) => page.locator("#editor").innerText();
const done = (page) =>
  page.waitForFunction(() =>
    document.getElementById("stop").disabled && !document.body.classList.contains("writing")
  );

async function fits(page, name) {
  const [wide, seen] = await page.evaluate(
    () => [document.documentElement.scrollWidth, innerWidth],
  );
  assert.ok(wide <= seen, `${name}: the page is ${wide} wide, the window ${seen}`);
}

async function set(page, name, value) {
  await page.locator("#settings").evaluate((details) => void (details.open = true));
  await page.locator(`#${name}`).fill(String(value));
}

try {
  const { page, problems } = await open(1200, 800, "light");
  await page.waitForFunction(() =>
    document.getElementById("context-text").textContent.includes("of")
  );
  assert.match(await page.title(), /^Write with /);
  checked("the page says which model writes");

  await page.locator("#editor").click();
  await page.keyboard.type("ROMEO:\nMy love");
  await set(page, "seed", 1);
  await set(page, "max_tokens", 40);
  await page.locator("#editor").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(() => document.querySelectorAll(".token").length > 3);
  await done(page);
  const written = await textOf(page);
  assert.ok(written.startsWith("ROMEO:\nMy love") && written.length > 40, written);
  assert.equal(await page.locator(".token").count(), 40);
  assert.match(await page.locator("#status").innerText(), /40 tokens, \d+ tokens\/s/);
  checked("Ctrl+Enter writes on, as many tokens as are set");

  const [first, other] = [page.locator(".token").nth(2), page.locator(".candidate")];
  await first.hover();
  await page.waitForSelector("#candidates:not([hidden])");
  assert.ok(await other.count() >= 5);
  const widths = await page.locator(".candidate .bar").evaluateAll((bars) =>
    bars.map((bar) => bar.getBoundingClientRect().width)
  );
  assert.ok(widths[0] > widths.at(-1) && widths[0] > 1, `bars are ${widths} wide`);
  assert.match(await other.first().innerText(), /%/);
  await take(page, "light");
  checked("a token that is pointed at shows what could be there, with bars and percentages");

  const index = await other.evaluateAll((all) =>
    all.findIndex((each) => each.getAttribute("aria-current") === null)
  );
  await other.nth(index).click();
  await page.waitForFunction(() => !document.getElementById("branches-section").hidden);
  await done(page);
  const branched = await textOf(page);
  assert.notEqual(branched, written);
  assert.ok(branched.startsWith("ROMEO:\nMy love"));
  assert.equal(await page.locator("#branches button").count(), 2);
  checked("a candidate that is chosen cuts the text there and writes on");

  await page.locator("#branches button").first().click();
  assert.equal(await textOf(page), written);
  checked("the first branch is as it was");

  await page.locator("#undo").click();
  assert.equal((await textOf(page)).trimEnd(), "ROMEO:\nMy love");
  await page.locator("#redo").click();
  assert.equal(await textOf(page), written);
  checked("a continuation is undone and made again");

  await page.locator("#editor").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("#candidates:not([hidden])");
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#candidates").isHidden());
  checked("the keyboard moves to tokens, and back");

  await page.locator("#editor").focus();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowLeft");
  const taken = page.locator(":focus");
  assert.equal(await taken.getAttribute("class"), "candidate");
  await page.keyboard.press("ArrowDown");
  if (await taken.getAttribute("aria-current")) await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#branches button").length === 3);
  await done(page);
  checked("a candidate is chosen with the keyboard alone");

  await page.keyboard.press("Control+End");
  const whole = await textOf(page);
  await page.keyboard.type("x");
  assert.notEqual(await textOf(page), whole);
  await page.keyboard.press("Control+Z");
  assert.equal(await textOf(page), whole);
  checked("typing after a continuation is undone without it");

  const numBranches = await page.locator("#branches button").count();
  await page.locator("#new").click();
  assert.equal((await textOf(page)).trim(), "");
  await page.locator("#branches button").nth(numBranches - 1).click();
  assert.equal(await textOf(page), whole);
  checked("a new text leaves the others as they are");

  await page.locator("#copy").click();
  await page.waitForFunction(() => document.getElementById("status").textContent === "Copied.");
  checked("the text is copied");

  for (const [width, height] of [[1200, 800], [1100, 420], [768, 1024], [360, 740]]) {
    await page.setViewportSize({ width, height });
    await page.locator(".token").last().hover({ force: true });
    await page.waitForSelector("#candidates:not([hidden])");
    const [shown, buttons] = await page.evaluate(() =>
      ["candidates", "bar"].map((id) => {
        const { top, bottom } = document.getElementById(id).getBoundingClientRect();
        return { top, bottom };
      })
    );
    assert.ok(shown.top >= 0 && shown.bottom <= buttons.top + 1, JSON.stringify([shown, buttons]));
    await page.locator("#continue").hover();
    await page.waitForSelector("#candidates", { state: "hidden" });
  }
  await page.setViewportSize({ width: 1200, height: 800 });
  checked("what could be there never covers the buttons, and goes when the pointer does");

  await page.route("**/v1/completions", (route) => route.fulfill({ body: "" }));
  await page.locator("#continue").click();
  await page.waitForFunction(() => /broke off/.test(document.getElementById("problem").innerText));
  assert.equal(await textOf(page), whole);
  await page.unroute("**/v1/completions");
  checked("an answer that breaks off is said, and the text stays");

  await set(page, "max_tokens", 200);
  await page.locator("#continue").click();
  await page.waitForFunction((length) => document.querySelectorAll(".token").length > length, 45);
  await page.keyboard.press("Escape");
  await done(page);
  assert.match(await page.locator("#status").innerText(), /Stopped|tokens/);
  const stopped = await page.locator(".token").count();
  await page.waitForTimeout(300);
  assert.equal(await page.locator(".token").count(), stopped);
  checked("Escape stops the model");

  await set(page, "temperature", -1);
  await page.locator("#continue").click();
  assert.match(await page.locator("#problem").innerText(), /Temperature/);
  checked("what is wrong with a setting is said in words");
  await page.locator("#controls button[type=reset]").click();
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll(".token").length > 10);
  checked("texts and settings are there again after the page is loaded again");
  await fits(page, "wide");
  assert.deepEqual(problems, []);

  const phone = await open(360, 740, "dark");
  await fits(phone.page, "phone");
  await phone.page.locator("#editor").click();
  await phone.page.keyboard.type("JULIET:\n");
  await set(phone.page, "max_tokens", 30);
  await set(phone.page, "seed", 2);
  await phone.page.locator("#settings").evaluate((details) => void (details.open = false));
  await phone.page.locator("#continue").click();
  await phone.page.waitForFunction(() => document.querySelectorAll(".token").length === 30);
  await done(phone.page);
  await phone.page.locator(".token").nth(5).hover();
  await phone.page.waitForSelector("#candidates:not([hidden])");
  await fits(phone.page, "phone");
  await take(phone.page, "phone");
  assert.deepEqual(phone.problems, []);
  checked("on a phone, in the dark");

  const full = await open(900, 700, "dark");
  await full.page.waitForFunction(() =>
    document.getElementById("context-text").textContent.includes("of")
  );
  await set(full.page, "max_tokens", 4000);
  assert.ok(await full.page.locator("#max_tokens").evaluate((input) => !input.validity.valid));
  await set(full.page, "max_tokens", 250);
  const status = full.page.locator("#status");
  // The model may end texts before.
  for (let i = 0; i < 20 && !/context is full/.test(await status.innerText()); i++) {
    await full.page.locator("#continue").click();
    await done(full.page);
  }
  assert.match(await status.innerText(), /context is full/);
  await full.page.locator("#continue").click();
  await full.page.waitForFunction(() => /sees the last/.test(document.body.innerText));
  await done(full.page);
  assert.equal(await full.page.locator("#problem").innerText(), "");
  await fits(full.page, "dark");
  await take(full.page, "dark");
  assert.deepEqual(full.problems, []);
  checked("a full context is said, and the text goes on from its last half, in the dark");

  const locked = await open(900, 700, "light", lockedUrl);
  await locked.page.waitForSelector("#key-form:not([hidden])");
  await locked.page.locator("#key").fill(`${secret}x`);
  await locked.page.locator("#key").press("Enter");
  await locked.page.waitForSelector("#key[aria-invalid=true]");
  assert.equal(await locked.page.locator("#key").inputValue(), `${secret}x`);
  await locked.page.locator("#key").fill(secret);
  await locked.page.keyboard.press("Enter");
  await locked.page.waitForFunction(() =>
    document.getElementById("context-text").textContent.includes("of")
  );
  assert.ok(await locked.page.locator("#key-form").isHidden());
  assert.deepEqual(locked.problems, []);
  checked("a key is asked for where the server wants one");
} finally {
  await browser.close();
}
