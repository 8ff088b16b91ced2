/**
 * What the pages of this package look like: colours, light and dark, text, buttons, tables and bars.
 *
 * @module
 */

/** CSS. */
export const BASE_STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfaf7; --front: #1d1c1a; --soft: #6a675f; --line: #d9d5ca; --edge: #8c887d; --card: #ffffff;
  --accent: 32 92 160; --minus: 176 64 44; --on-accent: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #161719; --front: #e9e7e1; --soft: #a09d95; --line: #3a3b3f; --edge: #777a82; --card: #1f2023;
    --accent: 116 176 244; --minus: 240 140 116; --on-accent: #10151c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--back); color: var(--front);
  font: 16px/1.45 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
p { margin: 0 0 .8rem; color: var(--soft); max-width: 60rem; }
section { margin: 1.4rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
button, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .25rem; }
select { border-color: var(--edge); }
button { cursor: pointer; }
:focus-visible { outline: 3px solid rgb(var(--accent)); outline-offset: 1px; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child { text-align: left; }
.text { font-family: ui-monospace, monospace; white-space: pre; }
.bar { display: inline-block; height: .7em; min-width: 1px; background: rgb(var(--accent)); border-radius: 2px; vertical-align: baseline; }
.bar.minus { background: rgb(var(--minus)); }
@media (forced-colors: active) { .bar { forced-color-adjust: none; } }
@media print { .bar { print-color-adjust: exact; } section { break-inside: avoid; } }
`;
