/**
 * The text as one sees and edits it.
 *
 * @module
 */

/** JavaScript. */
export const EDITOR_SCRIPT = String.raw`
const editor = byId("editor");
// Where a browser knows that. Elsewhere, what formats is refused.
try { editor.contentEditable = "plaintext-only"; } catch { /* It stays true. */ }
const elements = new WeakMap();
let isComposing = false;

function elementOf(token) {
  let element = elements.get(token);
  if (element === undefined) {
    elements.set(token, element = make("span", { class: token.piece.startsWith("\n") ? "token line" : "token" }));
    element.style.setProperty("--p", Math.min(1, Math.max(0, token.probability)).toFixed(3));
    element.token = token;
  }
  if (element.textContent !== token.piece) element.textContent = token.piece;
  return element;
}

/** Where the cursor is, in characters of the text; undefined if it is elsewhere. */
function cursor() {
  const { rangeCount, focusNode, focusOffset } = getSelection();
  if (rangeCount === 0 || !editor.contains(focusNode)) return undefined;
  const range = document.createRange();
  range.setStart(editor, 0);
  range.setEnd(focusNode, focusOffset);
  return textWithin(range.cloneContents()).length;
}

function setCursor(offset) {
  const walker = document.createTreeWalker(editor, NodeFilter.SHOW_TEXT);
  let left = offset;
  while (walker.nextNode()) {
    const { length } = walker.currentNode.data;
    if (left <= length) return void getSelection().collapse(walker.currentNode, left);
    left -= length;
  }
  getSelection().collapse(editor, Math.max(0, editor.childNodes.length - 1));
}

/** Text, with a line for each br. */
function textWithin(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.nodeType === Node.TEXT_NODE) text += node.data;
    else if (node.tagName === "BR" && node !== lastLine) text += "\n";
  }
  return text;
}

/** Without it, an empty line at the end could not be seen, nor the cursor be there. */
const lastLine = make("br");

/** Shows the text: what has not changed stays, also in the middle of a word that is just being put together. */
function showText() {
  let node = editor.firstChild;
  for (const part of branch.parts) {
    if (!isToken(part) && node?.nodeType === Node.TEXT_NODE && node.data === part) node = node.nextSibling;
    else {
      const wanted = isToken(part) ? elementOf(part) : document.createTextNode(part);
      if (wanted === node) node = node.nextSibling;
      else editor.insertBefore(wanted, node);
    }
  }
  if (lastLine === node) node = node.nextSibling;
  else editor.insertBefore(lastLine, node);
  while (node !== null) {
    const next = node.nextSibling;
    node.remove();
    node = next;
  }
  editor.classList.toggle("empty", branch.parts.length === 0);
  byId("undo").disabled = branch.undo.length === 0;
  byId("redo").disabled = branch.redo.length === 0;
}

/** Puts typed text in the place of other text. Typing without a pause is one change. */
function type({ start, end, inserted }) {
  const parts = edited(branch.parts, start, end, inserted);
  const now = performance.now();
  if (now - lastTyped < 1000 && branch.undo.length > 0) branch.parts = parts;
  else change(parts);
  lastTyped = now;
  hideCandidates();
  showText();
  setCursor(start + inserted.length);
  afterChange();
}

function readEditor() {
  const offset = cursor();
  const changed = difference(textOf(branch.parts), textWithin(editor));
  if (changed.start === changed.end && changed.inserted === "") return showText();
  type(changed);
  if (offset !== undefined) setCursor(offset);
}

/** Puts text where the cursor or the selection is. */
function insert(text) {
  const range = getSelection().getRangeAt(0);
  const before = document.createRange();
  before.setStart(editor, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = textWithin(before.cloneContents()).length;
  type({ start, end: start + textWithin(range.cloneContents()).length, inserted: text.replaceAll("\r", "") });
}

function travelTo(from, to) {
  if (isWriting()) return;
  lastTyped = -Infinity;
  if (!travel(from, to)) return;
  hideCandidates();
  showText();
  setCursor(textOf(branch.parts).length);
  showStatus("");
  afterChange();
}
const undo = () => travelTo("undo", "redo");
const redo = () => travelTo("redo", "undo");

editor.addEventListener("beforeinput", (event) => {
  const { inputType } = event;
  if (inputType.startsWith("format")) return event.preventDefault();
  const isOurs = ["insertParagraph", "insertLineBreak", "insertFromPaste", "insertFromDrop", "historyUndo", "historyRedo"]
    .includes(inputType);
  if (isWriting() || isOurs) event.preventDefault();
  if (isWriting()) showStatus("Stop the model (Escape) to type.");
  else if (inputType === "historyUndo") undo();
  else if (inputType === "historyRedo") redo();
  else if (isOurs) insert(/^insert(Par|Line)/.test(inputType) ? "\n" : event.dataTransfer?.getData("text/plain") ?? event.data ?? "");
});
editor.addEventListener("compositionstart", () => void (isComposing = true));
editor.addEventListener("compositionend", () => { isComposing = false; readEditor(); });
editor.addEventListener("input", () => { if (!isComposing) readEditor(); });
editor.addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey || event.altKey) return;
  const name = event.key.toLowerCase();
  const action = name === "z" ? event.shiftKey ? redo : undo : name === "y" ? redo : undefined;
  if (action === undefined) return;
  event.preventDefault();
  action();
});
byId("undo").addEventListener("click", undo);
byId("redo").addEventListener("click", redo);
`;
