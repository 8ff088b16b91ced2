/**
 * What draws the curves of a training, and answers the pointer and the keyboard: JavaScript for browsers, in one text, since the
 * page asks for no file.
 *
 * @module
 */
import { BASE_SCRIPT } from "../../page/base_script.ts";
import { CHART_SCRIPT } from "./chart_script.ts";

/** JavaScript. */
export const TRAINING_REPORT_SCRIPT = `"use strict";
${BASE_SCRIPT}${CHART_SCRIPT}` + String.raw`
const data = JSON.parse(byId("data").textContent);
const { steps, evaluations, best } = data;
/** Every step that can be selected: those that were done, and those after which the model was evaluated. */
const places = [...new Set([...steps.step, ...evaluations.step])].sort((a, b) => a - b);
const state = { place: places.length - 1 };

/** How many of some ascending steps are at or before a step, less one: the place of the last of them. */
function placeBefore(ascending, step) {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function nearestPlace(step) {
  const before = Math.max(0, placeBefore(places, step));
  const after = Math.min(places.length - 1, before + 1);
  return places[after] - step < step - places[before] ? after : before;
}

const whole = (value) => Math.round(value).toLocaleString("en");
const lossText = (value) => isNumber(value) ? value.toFixed(4) : "NaN";
const short = (value) => !isNumber(value) ? "NaN"
  : value !== 0 && value < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));

function timeText(elapsedMs) {
  const seconds = Math.round(elapsedMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const two = (value) => String(value).padStart(2, "0");
  return minutes >= 60 ? Math.floor(minutes / 60) + ":" + two(minutes % 60) + ":" + two(seconds % 60)
    : minutes + ":" + two(seconds % 60);
}

// Charts.

const hasMean = data.numMeanSteps > 1;
const hasSteps = steps.step.length > 0;
const line = (values, kind) => ({ steps: steps.step, values, kind });
const ends = (values, text) => {
  const numbers = values.filter(isNumber);
  return numbers.length === 0 ? "" : ": from " + text(numbers[0]) + " to " + text(numbers.at(-1)) + ", lowest " +
    text(Math.min(...numbers)) + ", highest " + text(Math.max(...numbers));
};

const validationLine = { steps: evaluations.step, values: evaluations.loss, kind: "validation", hasMarks: true };
const small = (name, title, text) => ({
  title, height: 120, fromZero: true, lines: [line(steps[name], "only")], label: title + ends(steps[name], text),
});
const charts = [
  {
    title: "Loss (nats per token)", height: innerWidth < 640 ? 260 : 360,
    lines: [
      ...hasSteps ? [line(steps.loss, hasMean ? "raw" : "mean")] : [],
      ...hasSteps && hasMean ? [line(steps.mean, "mean")] : [],
      ...evaluations.step.length > 0 ? [validationLine] : [],
    ],
    best: best && { step: best.step, value: best.loss, text: "best " + best.loss.toFixed(4) },
    label: "Loss of the training data" + ends(steps.loss, lossText) +
      (evaluations.step.length === 0 ? "" : ". Of the validation data" + ends(evaluations.loss, lossText)),
  },
  ...hasSteps ? [
    small("learningRate", "Learning rate", short),
    {
      ...small("gradientNorm", "Gradient norm" +
        (data.gradientClip > 0 ? " (shortened to " + data.gradientClip + ")" : ""), short),
      limit: data.gradientClip,
    },
    small("tokensPerSecond", "Tokens a second", whole),
  ] : [],
];

/** The values of the lines that have a dot, at a step or the last before it. */
function dotsOf(chart, step) {
  return chart.lines.filter(({ kind }) => kind !== "raw").map((each) => {
    const at = placeBefore(each.steps, step);
    return at < 0 ? null : { step: each.steps[at], value: each.values[at] };
  });
}

function drawCharts() {
  const width = Math.max(240, byId("charts").clientWidth);
  const frame = {
    width, left: 52, right: 14, firstStep: places[0], lastStep: Math.max(places.at(-1), places[0] + 1), seams: data.seams,
  };
  for (const chart of charts) chart.drawn = drawChart(chart, frame);
  // The middle of the slider's knob is below the cursor.
  byId("step").style.cssText = "margin-left:" + (frame.left - 8) + "px;width:" + (width - frame.left - frame.right + 16) + "px";
  byId("step").min = frame.firstStep;
  byId("step").max = frame.lastStep;
  select(state.place);
}

const fields = [
  ["step", "", (step) => whole(step)],
  ...hasSteps ? [["loss", hasMean ? "raw" : "mean", (_, at) => lossText(steps.loss[at])]] : [],
  ...hasSteps && hasMean ? [["running mean", "mean", (_, at) => lossText(steps.mean[at])]] : [],
  ...evaluations.step.length > 0 ? [["validation", "validation", (step) => {
    const at = placeBefore(evaluations.step, step);
    return at < 0 ? undefined : lossText(evaluations.loss[at]);
  }, (step) => {
    const at = placeBefore(evaluations.step, step);
    return at < 0 || evaluations.step[at] === step ? "" : " at " + whole(evaluations.step[at]);
  }]] : [],
  ...hasSteps ? [
    ["learning rate", "", (_, at) => short(steps.learningRate[at])],
    ["gradient norm", "", (_, at) => short(steps.gradientNorm[at])],
    ["tokens/s", "", (_, at) => isNumber(steps.tokensPerSecond[at]) ? whole(steps.tokensPerSecond[at]) : undefined],
    ["time", "", (_, at) => timeText(steps.elapsedMs[at])],
  ] : [],
].map(([name, kind, text, where = () => ""]) => {
  const value = make("b", {}, "\u2013");
  const note = document.createTextNode("");
  const swatch = kind === "" ? undefined : make("span", { class: "swatch " + kind, "aria-hidden": "true" });
  byId("readout")?.append(make("div", {}, value, swatch, name, note));
  return { name, text, where, value, note };
});

/** Shows the values at a step, in all charts. */
function select(place) {
  state.place = Math.min(places.length - 1, Math.max(0, place));
  const step = places[state.place];
  const at = placeBefore(steps.step, step);
  const said = fields.map(({ name, text, where, value, note }) => {
    const shownText = name !== "step" && name !== "validation" && at < 0 ? undefined : text(step, at);
    value.textContent = shownText ?? "\u2013";
    note.data = where(step);
    return shownText === undefined ? "" : name + " " + shownText + where(step);
  });
  for (const chart of charts) chart.drawn.point(step, dotsOf(chart, step));
  byId("step").value = step;
  byId("step").setAttribute("aria-valuetext", said.filter((text) => text !== "").join(", "));
}

function moveByKey(event) {
  const far = Math.max(1, Math.round(places.length / 20));
  const next = {
    ArrowLeft: state.place - 1, ArrowDown: state.place - 1, ArrowRight: state.place + 1, ArrowUp: state.place + 1,
    PageDown: state.place - far, PageUp: state.place + far, Home: 0, End: places.length - 1,
  }[event.key];
  if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  select(next);
}

if (byId("charts") !== null) {
  for (const chart of charts) {
    chart.figure = make("figure", {}, make("figcaption", {}, chart.title));
    const follow = (event) => {
      const { left } = chart.drawn.svg.getBoundingClientRect();
      select(nearestPlace(chart.drawn.stepAt(event.clientX - left)));
    };
    chart.figure.addEventListener("pointermove", follow);
    chart.figure.addEventListener("pointerdown", follow);
    chart.figure.addEventListener("click", () => byId("step").focus({ preventScroll: true }));
    byId("charts").append(chart.figure);
  }
  byId("step").addEventListener("keydown", moveByKey);
  byId("step").addEventListener("input", () => select(nearestPlace(Number(byId("step").value))));
  byId("logarithmic").addEventListener("change", (event) => {
    charts[0].isLog = event.target.checked;
    drawCharts();
  });
  drawCharts();
  let drawnWidth = byId("charts").clientWidth;
  new ResizeObserver(() => {
    if (byId("charts").clientWidth === drawnWidth) return;
    drawnWidth = byId("charts").clientWidth;
    drawCharts();
  }).observe(byId("charts"));
}
`;
