/**
 * Looks at the server's page in a browser: writes with the demo model, clicks through everything, and takes pictures.
 *
 *     deno run -A scripts/check_page.ts [--browser /usr/bin/chromium] [--pictures page-pictures] [--model demo]
 *
 * Needs Node with npm, and Chromium; playwright-core is installed from npm once, into the cache.
 *
 * @module
 */
import { GPT2 } from "../mod.ts";
import { createHandler } from "../src/serve.ts";
import { CHROMIUM, clickThrough } from "./browser.ts";
import { parseFlags } from "./parse_flags.ts";

const KEY = "key-of-this-check";

if (import.meta.main) {
  const { values } = parseFlags(
    Deno.args,
    { values: ["browser", "pictures", "model"], switches: [] },
  );
  const { browser = CHROMIUM, pictures = "page-pictures", model: name = "demo" } = values;
  await Deno.mkdir(pictures, { recursive: true });
  using model = await GPT2.fromPretrained(name);
  using handler = createHandler(model, { modelName: name });
  using locked = createHandler(model, { modelName: name, apiKeys: [KEY] });
  const onListen = () => {};
  await using open = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, handler);
  await using closed = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, locked);
  const urls = [open, closed].map(({ addr }) => `http://127.0.0.1:${addr.port}/`);
  const script = `${import.meta.dirname}/page_in_browser/click_through.mjs`;
  console.log(await clickThrough(script, browser, [...urls, KEY, pictures]));
  console.log(`Pictures are in ${pictures}.`);
}
