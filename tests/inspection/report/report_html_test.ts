import { assert, assertEquals, assertFalse, assertMatch, assertThrows } from "@std/assert";
import type { ReportData } from "../../../src/inspection/report/report_data.ts";
import { reportHtml } from "../../../src/inspection/report/report_html.ts";
import { REPORT_SCRIPT } from "../../../src/inspection/report/report_script.ts";

/** A report of so many tokens, whose heads look at everything before alike. */
function reportOf(texts: readonly string[], numLayers = 2, numHeads = 3): ReportData {
  const seq = texts.length;
  const attention = new Float32Array(numLayers * numHeads * seq * seq);
  for (let row = 0; row < numLayers * numHeads * seq; row++) {
    const query = row % seq;
    attention.fill(1 / (query + 1), row * seq, row * seq + query + 1);
  }
  const reading = {
    top: Array.from({ length: 5 }, (_, i) => [texts[0], 0.123456 / (i + 1)] as const),
    answer: [0.123456, 3] as const,
    entropy: 2.5,
  };
  return {
    model: "a <model>",
    tokens: texts,
    numLayers,
    numHeads,
    attention,
    lens: Array.from({ length: numLayers + 1 }, (_, i) => ({
      name: i === 0 ? "embedding" : `blocks.${i - 1}.residual`,
      positions: texts.map(() => reading),
    })),
    candidates: [{ text: texts[0], probability: 0.5, afterStages: [0.75] }],
    candidateStages: ["--top-k 2"],
    attribution: { answer: texts[0], parts: [{ name: "blocks.0.mlp", value: -0.25 }] },
    headScores: Array.from({ length: numLayers * numHeads }, (_, i) => ({
      layer: Math.floor(i / numHeads),
      head: i % numHeads,
      name: `head ${Math.floor(i / numHeads)}.${i % numHeads}`,
      scores: { "previous token": 0.5 },
    })),
  };
}

Deno.test("reportHtml() refuses what is no report, and says what is missing", () => {
  const { lens: _, ...rest } = reportOf(["a"]);
  const wrong: [unknown, string][] = [
    [null, "received null. collectReport() gives one"],
    [rest, "without lens"],
  ];
  for (const [data, message] of wrong) {
    assertThrows(() => reportHtml(data as ReportData), TypeError, message);
  }
});

/** What the page's script reads. */
function dataOf(html: string) {
  return JSON.parse(
    html.match(/<script type="application\/json" id="data">([^<]*)<\/script>/)![1],
  );
}

Deno.test("reportHtml() keeps whatever a token says out of the markup", () => {
  const nasty = [
    "</script><script>alert(1)</script>",
    "<!--",
    "<b>",
    "&amp;",
    "\u2028",
    "\"'`${x}",
  ];
  const html = reportHtml(reportOf(nasty));
  assertEquals(dataOf(html).tokens, nasty);
  // Two scripts, the one with the data and the one that reads it, and nothing that a token brought along.
  assertEquals(html.match(/<script/g)?.length, 2);
  assertEquals(html.match(/<\/script>/g)?.length, 2);
  assertFalse(html.includes("<b>"));
  assertFalse(html.includes("<!--"));
  assertMatch(html, /<title>&lt;\/script&gt;/);
  assertMatch(html, /What a &lt;model&gt; makes of a text/);
});

Deno.test("reportHtml() asks nobody for anything", () => {
  const html = reportHtml(reportOf(["a", " b"]));
  assertMatch(html, /default-src 'none'/);
  const links = html.match(/(src|href)=|https?:\/\/[^"']*|@import|url\(/g) ?? [];
  assertEquals(
    links,
    ["http://www.w3.org/2000/svg"],
    "but for the name of SVG, which is no address",
  );
});

Deno.test("reportHtml() has the weights of all pairs, to 1/255", () => {
  const report = reportOf(["a", " b", " c", " d"]);
  const { attention, numLayers, numHeads } = dataOf(reportHtml(report));
  const bytes = Uint8Array.fromBase64(attention);
  assertEquals(bytes.length, numLayers * numHeads * 10);
  let next = 0;
  for (let map = 0; map < numLayers * numHeads; map++) {
    for (let query = 0; query < 4; query++) {
      for (let key = 0; key <= query; key++) {
        assert(Math.abs(bytes[next++] / 255 - 1 / (query + 1)) <= 0.5 / 255);
      }
    }
  }
});

Deno.test("reportHtml() of 64 tokens of GPT-2 small stays under 3 MB", () => {
  const html = reportHtml(reportOf(Array.from({ length: 64 }, (_, i) => ` token${i}`), 12, 12));
  assert(html.length < 3e6, `${html.length} characters`);
});

Deno.test("the script of a report parses", () => {
  new Function(REPORT_SCRIPT);
});
