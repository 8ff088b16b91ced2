/**
 * How the page looks: light and dark, on a wide screen and on a phone.
 *
 * @module
 */
import { BASE_STYLE } from "../../page/base_style.ts";

/** CSS. */
export const PAGE_STYLE = `${BASE_STYLE}
html { height: 100%; }
body { height: 100%; display: flex; flex-direction: column; gap: .8rem; }
h1 { margin: 0; }
h2 { margin: 0; font-size: 1rem; display: inline; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: .2rem 1rem; }
main { flex: 1; min-height: 0; display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr) 19rem; gap: 1rem; }
#paper, aside { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
aside { align-self: start; max-height: 100%; overflow: auto; scrollbar-width: thin; }
aside > * { margin: 0; padding: .8rem 1rem; background: none; border: 0; border-radius: 0; }
aside > :not(:last-child) { border-bottom: 1px solid var(--line); }
.hint { margin: 0; font-size: .8rem; color: var(--soft); line-height: 1.3; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: pre; }
#context { color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; display: flex; align-items: center; gap: .6rem; min-height: 1.45em; }
#context:has(#context-text:empty) { visibility: hidden; }
#context-bar { display: inline-block; width: 7rem; height: .5rem; border-radius: .25rem; background: var(--line); overflow: hidden; }
#context-bar span { display: block; width: 0; height: 100%; background: rgb(var(--accent)); }
#context.full #context-bar span { background: rgb(var(--minus)); }
#paper { padding: 0; display: flex; flex-direction: column; min-height: 0; }
#editor {
  flex: 1; min-height: 8rem; overflow: auto; padding: 1rem 1.2rem; font-size: 1.1rem; line-height: 1.7; white-space: pre-wrap;
  overflow-wrap: anywhere; border-radius: .5rem .5rem 0 0; cursor: text;
}
#editor:focus-visible { outline-width: 2px; outline-offset: -2px; }
#editor.empty::before { content: attr(data-placeholder); color: var(--soft); float: left; height: 0; pointer-events: none; }
.token { background: rgb(var(--accent) / calc(.05 + .3 * var(--p))); border-radius: 2px; padding: .1em 0; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.token.line::before { content: "\\21b5"; color: var(--soft); opacity: .7; padding: 0 .15em; }
.token:empty::before { content: "\\00b7"; color: var(--soft); }
.token:hover, .token.shown { box-shadow: 0 2px rgb(var(--accent)); }
#candidates {
  position: fixed; z-index: 3; width: 22rem; max-width: calc(100vw - 8px); overflow: auto; padding: .5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; box-shadow: 0 .4rem 1.4rem rgb(0 0 0 / .25);
}
#candidates[hidden] { display: none; }
#candidates p { margin: 0; padding: .1rem 2rem .3rem .4rem; font-size: .9rem; }
#candidates p .text { white-space: pre-wrap; overflow-wrap: anywhere; }
#candidates .rest { padding: .3rem .4rem 0; text-align: right; }
#candidates .text { color: var(--front); }
#candidates .close { position: absolute; top: .4rem; right: .5rem; border: 0; padding: .1rem .5rem; line-height: 1.2; }
.candidate {
  display: grid; grid-template-columns: minmax(0, 1fr) 6rem 3.6rem; align-items: center; gap: .5rem; width: 100%; padding: .15rem .4rem;
  border: 0; text-align: left;
}
.candidate:hover, .candidate:focus { background: rgb(var(--accent) / .15); }
.candidate[aria-current] .text { font-weight: 700; }
.candidate .text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; white-space: pre-wrap; }
.candidate .value { text-align: right; font-variant-numeric: tabular-nums; font-size: .9rem; }
#problem { color: rgb(var(--minus)); padding: 0 1.2rem; }
#problem:not(:empty) { padding: .5rem 1.2rem; border-top: 1px solid var(--line); }
#key-form:not([hidden]) { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .6rem; }
#key-form .hint { flex-basis: 100%; }
#key-form { padding: .5rem 1.2rem; border-top: 1px solid var(--line); }
#bar { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; padding: .7rem 1rem; border-top: 1px solid var(--line); }
#bar button, #key-form button, #controls button { padding: .3rem .9rem; }
#bar .main { background: rgb(var(--accent)); color: var(--on-accent); border-color: transparent; font-weight: 600; }
button:disabled { opacity: .45; cursor: default; }
#status { color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; margin-left: auto; text-align: right; }
summary { cursor: pointer; }
input, textarea { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--edge); border-radius: .25rem; padding: .2rem .4rem; }
input[aria-invalid="true"] { border-color: rgb(var(--minus)); }
input:disabled { opacity: .45; }
#controls { display: grid; gap: .6rem; margin-top: .7rem; }
.control { display: grid; grid-template-columns: 1fr 6.5rem; align-items: center; gap: 0 .6rem; }
.control .hint { grid-column: 1 / -1; }
.control input { width: 100%; text-align: right; }
.control input[type="checkbox"] { width: 1.1rem; height: 1.1rem; margin: .2rem 0; justify-self: end; accent-color: rgb(var(--accent)); }
.control.wide { grid-template-columns: 1fr; }
.control textarea { width: 100%; resize: vertical; font-family: ui-monospace, monospace; font-size: .9rem; }
#controls button { justify-self: start; }
#branches { display: grid; grid-template-columns: minmax(0, 1fr); gap: .25rem; margin-top: .5rem; max-height: 14rem; overflow: auto; }
#branches button { display: flex; gap: .5rem; padding: .2rem .5rem; text-align: left; font-size: .9rem; }
#branches button[aria-pressed="true"] { border-color: rgb(var(--accent)); box-shadow: inset 3px 0 rgb(var(--accent)); }
#branches .number { color: var(--soft); }
#branches .excerpt { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#help p, #help ul { margin: .5rem 0 0; padding: 0; font-size: .85rem; color: var(--soft); list-style: none; }
#help kbd { font: .8em ui-monospace, monospace; border: 1px solid var(--line); border-radius: .2rem; padding: 0 .25rem; }
#legend span { display: inline-block; width: 1.2rem; height: .9em; vertical-align: baseline; background: rgb(var(--accent) / .05); }
#legend span:nth-child(2) { background: rgb(var(--accent) / .12); }
#legend span:nth-child(3) { background: rgb(var(--accent) / .2); }
#legend span:nth-child(4) { background: rgb(var(--accent) / .28); }
#legend span:nth-child(5) { background: rgb(var(--accent) / .35); }
@media (max-width: 50rem) {
  html, body { height: auto; }
  body { min-height: 100%; }
  main { display: flex; flex-direction: column; }
  #editor { min-height: 40vh; max-height: 65vh; }
  aside { align-self: stretch; max-height: none; overflow: visible; }
  #bar { position: sticky; bottom: 0; background: var(--card); border-radius: 0 0 .5rem .5rem; }
  #bar { gap: .35rem; padding: .6rem; }
  #bar button { padding: .45rem .6rem; }
  #status { flex: 1 1 60%; margin: 0; text-align: left; min-height: 1.3em; }
}
@media (max-width: 40rem) {
  #candidates { left: 0 !important; right: 0; top: auto !important; width: auto; max-width: none; border-radius: .8rem .8rem 0 0; }
  .candidate { padding: .4rem; }
}
@media print {
  html, body { height: auto; }
  main { display: block; }
  #editor { overflow: visible; max-height: none; }
  #paper { border: 0; }
  .token { print-color-adjust: exact; }
  #context, #candidates, #problem, #key-form, #bar, aside { display: none !important; }
}
`;
