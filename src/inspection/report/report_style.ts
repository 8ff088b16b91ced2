/**
 * How a report looks: light and dark, on a wide screen and on a phone.
 *
 * @module
 */

/** CSS. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfaf7; --front: #1d1c1a; --soft: #6a675f; --line: #d9d5ca; --card: #ffffff;
  --accent: 32 92 160; --minus: 176 64 44; --on-accent: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #161719; --front: #e9e7e1; --soft: #a09d95; --line: #3a3b3f; --card: #1f2023;
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
header { position: sticky; top: 0; z-index: 2; background: var(--back); padding-bottom: .6rem; border-bottom: 1px solid var(--line); }
section { margin: 1.4rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
button, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .25rem; }
button { cursor: pointer; }
:focus-visible { outline: 3px solid rgb(var(--accent)); outline-offset: 1px; }
#tokens { display: flex; flex-wrap: wrap; gap: .2rem; max-height: 30vh; overflow: auto; padding: .2rem; }
#tokens button { padding: .1rem .35rem; white-space: pre; font-family: ui-monospace, monospace; }
#tokens button[aria-checked="true"] { background: rgb(var(--accent)); color: var(--on-accent); border-color: transparent; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child { text-align: left; }
.text { font-family: ui-monospace, monospace; white-space: pre; }
.bar { display: inline-block; height: .7em; min-width: 1px; background: rgb(var(--accent)); border-radius: 2px; vertical-align: baseline; }
.bar.minus { background: rgb(var(--minus)); }
.lens td { padding: 0; border: 1px solid var(--line); }
.lens th { position: sticky; left: 0; background: var(--card); z-index: 1; }
.lens .cell { width: 5.2rem; height: 1.7rem; overflow: hidden; text-overflow: ellipsis; border: 0; border-radius: 0; padding: 0 .25rem; font: .8rem ui-monospace, monospace; white-space: pre; display: block; text-align: left; color: var(--front); }
.lens .selected { box-shadow: inset 0 -3px rgb(var(--accent)); }
.lens .head { font: .8rem ui-monospace, monospace; white-space: pre; max-width: 5.2rem; overflow: hidden; text-overflow: ellipsis; text-align: left; position: static; }
.detail { margin-top: .8rem; min-height: 7rem; }
.maps { display: grid; gap: 2px; width: max-content; }
.maps button { padding: 0; border-radius: 2px; line-height: 0; border: 2px solid transparent; background: none; }
.maps button[aria-pressed="true"] { border-color: rgb(var(--accent)); }
.maps canvas { width: 40px; height: 40px; image-rendering: pixelated; border: 1px solid var(--line); }
.maps .label { align-self: center; font-size: .75rem; color: var(--soft); text-align: center; }
.sides { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.sides > * { min-width: 0; max-width: 100%; }
#large { image-rendering: pixelated; border: 1px solid var(--line); width: min(26rem, 80vw); height: min(26rem, 80vw); }
figure { margin: 0; }
figcaption { font: .8rem ui-monospace, monospace; color: var(--soft); min-height: 1.5em; }
.links text { font: 12px ui-monospace, monospace; fill: var(--front); white-space: pre; }
.links line { stroke: rgb(var(--accent)); }
.push { display: grid; grid-template-columns: max-content max-content 1fr; gap: .1rem .6rem; align-items: center; }
.push .value { text-align: right; font-variant-numeric: tabular-nums; }
.push .track { position: relative; height: .8em; }
.push .track .bar { position: absolute; top: 0; height: 100%; }
@media (max-width: 40rem) {
  body { padding: .5rem; }
  header { position: static; }
  section { padding: .6rem; }
  .lens .cell, .lens .head { width: 4rem; max-width: 4rem; }
  .maps canvas { width: 26px; height: 26px; }
  .push { grid-template-columns: 1fr max-content; }
  .push .track { grid-column: 1 / -1; margin-bottom: .4rem; }
}
`;
