/**
 * What the scripts of this package's pages have in common: JavaScript for browsers.
 *
 * @module
 */

/** JavaScript, which may also be part of another program. */
export const BASE_SCRIPT = String.raw`
/** A token so that one sees what it is. */
function shown(text) {
  return text.replaceAll("\n", "\u21b5").replaceAll("\t", "\u21e5").replaceAll(" ", "\u00b7") || "\u2205";
}

function percent(value) {
  return value >= 0.0995 ? (100 * value).toFixed(0) + " %"
    : value >= 0.001 ? (100 * value).toFixed(1) + " %" : "< 0.1 %";
}

/** An element with attributes and children. Text becomes text, never markup. */
function make(tag, attributes, ...children) {
  const isSvg = ["svg", "g", "line", "path", "circle", "text", "title"].includes(tag);
  const element = isSvg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    // Not as an attribute, which a strict policy forbids.
    else if (name === "style") element.style.cssText = value;
    else if (value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) if (child !== undefined) element.append(child);
  return element;
}

const byId = (id) => document.getElementById(id);
const colour = (name, alpha) => "rgb(var(--" + name + ") / " + alpha + ")";
const bar = (value) => make("span", { class: "bar", style: "width:" + (6 * value).toFixed(2) + "rem" });

/** One of a row or grid of buttons can be reached by Tab; arrow keys move among them. */
function moveByArrows(container, columns, choose) {
  container.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
    const buttons = [...container.querySelectorAll("button")];
    const index = buttons.indexOf(document.activeElement);
    let next = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : index + steps[event.key];
    if (index < 0 || !(next >= 0 && next < buttons.length)) return;
    event.preventDefault();
    for (const button of buttons) button.tabIndex = -1;
    buttons[next].tabIndex = 0;
    buttons[next].focus();
    choose(buttons[next]);
  });
}
`;
