/**
 * The texts that there are: a branch begins where another token was chosen.
 *
 * @module
 */

/** JavaScript. */
export const BRANCHES_SCRIPT = String.raw`
const BRANCHES_NAME = "gpt2.branches";
const MAX_BRANCHES = 12;
const MAX_UNDO = 100;

/** A text, what it was before and after changes that can be undone and redone, and where it leaves the one that it comes from. */
const newBranch = (parts, start = 0) => ({ parts, undo: [], redo: [], start });

let branches = [newBranch([])];
let branch = branches[0];
/** When typing last changed this text: going on without a pause is the same change. */
let lastTyped = -Infinity;

/** Changes the text so that this can be undone. */
function change(parts) {
  lastTyped = -Infinity;
  if (branch.undo.push(branch.parts) > MAX_UNDO) branch.undo.shift();
  branch.redo = [];
  branch.parts = parts;
}

/** Leaves the text as it is, and goes on with another that begins alike. */
function beginBranch(parts, start = 0) {
  lastTyped = -Infinity;
  branch = newBranch(parts, start);
  branches.push(branch);
  if (branches.length > MAX_BRANCHES) branches.shift();
}

/** Takes the last change back, or makes it again. Returns whether there was one. */
function travel(from, to) {
  if (branch[from].length === 0) return false;
  branch[to].push(branch.parts);
  branch.parts = branch[from].pop();
  return true;
}

function keepBranches() {
  const texts = branches.map(({ parts, start }) => ({ parts, start }));
  kept.set(BRANCHES_NAME, JSON.stringify({ texts, current: branches.indexOf(branch), emptyPromptIds }));
}

function restoreBranches() {
  const { texts, current, ...other } = JSON.parse(kept.get(BRANCHES_NAME) ?? "{}");
  if (texts === undefined) return;
  branches = texts.map(({ parts, start }) => newBranch(parts, start));
  branch = branches[current];
  emptyPromptIds = other.emptyPromptIds;
}

function showBranches() {
  byId("branches-section").hidden = branches.length < 2;
  byId("branches").replaceChildren(...branches.map((each, i) => {
    const text = textOf(each.parts);
    const from = Math.min(each.start, Math.max(0, text.length - 20));
    const excerpt = (from > 0 ? "\u2026" : "") + text.slice(from, from + 48) + (text.length > from + 48 ? "\u2026" : "");
    const isCurrent = each === branch;
    return make("button", {
      type: "button", "aria-pressed": isCurrent, tabindex: isCurrent ? 0 : -1, title: text.slice(-400),
      onclick: () => showBranch(each),
    }, make("span", { class: "number" }, i + 1), make("span", { class: "excerpt" }, excerpt.replaceAll("\n", " \u21b5 ") || "(empty)"));
  }));
}

function showBranch(other) {
  stopWriting();
  lastTyped = -Infinity;
  branch = other;
  hideCandidates();
  showText();
  showStatus("");
  const pressed = byId("branches").querySelector("[aria-pressed=true]");
  if (byId("branches").contains(document.activeElement) || document.activeElement === document.body) pressed.focus();
}

/** Begins an empty text; the one that was there stays among the branches. */
function beginText() {
  if (branch.parts.length > 0) {
    stopWriting();
    beginBranch([]);
    hideCandidates();
    showText();
    showStatus("");
    afterChange();
  }
  editor.focus();
}

async function copyText() {
  try {
    await navigator.clipboard.writeText(textOf(branch.parts));
    showStatus("Copied.");
  } catch {
    // Browsers let only pages of this machine, or over HTTPS, write there by themselves.
    getSelection().selectAllChildren(editor);
    showStatus(document.execCommand("copy") ? "Copied." : "The text is selected: copy it with Ctrl+C.");
  }
}

byId("new").addEventListener("click", beginText);
byId("copy").addEventListener("click", copyText);
moveByArrows(byId("branches"), () => 1, () => {});
restoreBranches();
`;
