/**
 * How a report looks: light and dark, on a wide screen and on a phone.
 *
 * @module
 */
import { BASE_STYLE } from "../../page/base_style.ts";

/** CSS. */
export const REPORT_STYLE = `${BASE_STYLE}
body { max-width: 84rem; }
header { position: sticky; top: 0; z-index: 2; background: var(--back); padding-bottom: .6rem; border-bottom: 1px solid var(--line); }
#tokens { display: flex; flex-wrap: wrap; gap: .2rem; max-height: 30vh; overflow: auto; padding: .2rem; }
#tokens button { padding: .1rem .35rem; white-space: pre; font-family: ui-monospace, monospace; }
#tokens button[aria-checked="true"] { background: rgb(var(--accent)); color: var(--on-accent); border-color: transparent; }
.lens td { padding: 0; border: 1px solid var(--line); }
.lens th { position: sticky; left: 0; background: var(--card); z-index: 1; }
.lens .cell { width: 5.2rem; height: 1.7rem; overflow: hidden; text-overflow: ellipsis; border: 0; border-radius: 0; padding: 0 .25rem; font: .8rem ui-monospace, monospace; white-space: pre; display: block; text-align: left; color: var(--front); }
.lens .selected { box-shadow: inset 0 -3px rgb(var(--accent)); }
.lens .head { font: .8rem ui-monospace, monospace; white-space: pre; max-width: 5.2rem; overflow: hidden; text-overflow: ellipsis; text-align: left; position: static; }
.detail { margin-top: .8rem; min-height: 4rem; }
.measure { display: inline-grid; grid-template-columns: 6rem 3.8rem; align-items: center; gap: .5rem; }
.measures td:not(:first-child), .measures th { text-align: left; }
.measures .measure > :last-child { text-align: right; }
#compare .measure { display: grid; grid-template-columns: minmax(4rem, 1fr) 4.5rem; }
#compare table { width: 100%; }
#compare :is(th, td):nth-child(2) { width: 70%; }
#compare :is(th, td):last-child { text-align: right; }
.readings { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .2rem 1.5rem; margin: 0; padding: 0; list-style: none; }
.readings li { display: grid; grid-template-columns: minmax(0, 1fr) 4rem 3.8rem; align-items: center; gap: .5rem; border-bottom: 1px solid var(--line); padding: .1rem 0; font-variant-numeric: tabular-nums; }
.readings .text { overflow: hidden; text-overflow: ellipsis; }
.readings .value { text-align: right; white-space: nowrap; }
.sides td:nth-child(2) { text-align: left; min-width: 7rem; }
.heads { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.heads > :first-child { flex: none; }
.heads > .detail { flex: 1 1 24rem; min-width: 0; margin: 0; }
.maps { display: grid; gap: 2px; width: max-content; }
.maps button { padding: 0; border-radius: 2px; line-height: 0; border: 2px solid transparent; background: none; }
.maps button[aria-pressed="true"] { border-color: rgb(var(--accent)); }
.maps canvas { width: 40px; height: 40px; image-rendering: pixelated; border: 1px solid var(--line); }
.maps .label { align-self: center; font-size: .75rem; color: var(--soft); text-align: center; }
.sides { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.sides > * { min-width: 0; max-width: 100%; }
#large { image-rendering: pixelated; border: 1px solid var(--line); width: min(23rem, 80vw); height: min(23rem, 80vw); }
figure { margin: 0; }
figcaption { font: .8rem ui-monospace, monospace; color: var(--soft); min-height: 1.5em; }
.links text { font: 12px ui-monospace, monospace; fill: var(--front); white-space: pre; }
.links line { stroke: rgb(var(--accent)); }
.push { display: grid; grid-template-columns: max-content max-content 1fr; gap: .1rem .6rem; align-items: center; }
.push .value { text-align: right; font-variant-numeric: tabular-nums; }
.push .track { position: relative; height: .8em; }
.push .track .bar { position: absolute; top: 0; height: 100%; }
@media (min-width: 62rem) {
  main { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 1.4rem; margin-top: 1.4rem; }
  main > section { margin: 0; grid-column: 1 / -1; min-width: 0; }
  main > #next-section { grid-column: 1; max-width: 34rem; }
  main > #push-section { grid-column: 2; }
}
@media print {
  header { position: static; }
  #tokens, #links { max-height: none !important; }
  .lens .cell, .maps canvas, #large, #tokens button { print-color-adjust: exact; }
}
@media (max-width: 40rem) {
  body { padding: .5rem; }
  header { position: static; }
  section { padding: .6rem; }
  .lens .cell, .lens .head { width: 4rem; max-width: 4rem; }
  .maps canvas { width: 26px; height: 26px; }
  .measure { grid-template-columns: 2rem 3.8rem; }
  #compare .measure { grid-template-columns: minmax(.5rem, 1fr) 3.8rem; }
  #compare :is(th, td):nth-child(2) { width: 25%; }
  #compare th { white-space: normal; vertical-align: bottom; }
  :is(#compare, #next) :is(th, td) { padding-inline: .2rem; font-size: .85rem; }
  .push { grid-template-columns: 1fr max-content; }
  .push .track { grid-column: 1 / -1; margin-bottom: .4rem; }
}
`;
