import { assertEquals, assertStringIncludes } from "@std/assert";
import { escapeHtml, pageBegin, standalonePage } from "../../src/page/standalone_page.ts";

/** Texts that would end an element, begin one, or end a line of a script. */
const NASTY = ["</script><script>alert(1)</script>", "<!--", "</title>", '"&amp;', "\u2028\u2029"];

function pageWith(data: object, title = ""): string {
  return standalonePage("test", { title, style: "", body: "", data, script: "" });
}

Deno.test("standalonePage() keeps titles and data out of the markup", () => {
  const html = pageWith({ NASTY }, NASTY.join(""));
  assertEquals(html.match(/<script/g)?.length, 2);
  assertEquals(html.match(/<\/title>/g)?.length, 1);
  const json = html.match(/<script type="application\/json" id="data">([^<]*)<\/script>/)![1];
  assertEquals(JSON.parse(json), { NASTY });
  assertEquals(/[\u2028\u2029]/.test(json), false);
});

Deno.test("standalonePage() begins so that its kind can be told, and may ask nobody for anything", () => {
  const html = pageWith({});
  assertEquals(html.startsWith(pageBegin("test")), true);
  assertEquals(html.startsWith(pageBegin("other")), false);
  assertStringIncludes(html, "default-src 'none'");
});

Deno.test("escapeHtml() escapes what ends a text or the value of an attribute", () => {
  assertEquals(escapeHtml(`<a title="b">&amp;`), "&lt;a title=&quot;b&quot;&gt;&amp;amp;");
});
