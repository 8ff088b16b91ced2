/**
 * How a report looks: light and dark, on a wide screen and on a phone.
 *
 * @module
 */
import { BASE_STYLE } from "../../page/base_style.ts";

/** CSS. */
export const REPORT_STYLE = `${BASE_STYLE}
header { position: sticky; top: 0; z-index: 2; background: var(--back); padding-bottom: .6rem; border-bottom: 1px solid var(--line); }
#tokens { display: flex; flex-wrap: wrap; gap: .2rem; max-height: 30vh; overflow: auto; padding: .2rem; }
#tokens button { padding: .1rem .35rem; white-space: pre; font-family: ui-monospace, monospace; }
#tokens button[aria-checked="true"] { background: rgb(var(--accent)); color: var(--on-accent); border-color: transparent; }
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
