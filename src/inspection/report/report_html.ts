/**
 * A page that explains what a model makes of a text: one file, which asks nobody for anything.
 *
 * @module
 */
import { escapeHtml, pageBegin, standalonePage } from "../../page/standalone_page.ts";
import { type ReportData, requireParts } from "./report_data.ts";
import { REPORT_SCRIPT } from "./report_script.ts";
import { REPORT_STYLE } from "./report_style.ts";

/** How each page begins: who writes it anew can tell it from other files. */
export const REPORT_BEGIN = pageBegin("report");

const PARTS = [
  "model",
  "tokens",
  "numLayers",
  "numHeads",
  "attention",
  "lens",
  "candidates",
  "candidateStages",
  "attribution",
  "headScores",
];

/**
 * Writes the page.
 *
 * @throws {TypeError} if it is no report
 * @returns HTML of about 90 bytes for each pair of layer and head, squared with half the number of tokens: 0.6 MB for 64 tokens
 * of GPT-2 small
 */
export function reportHtml(data: ReportData): string {
  requireParts("write a report", data, PARTS, "collectReport() gives one");
  const { model, tokens, comparison } = data;
  const text = tokens.join("").replace(/(?:<[0-9a-f]+>)+/g, "…").trim();
  const title = `${text.slice(0, 60)} - ${model}`;
  return standalonePage("report", {
    title,
    style: REPORT_STYLE,
    body: bodyHtml(model, comparison !== undefined),
    data: pageData(data),
    script: REPORT_SCRIPT,
  });
}

function bodyHtml(model: string, isCompared: boolean): string {
  return `<header>
<h1>What ${escapeHtml(model)} makes of a text</h1>
<p>Select a token: the lens and the heads are then about that place. The others
are the bluer, the more the selected head looks at them from there. Arrow keys move, also in the maps. A · is a space.</p>
<div id="tokens" role="radiogroup" aria-label="Tokens"></div>
</header>
<main>
<section id="next-section" aria-labelledby="next-title">
<h2 id="next-title">What comes next</h2>
<p>The likeliest tokens after the whole text, and what each stage of sampling leaves of them.</p>
<div id="next" class="scroll"></div>
</section>
<section id="push-section" aria-labelledby="push-title">
<h2 id="push-title">What pushes the answer</h2>
<p id="push-text"></p>
<div id="push"></div>
</section>
<section aria-labelledby="lens-title">
<h2 id="lens-title">What each layer would have said</h2>
<p>The residual stream after each layer, read as if it were the last (logit lens). Each cell names the likeliest next token there; its
colour is <label>the <select id="lens-colour">
<option value="probability">probability of the final answer</option>
<option value="entropy">certainty (low entropy)</option>
</select></label>.</p>
<div id="lens" class="scroll"></div>
<div id="lens-detail" class="detail" aria-live="polite"></div>
</section>
<section aria-labelledby="heads-title">
<h2 id="heads-title">Where heads look</h2>
<p>One map per head: rows are tokens that look, columns are tokens looked at. Layers go down, heads go right.</p>
<div class="heads">
<div id="heads" class="scroll"></div>
<div id="head-detail" class="detail" aria-live="polite"></div>
</div>
</section>
${isCompared ? COMPARISON_SECTION : ""}</main>`;
}

const COMPARISON_SECTION = `<section aria-labelledby="compare-title">
<h2 id="compare-title">How far another model is from that</h2>
<p id="compare-text"></p>
<div id="compare" class="scroll"></div>
</section>
`;

/** What the script reads. Weights of attention are bytes, and only those of earlier tokens. */
function pageData({ attention, ...data }: ReportData): object {
  const { tokens: { length: seq }, numLayers, numHeads } = data;
  const bytes = new Uint8Array(numLayers * numHeads * seq * (seq + 1) / 2);
  let next = 0;
  for (let map = 0; map < numLayers * numHeads; map++) {
    for (let query = 0; query < seq; query++) {
      for (let key = 0; key <= query; key++) {
        bytes[next++] = Math.round(255 * attention[(map * seq + query) * seq + key]);
      }
    }
  }
  return rounded({ ...data, attention: bytes.toBase64() });
}

/** Four digits are more than anybody sees. */
function rounded(value: object): object {
  return JSON.parse(
    JSON.stringify(
      value,
      (_, each) => typeof each === "number" ? Number(each.toPrecision(4)) : each,
    ),
  );
}
