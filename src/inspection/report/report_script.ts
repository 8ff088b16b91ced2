/**
 * What draws a report, and answers the pointer and the keyboard: JavaScript for browsers, in one text, since the page asks for
 * no file.
 *
 * @module
 */
import { BASE_SCRIPT } from "../../page/base_script.ts";

/** JavaScript. */
export const REPORT_SCRIPT = `"use strict";
${BASE_SCRIPT}` + String.raw`
const data = JSON.parse(document.getElementById("data").textContent);
const { tokens, numLayers, numHeads, lens, headScores } = data;
const seq = tokens.length;
const mapSize = seq * (seq + 1) / 2;
const attentionBytes = Uint8Array.from(atob(data.attention), (c) => c.charCodeAt(0));

/** How much a head looks from one token at another, from 0 to 1. */
function weight(layer, head, query, key) {
  if (key > query) return 0;
  const map = (layer * numHeads + head) * mapSize;
  return attentionBytes[map + query * (query + 1) / 2 + key] / 255;
}

const LINK_HEIGHT = 18;
const state = { position: seq - 1, layer: 0, head: 0, lensLayer: lens.length - 1 };

// Tokens.

byId("tokens").append(...tokens.map((text, i) =>
  make("button", {
    type: "button", role: "radio", "data-i": i, title: "token " + i,
    onclick: () => select(i),
  }, shown(text))));
moveByArrows(byId("tokens"), () => 1, (button) => select(Number(button.dataset.i)));

function select(position) {
  state.position = position;
  for (const button of byId("tokens").children) {
    const isSelected = Number(button.dataset.i) === position;
    button.setAttribute("aria-checked", isSelected);
    button.tabIndex = isSelected ? 0 : -1;
  }
  for (const cell of document.querySelectorAll(".lens .cell")) {
    cell.classList.toggle("selected", Number(cell.dataset.position) === position);
  }
  showReading(state.lensLayer, position);
  showHead(state.layer, state.head);
  // What is selected may be beyond the edge of what is seen; the page itself stays where it is.
  const cell = document.querySelector(".lens .cell.selected");
  byId("lens").scrollLeft = cell.parentElement.offsetLeft - byId("lens").clientWidth / 2;
  byId("links").scrollTop = LINK_HEIGHT * position - byId("links").clientHeight / 2;
}

// What comes next.

/** A bar of a share of its column, and the number. */
const measure = (share, text) => make("span", { class: "measure" },
  make("span", {}, make("span", { class: "bar", style: "width:" + (100 * share).toFixed(2) + "%" })), make("span", {}, text));

// As in a terminal, the likeliest has the longest bar: most models are sure of nothing, and would have none to be seen.
const likeliest = Math.max(...data.candidates.flatMap(({ probability, afterStages }) => [probability, ...afterStages]));

byId("next").append(make("table", { class: "measures" },
  make("thead", {}, make("tr", {},
    make("th", { scope: "col" }, "token"), make("th", { scope: "col" }, "the model"),
    data.candidateStages.map((stage) => make("th", { scope: "col" }, stage)))),
  make("tbody", {}, data.candidates.map(({ text, probability, afterStages }) =>
    make("tr", {},
      make("td", { class: "text" }, shown(text)),
      [probability, ...afterStages].map((value) =>
        make("td", {}, value > 0 ? measure(value / likeliest, percent(value)) : "\u2013")))))));

// Logit lens.

const certainty = ({ entropy }) => 1 - entropy / Math.max(1e-9, ...lens.flatMap(({ positions }) =>
  positions.map((each) => each.entropy)));

function drawLens() {
  const isEntropy = byId("lens-colour").value === "entropy";
  const value = (reading) => isEntropy ? certainty(reading) : reading.answer[0];
  const rows = lens.map(({ name, positions }, layer) =>
    make("tr", {}, make("th", { scope: "row" }, name), positions.map((reading, position) =>
      make("td", {}, make("button", {
        type: "button", class: "cell", tabindex: -1, "data-layer": layer, "data-position": position,
        style: "background:" + colour("accent", (0.7 * value(reading)).toFixed(3)),
        "aria-label": name + ", after " + shown(tokens[position]) + ": " + shown(reading.top[0][0]) + ", " +
          percent(reading.top[0][1]),
        onclick: () => { state.lensLayer = layer; select(position); },
        onpointerenter: () => showReading(layer, position),
        onfocus: () => showReading(layer, position),
      }, shown(reading.top[0][0]))))));
  const head = make("tr", {}, make("th", { scope: "col" }, "after"), tokens.map((text) =>
    make("th", { scope: "col", class: "head", title: shown(text) }, shown(text))));
  byId("lens").replaceChildren(make("table", { class: "lens" },
    make("thead", {}, head), make("tbody", {}, rows.reverse())));
  byId("lens").querySelector("button").tabIndex = 0;
}

function showReading(layer, position) {
  const { name, positions } = lens[layer];
  const { top, answer, entropy } = positions[position];
  byId("lens-detail").replaceChildren(
    make("p", {}, name + ", after token " + position + " ", make("span", { class: "text" }, shown(tokens[position])),
      ": the final answer gets " + percent(answer[0]) + ", rank " + (answer[1] + 1) + "; entropy " +
        entropy.toFixed(2) + " nats"),
    make("ol", { class: "readings", role: "list" }, top.map(([text, probability]) =>
      make("li", {}, make("span", { class: "text", title: shown(text) }, shown(text)), make("span", { class: "bar", style: "width:" + (100 * probability / top[0][1]).toFixed(2) + "%" }),
        make("span", { class: "value" }, percent(probability))))));
}

byId("lens-colour").addEventListener("change", () => { drawLens(); select(state.position); });
moveByArrows(byId("lens"), () => seq, (button) => button.focus());

// Heads.

/** Draws the map of a head, one pixel for a pair of tokens. */
function drawMap(canvas, layer, head) {
  canvas.width = canvas.height = seq;
  const context = canvas.getContext("2d");
  const image = context.createImageData(seq, seq);
  const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim().split(/\s+/);
  for (let query = 0; query < seq; query++) {
    for (let key = 0; key < seq; key++) {
      image.data.set([r, g, b, 255 * Math.sqrt(weight(layer, head, query, key))], 4 * (query * seq + key));
    }
  }
  context.putImageData(image, 0, 0);
}

const headText = ({ name, scores }) => name + ": " +
  Object.entries(scores).map(([name, value]) => name + " " + percent(value)).join(", ");

function drawMaps() {
  const cells = [make("span", {}), ...Array.from({ length: numHeads }, (_, head) =>
    make("span", { class: "label" }, head))];
  for (let layer = 0; layer < numLayers; layer++) {
    cells.push(make("span", { class: "label" }, layer));
    for (let head = 0; head < numHeads; head++) {
      const canvas = make("canvas", { "aria-hidden": true });
      drawMap(canvas, layer, head);
      const label = headText(headScores[layer * numHeads + head]);
      cells.push(make("button", {
        type: "button", tabindex: -1, "data-layer": layer, "data-head": head, title: label, "aria-label": label,
        onclick: () => showHead(layer, head),
      }, canvas));
    }
  }
  byId("heads").replaceChildren(make("div", {
    class: "maps", style: "grid-template-columns: auto repeat(" + numHeads + ", max-content)",
  }, cells));
}

function showHead(layer, head) {
  Object.assign(state, { layer, head });
  for (const button of document.querySelectorAll(".maps button")) {
    const isSelected = Number(button.dataset.layer) === layer && Number(button.dataset.head) === head;
    button.setAttribute("aria-pressed", isSelected);
    button.tabIndex = isSelected ? 0 : -1;
  }
  const canvas = make("canvas", { id: "large", "aria-hidden": true });
  drawMap(canvas, layer, head);
  canvas.addEventListener("pointermove", (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const at = (offset, size) => Math.min(seq - 1, Math.max(0, Math.floor(offset / size * seq)));
    const [query, key] = [at(event.clientY - top, height), at(event.clientX - left, width)];
    byId("pair").textContent = query + " " + shown(tokens[query]) + " looks at " + key + " " + shown(tokens[key]) +
      ": " + percent(weight(layer, head, query, key));
  });
  const { position } = state;
  for (const [key, button] of [...byId("tokens").children].entries()) {
    button.style.background = key === position ? "" : colour("accent", (0.7 * weight(layer, head, position, key)).toFixed(3));
  }
  const seen = Array.from({ length: position + 1 }, (_, key) => [key, weight(layer, head, position, key)])
    .sort(([, a], [, b]) => b - a).slice(0, 8);
  byId("head-detail").replaceChildren(
    make("p", {}, headText(headScores[layer * numHeads + head])),
    make("div", { class: "sides" },
      make("figure", {}, canvas, make("figcaption", { id: "pair" }, "Point at the map to see which tokens.")),
      linksFigure(layer, head),
      make("table", {},
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "token " + position + " looks at"),
          make("th", {}), make("th", { scope: "col" }, "weight"))),
        make("tbody", {}, seen.map(([key, value]) => make("tr", {},
          make("td", { class: "text" }, key + " " + shown(tokens[key])), make("td", {}, bar(value)),
          make("td", {}, percent(value))))))));
}

/** Lines from the selected token to those that it looks at. */
function linksFigure(layer, head) {
  const [row, width] = [LINK_HEIGHT, 280];
  const svg = make("svg", {
    class: "links", width, height: row * seq + 8, viewBox: "0 0 " + width + " " + (row * seq + 8), "aria-hidden": true,
  });
  const y = (i) => row * (i + 0.5) + 4;
  for (let key = 0; key <= state.position; key++) {
    const value = weight(layer, head, state.position, key);
    if (value < 0.01) continue;
    svg.append(make("line", {
      x1: 110, y1: y(state.position), x2: 170, y2: y(key), "stroke-width": (0.5 + 5 * value).toFixed(2),
      "stroke-opacity": (0.15 + 0.85 * value).toFixed(2),
    }));
  }
  for (let i = 0; i < seq; i++) {
    const text = shown(tokens[i]).slice(0, 13);
    svg.append(
      make("text", { x: 105, y: y(i) + 4, "text-anchor": "end", opacity: i === state.position ? 1 : 0.4 }, text),
      make("text", { x: 175, y: y(i) + 4, opacity: i <= state.position ? 1 : 0.4 }, text));
  }
  return make("div", { id: "links", class: "scroll", style: "max-height: 26rem; overflow-y: auto" }, svg);
}

moveByArrows(byId("heads"), () => numHeads, (button) => button.click());

// What pushes the answer.

const { answer, against, parts } = data.attribution;
// What rounds to 0.00 says nothing.
const strongest = parts.filter(({ value }) => Math.abs(value) >= 0.005)
  .sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 24);
const most = Math.max(...strongest.map(({ value }) => Math.abs(value)), 1e-9);
byId("push-text").append("After the whole text, towards " + shown(answer) + " (blue) or " +
  (against === undefined ? "away from it" : "towards " + shown(against)) + " (red), in units of the logit: the " +
  strongest.length + " strongest of " + parts.length + " parts. All of these add up to " +
  parts.reduce((sum, { value }) => sum + value, 0).toFixed(2) + ".");
byId("push").append(make("div", { class: "push", role: "list" }, strongest.map(({ name, value }) => [
  make("span", { role: "listitem" }, name),
  make("span", { class: "value" }, (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(2)),
  make("span", { class: "track", "aria-hidden": true }, make("span", {
    class: value < 0 ? "bar minus" : "bar",
    style: (value < 0 ? "right:50%" : "left:50%") + ";width:" + (48 * Math.abs(value) / most).toFixed(1) + "%",
  })),
])));

// Another model.

if (data.comparison !== undefined) {
  const { other, differences } = data.comparison;
  const largest = Math.max(...differences.map(({ relativeError }) => relativeError), 1e-12);
  byId("compare-text").append("The activations of " + other + " on this text: the relative error of each, and the largest " +
    "difference of two elements.");
  byId("compare").append(make("table", { class: "measures" },
    make("thead", {}, make("tr", {}, ["activation", "relative error", "largest difference"].map((title) =>
      make("th", { scope: "col" }, title)))),
    make("tbody", {}, differences.map(({ name, relativeError, maxDifference }) => make("tr", {},
      make("td", {}, name),
      make("td", {}, measure(relativeError / largest, (100 * relativeError).toFixed(2) + " %")),
      make("td", {}, maxDifference.toPrecision(3)))))));
}

// All of it.

function drawAll() {
  drawLens();
  drawMaps();
  select(state.position);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
`;
