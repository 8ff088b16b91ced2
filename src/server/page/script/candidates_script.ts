/**
 * What could be in the place of a token.
 *
 * @module
 */

/** JavaScript. */
export const CANDIDATES_SCRIPT = String.raw`
const popup = byId("candidates");
let shownToken;
let hideTimer;

/** A token as one reads it: what is no text by itself as its bytes. */
const readable = (text) => shown(text.replace(/^bytes:/, ""));

const ORDINALS = ["", "likeliest", "2nd likeliest", "3rd likeliest"];
const rankText = (token) => {
  const rank = rankOf(token);
  return rank === undefined ? "not among the likeliest" : ORDINALS[rank] ?? rank + "th likeliest";
};

function showCandidates(token) {
  clearTimeout(hideTimer);
  if (token === shownToken) return;
  hideCandidates();
  shownToken = token;
  elementOf(token).classList.add("shown");
  const rest = 1 - token.candidates.reduce((sum, { probability }) => sum + probability, 0);
  popup.replaceChildren(
    make("p", {}, make("span", { class: "text" }, readable(nameOf(token))), " ", percent(token.probability), ", " + rankText(token)),
    ...token.candidates.map(({ id, text, probability }, i) => {
      const isHere = id === token.id;
      return make("button", {
        type: "button", class: "candidate", tabindex: isHere || i === 0 ? 0 : -1, "aria-current": isHere ? "true" : undefined,
        "aria-label": readable(text) + ", " + percent(probability) + (isHere ? ", is in the text" : ", write on with it"),
        onclick: () => choose(token, { id, text, probability }),
      }, make("span", { class: "text", title: readable(text) }, readable(text)), bar(probability), make("span", { class: "value" }, percent(probability)));
    }),
    make("p", { class: "rest" }, "all others " + percent(Math.max(0, rest))),
    // Seen at the top, and reached last: Escape does the same.
    make("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => leaveCandidates() }, "\u00d7"));
  popup.hidden = false;
  place();
}

const nameOf = (token) => token.candidates.find(({ id }) => id === token.id)?.text ?? token.piece;

/** Whether what is shown lies along the lower edge, as on a phone. */
const isSheet = matchMedia("(max-width: 40rem)");

/** Where the text ends: what is shown covers neither the buttons nor what the server refuses. */
const lowerEdge = () =>
  Math.max(160, Math.min(innerHeight - 4, editor.getBoundingClientRect().bottom, byId("bar").getBoundingClientRect().top));

/** Below the token, above it where there is no room, or else beside it. */
function place() {
  const { left, right, top, bottom } = elementOf(shownToken).getClientRects()[0] ?? editor.getBoundingClientRect();
  const edge = lowerEdge();
  popup.style.bottom = isSheet.matches ? innerHeight - edge + "px" : "";
  popup.style.maxHeight = (isSheet.matches ? 0.6 * edge : edge - 4) + "px";
  const { offsetWidth: width, offsetHeight: height } = popup;
  const isBeside = bottom + height > edge && top < height;
  const y = bottom + height <= edge ? bottom : isBeside ? edge - height : top - height;
  const x = !isBeside ? left - 8 : right + width < innerWidth - 4 ? right : left - width;
  popup.style.left = Math.max(4, Math.min(x, innerWidth - width - 4)) + "px";
  popup.style.top = Math.max(4, y) + "px";
}

/** Scrolls the text where the token would be behind what is shown along the lower edge. */
function uncover(token) {
  if (!isSheet.matches) return;
  const hidden = elementOf(token).getBoundingClientRect().bottom + 8 - popup.getBoundingClientRect().top;
  if (hidden <= 0) return;
  const before = editor.scrollTop;
  editor.scrollTop += hidden;
  scrollBy(0, hidden - (editor.scrollTop - before));
  place();
}

function hideCandidates() {
  clearTimeout(hideTimer);
  if (shownToken === undefined) return;
  elementOf(shownToken).classList.remove("shown");
  shownToken = undefined;
  popup.hidden = true;
}

/** Back to the text, at the end of the token. */
function leaveCandidates() {
  const token = shownToken;
  const wasInside = popup.contains(document.activeElement);
  hideCandidates();
  if (!wasInside) return;
  editor.focus();
  setCursor(textOf(branch.parts.slice(0, branch.parts.indexOf(token) + 1)).length);
}

/** Cuts the text before a token, puts another in its place, and writes on. */
function choose(token, { id, text, probability }) {
  if (id === token.id) return leaveCandidates();
  stopWriting();
  const before = branch.parts.slice(0, branch.parts.indexOf(token));
  hideCandidates();
  const parts = withToken(before, { id, name: text, probability, candidates: token.candidates });
  beginBranch(parts, textOf(before).length);
  editor.focus({ preventScroll: true });
  showText();
  write();
}

const tokenAt = (target) => target.closest?.(".token")?.token;

let pointedAt;
// When the pointer moves, not when text moves below it, as it does while the model writes.
editor.addEventListener("pointermove", (event) => {
  if (event.pointerType !== "mouse" || event.buttons !== 0) return;
  const token = tokenAt(event.target);
  if (token === pointedAt && (token === shownToken || token === undefined)) return;
  pointedAt = token;
  clearTimeout(hideTimer);
  if (token === undefined) hideSoon();
  // On the way to what is shown, others are passed by.
  else if (shownToken === undefined) showCandidates(token);
  else if (token !== shownToken) hideTimer = setTimeout(() => showCandidates(token), 120);
});
editor.addEventListener("pointerleave", hideSoon);
popup.addEventListener("pointerenter", () => clearTimeout(hideTimer));
popup.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hideSoon(); });
editor.addEventListener("scroll", () => { if (shownToken !== undefined) place(); });
addEventListener("scroll", () => { if (shownToken !== undefined) place(); });
addEventListener("resize", () => hideCandidates());
// Who goes on to something else has seen enough.
addEventListener("pointerdown", ({ target }) => { if (!popup.contains(target) && !editor.contains(target)) hideCandidates(); });
popup.addEventListener("focusout", ({ relatedTarget: next }) => {
  if (next !== null && !popup.contains(next) && !editor.contains(next)) hideCandidates();
});

function hideSoon() {
  clearTimeout(hideTimer);
  hideTimer = setTimeout(() => { if (!popup.contains(document.activeElement)) hideCandidates(); }, 250);
}

// A tap on a token shows what could be there; a second one puts the cursor there.
editor.addEventListener("pointerdown", (event) => {
  editor.lastPointer = event.pointerType;
});
editor.addEventListener("mousedown", (event) => {
  const token = tokenAt(event.target);
  if (editor.lastPointer === "mouse" || token === undefined || token === shownToken) return;
  event.preventDefault();
  showCandidates(token);
  uncover(token);
});

// The cursor shows the token that it is in or after, when keys have moved it.
editor.addEventListener("keyup", (event) => {
  if (!/^(Arrow|Home|End|Page)/.test(event.key) || event.shiftKey || !getSelection().isCollapsed) return;
  const offset = cursor();
  let end = 0;
  const token = branch.parts.find((part) => (end += pieceOf(part).length) >= offset && offset > 0);
  if (token !== undefined && isToken(token)) {
    showCandidates(token);
    uncover(token);
  } else hideCandidates();
});

popup.addEventListener("keydown", (event) => {
  const { key } = event;
  const buttons = [...popup.querySelectorAll(".candidate")];
  const index = buttons.indexOf(document.activeElement);
  if (key === "Escape" && !isWriting()) leaveCandidates();
  else if (key === "ArrowUp" || key === "ArrowDown") {
    (buttons[index + (key === "ArrowUp" ? -1 : 1)] ?? buttons[index])?.focus();
  } else if (key === "ArrowLeft" || key === "ArrowRight") {
    const tokens = branch.parts.filter(isToken);
    const next = tokens[tokens.indexOf(shownToken) + (key === "ArrowLeft" ? -1 : 1)];
    if (next !== undefined) {
      showCandidates(next);
      elementOf(next).scrollIntoView({ block: "nearest" });
      place();
      (popup.querySelector("[aria-current]") ?? popup.querySelector(".candidate")).focus();
    }
  } else return;
  event.preventDefault();
});
`;
