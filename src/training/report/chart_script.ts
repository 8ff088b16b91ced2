/**
 * Draws charts of curves: JavaScript for browsers, a part of the report's script.
 *
 * @module
 */

/** JavaScript. */
export const CHART_SCRIPT = String.raw`
/** Round numbers within a range, about as many as wanted. */
function ticksOf(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0);
  return ticks;
}

/** The same for a logarithmic scale: 1, 2 and 5 times powers of ten, where these are enough. */
function logTicksOf(low, high, count) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    ticks.push(...[1, 2, 5].map((each) => each * 10 ** power));
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length >= 3 ? inside : ticksOf(low, high, count);
}

/** A number at a tick. */
function tickText(value) {
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-3) return value.toExponential(1).replace(".0e", "e");
  return Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 4 });
}

const isNumber = (value) => typeof value === "number";

/** Where values of a range are between two places. */
function scaleOf(low, high, from, to, isLog) {
  const of = isLog ? Math.log : (value) => value;
  const span = of(high) - of(low) || 1;
  return (value) => from + (to - from) * (of(value) - of(low)) / span;
}

/** A line through points, with gaps where there is no number. */
function pathOf(xs, ys, x, y) {
  let text = "";
  let isDown = false;
  for (let i = 0; i < xs.length; i++) {
    const at = isNumber(ys[i]) ? y(ys[i]) : NaN;
    if (Number.isFinite(at)) text += (isDown ? "L" : "M") + x(xs[i]).toFixed(1) + " " + at.toFixed(1);
    isDown = Number.isFinite(at);
  }
  return text;
}

/**
 * Draws a chart into its figure, and returns what shows the values at a step.
 *
 * chart: { figure, height, lines: [{ steps, values, kind, hasMarks }], fromZero, isLog, limit, best, label }
 * frame: { width, left, right, firstStep, lastStep, seams }
 */
function drawChart(chart, frame) {
  const { figure, height, lines, isLog, limit, best } = chart;
  const [top, bottom] = [8, height - 20];
  const shown = lines.flatMap(({ values }) => values).filter((value) => isNumber(value) && (!isLog || value > 0));
  let low = chart.fromZero ? 0 : Math.min(...shown);
  let high = Math.max(...shown);
  if (shown.length === 0) [low, high] = [isLog ? 1 : 0, 10];
  else if (high === low) [low, high] = chart.fromZero ? [0, high || 1] : [low - Math.abs(low) / 10 - 1e-9, high + Math.abs(high) / 10 + 1e-9];
  else if (!isLog) high += (high - low) * 0.04;
  const x = scaleOf(frame.firstStep, frame.lastStep, frame.left, frame.width - frame.right, false);
  const y = scaleOf(low, high, bottom, top, isLog);
  const svg = make("svg", {
    viewBox: "0 0 " + frame.width + " " + height, height, role: "img", "aria-label": chart.label,
  });
  const count = height > 150 ? 6 : 3;
  for (const tick of (isLog ? logTicksOf : ticksOf)(low, high, count)) {
    const at = y(tick);
    svg.append(
      make("line", { class: "grid", x1: frame.left, x2: frame.width - frame.right, y1: at, y2: at }),
      make("text", { x: frame.left - 6, y: at + 4, "text-anchor": "end" }, tickText(tick)));
  }
  for (const tick of ticksOf(frame.firstStep, frame.lastStep, frame.width / 110)) {
    if (!Number.isInteger(tick)) continue;
    const [at, text] = [x(tick), tick.toLocaleString("en")];
    // The last one must not stick out.
    const anchor = at > frame.width - 30 ? "end" : "middle";
    svg.append(make("text", { x: Math.min(at, frame.width), y: height - 4, "text-anchor": anchor }, text));
  }
  for (const seam of frame.seams) {
    svg.append(make("line", { class: "seam", x1: x(seam), x2: x(seam), y1: top, y2: bottom },
      make("title", {}, "went on after step " + seam)));
  }
  if (limit > 0 && limit <= high) {
    svg.append(
      make("line", { class: "limit", x1: frame.left, x2: frame.width - frame.right, y1: y(limit), y2: y(limit) },
        make("title", {}, "longer gradients are shortened to " + limit)));
  }
  for (const { steps, values, kind, hasMarks } of lines) {
    svg.append(make("path", { class: kind, d: pathOf(steps, values, x, y) }));
    // Marks that touch each other are no marks any more; one point alone is no line.
    const isSparse = steps.length <= (frame.width - frame.left) / 9;
    if (!(hasMarks && isSparse) && steps.length > 1) continue;
    values.forEach((value, i) => {
      if (isNumber(value) && (!isLog || value > 0)) {
        svg.append(make("circle", { class: kind, cx: x(steps[i]), cy: y(value), r: 3.5 }));
      }
    });
  }
  if (best) {
    const [cx, cy] = [x(best.step), y(best.value)];
    const isRight = cx > frame.width * 0.7;
    svg.append(
      make("circle", { class: "best", cx, cy, r: 5.5 }),
      make("text", { class: "best", x: cx + (isRight ? -9 : 9), y: Math.max(top + 8, cy - 10), "text-anchor": isRight ? "end" : "start" },
        best.text));
  }
  const cursor = make("line", { class: "cursor", y1: top, y2: bottom });
  const dots = lines.filter(({ kind }) => kind !== "raw").map(({ kind }) =>
    make("circle", { class: kind, r: 4.5 }));
  svg.append(make("g", { "pointer-events": "none" }, cursor, dots));
  figure.querySelector("svg")?.remove();
  figure.append(svg);
  return {
    svg,
    stepAt: (place) => frame.firstStep + (place - frame.left) / (frame.width - frame.left - frame.right) *
      (frame.lastStep - frame.firstStep),
    /** Moves the cursor. values: of the lines that have a dot, null for none */
    point(step, values) {
      cursor.setAttribute("x1", x(step));
      cursor.setAttribute("x2", x(step));
      dots.forEach((dot, i) => {
        const at = isNumber(values[i]?.value) ? y(values[i].value) : NaN;
        dot.setAttribute("visibility", Number.isFinite(at) ? "visible" : "hidden");
        if (!Number.isFinite(at)) return;
        dot.setAttribute("cx", x(values[i].step));
        dot.setAttribute("cy", at);
      });
    },
  };
}
`;
